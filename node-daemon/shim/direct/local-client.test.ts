import { beforeEach, expect, test } from "vitest";
import type { AnswerListener, CalleeExchange } from "../../link/exchange.ts";
import { frameLimits } from "../../link/limits.ts";
import { requestHead } from "../serving/fake-exchange.ts";
import { LocalClient } from "./local-client.ts";

const turn = () => new Promise((resolve) => setImmediate(resolve));
const window = 64 * 1024;

let heard: string[];
let callees: CalleeExchange[];
let accept: (exchange: CalleeExchange) => void;
let bugs: unknown[];
let told: number;
let client: LocalClient;
beforeEach(() => {
  heard = [];
  callees = [];
  bugs = [];
  told = 0;
  accept = (exchange) => void callees.push(exchange);
  client = new LocalClient({
    accept: (exchange) => accept(exchange),
    told: () => told++,
    bug: (thrown) => bugs.push(thrown),
  });
});

const listener = (more: Partial<AnswerListener> = {}): AnswerListener => ({
  head: ({ status }) => heard.push(`head ${status}`),
  data: (bytes) => heard.push(`data ${bytes.toString()}`),
  end: ({ trailers }) => heard.push(`end ${trailers.join()}`),
  fault: (fault) => heard.push(`fault ${fault.kind}${"reason" in fault ? ` ${fault.reason}` : ""}`),
  drain: () => heard.push("drain"),
  ...more,
});

const requestListener = () => ({
  data: (bytes: Buffer) => heard.push(`request ${bytes.toString()}`),
  end: (trailers: readonly string[]) => heard.push(`request end ${trailers.join()}`),
  cancelled: () => heard.push("cancelled"),
  drain: () => heard.push("request drain"),
});

function begin(more: Partial<AnswerListener> = {}) {
  const caller = client.open(requestHead(), listener(more));
  const callee = callees.at(-1);
  if (callee === undefined) throw new Error("no exchange");
  return { caller, callee };
}

test("LocalClient: an answer is told when the turn is over, in order, and with its pieces as one", async () => {
  const { callee } = begin();
  const memory = Buffer.from("ab");
  callee.respond({ status: 200, headers: [] });
  callee.write(memory);
  // A guest's memory is another thing a moment later.
  memory.fill("x");
  callee.write(Buffer.from("c"));
  callee.end({ trailers: ["t", "1"] });
  expect(heard).toEqual([]);
  await turn();
  expect(heard).toEqual(["head 200", "data abc", "end t,1"]);
  expect(told).toBe(1);
});

test("LocalClient: a request reaches whoever listens, also what came before", () => {
  const { caller, callee } = begin();
  caller.write(Buffer.from("early"));
  callee.listen(requestListener());
  caller.write(Buffer.from("late"));
  caller.end(["t", "1"]);
  expect(heard).toEqual(["request early", "request late", "request end t,1"]);
});

test("LocalClient: no event comes before the exchange is there", async () => {
  accept = (exchange) => exchange.fault({ kind: "refused", reason: "full", message: "", retryAfterMs: 0 });
  client.open(requestHead(), listener());
  expect(heard).toEqual([]);
  await turn();
  expect(heard).toEqual(["fault refused full"]);
});

test("LocalClient: an upgrade is nothing for a guest that is asked", async () => {
  client.open(requestHead({ upgrade: "websocket" }), listener());
  await turn();
  expect(callees).toEqual([]);
  expect(heard).toEqual(["fault refused unsupported"]);
});

test("LocalClient: each direction waits for its reader", async () => {
  const { caller, callee } = begin();
  callee.listen({ ...requestListener(), data: () => {} });
  expect(caller.write(Buffer.alloc(window - 1))).toBe(true);
  expect(caller.write(Buffer.alloc(1))).toBe(false);
  callee.consumed(1);
  await turn();
  expect(heard).toEqual(["drain"]);

  callee.respond({ status: 200, headers: [] });
  expect(callee.write(Buffer.alloc(window - 1))).toBe(true);
  expect(callee.write(Buffer.alloc(1))).toBe(false);
  await turn();
  caller.consumed(1);
  expect(heard.at(-1)).toBe("request drain");
});

test("LocalClient: nothing is told after the caller has cancelled", async () => {
  const { caller, callee } = begin();
  callee.listen(requestListener());
  callee.respond({ status: 200, headers: [] });
  caller.cancel();
  caller.cancel();
  expect(callee.write(Buffer.from("x"))).toBe(true);
  callee.end({ trailers: [] });
  await turn();
  expect(heard).toEqual(["cancelled"]);
});

test("LocalClient: a caller may cancel while it is told", async () => {
  const { callee, caller } = begin({ head: () => caller.cancel() });
  callee.respond({ status: 200, headers: [] });
  callee.write(Buffer.from("x"));
  callee.end({ trailers: [] });
  await turn();
  expect(heard).toEqual([]);
});

test.each([
  ["head", (callee: CalleeExchange) => callee.respond({ status: 200, headers: ["a", huge] }), []],
  [
    "trailers",
    (callee: CalleeExchange) => {
      callee.respond({ status: 200, headers: [] });
      callee.end({ trailers: ["a", huge] });
    },
    ["head 200"],
  ],
])("LocalClient: %s that no link would take are none of an answer", async (_what, answer, before) => {
  answer(begin().callee);
  await turn();
  expect(heard).toEqual([...before, "fault failed invalid"]);
});
const huge = "x".repeat(frameLimits.headBytesMax);

test("LocalClient: a listener that throws loses its exchange alone", async () => {
  const one = begin({
    head: () => {
      throw new Error("a bug");
    },
  });
  const other = begin();
  one.callee.listen(requestListener());
  for (const { callee } of [one, other]) callee.respond({ status: 200, headers: [] });
  await turn();
  expect(bugs).toEqual([new Error("a bug")]);
  expect(heard).toEqual(["cancelled", "head 200"]);
});
