import { expect, test } from "vitest";
import { ClientBody } from "./client-body.ts";
import type { ClientRequest } from "./client-side.ts";
import { ByteBudget } from "./core/byte-budget.ts";
import { gatewayLimits } from "./limits.ts";

const { gather, bodySilenceMs } = gatewayLimits;

/** A client's side, as far as a body asks of it. */
function clientOf(bodyLength: number | undefined) {
  const said: string[] = [];
  const say = (what: string) => () => void said.push(what);
  const request = { bodyLength, openBody: say("open"), pauseBody: say("pause"), resumeBody: say("resume") };
  // Nothing else is asked for.
  return { said, request: request as unknown as ClientRequest };
}

function exchangeOf(hasRoom = true) {
  const sent: string[] = [];
  const exchange = {
    write: (bytes: Uint8Array) => {
      sent.push(Buffer.from(bytes).toString());
      return hasRoom;
    },
    end: () => void sent.push("end"),
    consumed: () => {},
    cancel: () => {},
  };
  return { sent, exchange };
}

test.each([
  ["of none", 0, undefined],
  ["of a known one", 5, gather.ms],
  ["of one whose length nobody has said", undefined, gather.unknownMs],
])("ClientBody: how long it is waited for: %s", (_name, length, ms) => {
  expect(new ClientBody(clientOf(length).request, new ByteBudget(10)).gatherMs).toBe(ms);
});

test("ClientBody: is gathered until there is enough of it, then sent from the beginning and on", () => {
  const { said, request } = clientOf(1_000_000);
  const body = new ClientBody(request, new ByteBudget(1_000_000));
  body.gather(0);
  expect(body.take(Buffer.from("ab"), undefined, 1)).toBe("fine");
  expect(body.take(Buffer.alloc(gather.bytes - 2, "c"), undefined, 2)).toBe("gathered");
  body.gathered();
  expect([body.dueMs, said]).toEqual([Number.POSITIVE_INFINITY, ["open", "pause"]]);
  const { sent, exchange } = exchangeOf();
  body.send(exchange, 3);
  expect(body.take(Buffer.from("d"), exchange, 4)).toBe("fine");
  body.end([], exchange);
  expect([sent[0], sent[1]?.length, sent.slice(2), said]).toEqual([
    "ab",
    gather.bytes - 2,
    ["end"],
    ["open", "pause", "resume"],
  ]);
});

test("ClientBody: is not gathered beyond the room of all, and gives its own back once", () => {
  const room = new ByteBudget(10);
  const [one, other] = [clientOf(100), clientOf(100)].map(({ request }) => new ClientBody(request, room));
  one?.gather(0);
  other?.gather(0);
  expect([one?.take(Buffer.alloc(8), undefined, 0), other?.take(Buffer.alloc(8), undefined, 0)]).toEqual([
    "fine",
    "gathered",
  ]);
  other?.gathered();
  one?.gathered();
  one?.forget();
  expect([room.take(10), room.take(1)]).toEqual([true, false]);
});

test("ClientBody: one that is over while it is gathered gives its room back, and is not paused: its rest is read away", () => {
  const room = new ByteBudget(10);
  const { said, request } = clientOf(100);
  const body = new ClientBody(request, room);
  body.gather(0);
  body.take(Buffer.alloc(10), undefined, 0);
  body.forget();
  expect([room.take(10), said]).toEqual([true, ["open"]]);
});

test("ClientBody: counts as given up after a silence, and not while it may not come", () => {
  const { request } = clientOf(100);
  const body = new ClientBody(request, new ByteBudget(10));
  expect(body.dueMs).toBe(Number.POSITIVE_INFINITY);
  body.send(exchangeOf().exchange, 5);
  expect(body.dueMs).toBe(5 + bodySilenceMs);
  body.pause();
  expect(body.dueMs).toBe(Number.POSITIVE_INFINITY);
  body.resume(9);
  expect(body.dueMs).toBe(9 + bodySilenceMs);
  body.end([], undefined);
  expect(body.dueMs).toBe(Number.POSITIVE_INFINITY);
});

test("ClientBody: waits where its instance takes no more for now", () => {
  const { said, request } = clientOf(100);
  const body = new ClientBody(request, new ByteBudget(10));
  body.gather(0);
  body.take(Buffer.from("a"), undefined, 0);
  body.gathered();
  body.send(exchangeOf(false).exchange, 1);
  expect(said).toEqual(["open", "pause"]);
});
