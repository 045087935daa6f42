import { expect, test } from "vitest";
import { seededRandom } from "../../kit/random.ts";
import { defaultLinkLimits } from "./limits.ts";
import { choppyPair, Heard, pair, settled, someHead } from "./test-link.ts";

test("an exchange: head, body and end arrive on both sides", async () => {
  const { caller, requests } = await pair();
  const heard = new Heard();
  const exchange = caller.open(someHead, heard);
  exchange?.write(Buffer.from("question"));
  exchange?.end(["x-checksum", "1"]);
  await settled();
  const [request] = requests;
  expect(request?.head).toEqual(someHead);
  let body = "";
  request?.listen({
    data: (bytes) => (body += bytes.toString()),
    end: (trailers) => (body += trailers.join("=")),
    cancelled() {},
    drain() {},
  });
  expect(body).toBe("questionx-checksum=1");
  request?.respond({ status: 200, headers: ["x", "y"] });
  request?.write(Buffer.from("answer"));
  request?.end({ trailers: [], usage: { cpuUs: 5, fuel: 7 } });
  await settled();
  expect(heard.text).toBe("answer");
  expect(heard.events).toEqual(["head 200 x,y", 'end {"trailers":[],"usage":{"cpuUs":5,"fuel":7}}']);
  expect(caller.count).toBe(0);
});

test("an upgrade: after a 101 bytes go both ways, each as far as the other end takes them", async () => {
  const { caller, requests } = await pair();
  const heard = new Heard();
  const head = { ...someHead, upgrade: "websocket" } as const;
  const exchange = caller.open(head, heard);
  await settled();
  const [request] = requests;
  expect(request?.head).toEqual(head);
  let said = "";
  request?.listen({
    data: (bytes) => {
      said += bytes.toString();
      request.consumed(bytes.length);
    },
    end: () => (said += " end"),
    cancelled() {},
    drain() {},
  });
  request?.respond({ status: 101, headers: ["sec-websocket-accept", "x"] });
  request?.write(Buffer.from("first"));
  await settled();
  expect([heard.events, heard.text]).toEqual([["head 101 sec-websocket-accept,x"], "first"]);
  expect(exchange?.write(Buffer.from("question"))).toBe(true);
  exchange?.end([]);
  await settled();
  request?.write(Buffer.from(", last"));
  request?.end({ trailers: [] });
  await settled();
  expect([said, heard.text]).toEqual(["question end", "first, last"]);
  expect(heard.events.slice(1)).toEqual(['end {"trailers":[]}']);
});

test("an upgrade: nobody is answered with 101 who has not asked for one", async () => {
  const { caller, requests } = await pair();
  const heard = new Heard();
  caller.open(someHead, heard);
  await settled();
  requests[0]?.respond({ status: 101, headers: [] });
  await settled();
  expect(heard.events).toEqual(["fault failed invalid"]);
});

test("goaway: those under way finish, what the callee has not seen is refused, and both ends close", async () => {
  const { caller, callee, requests, ends } = await pair();
  const early = new Heard();
  caller.open(someHead, early)?.end([]);
  await settled();
  callee.leave();
  const late = new Heard();
  caller.open(someHead, late)?.end([]);
  await settled();
  expect(late.events).toEqual(["fault refused draining"]);
  expect(caller.accepts).toBe(false);
  requests[0]?.respond({ status: 204, headers: [] });
  requests[0]?.end({ trailers: [] });
  await settled();
  expect(early.events).toEqual(["head 204 ", 'end {"trailers":[]}']);
  expect(ends.map((end) => end.reason)).toEqual(["closed", "closed"]);
});

test("a lost connection: what was sent is lost, what never left is refused, the callee hears of it", async () => {
  const { caller, requests, duplexes } = await pair();
  const sent = new Heard();
  caller.open(someHead, sent)?.end([]);
  await settled();
  let cancelled = 0;
  requests[0]?.listen({ data() {}, end() {}, cancelled: () => cancelled++, drain() {} });
  const unsent = new Heard();
  caller.open(someHead, unsent)?.end([]);
  duplexes[0].destroy();
  await settled();
  expect(sent.events).toEqual(["fault failed lost"]);
  expect(unsent.events).toEqual(["fault refused broken"]);
  expect(cancelled).toBe(1);
});

test("CallerExchange: what is written although there is no room comes in order, and `drain` says when there is", async () => {
  const { caller, requests } = await pair({ limits: { windowBytes: 2_000, windowBytesMax: 2_000 } });
  const heard = new Heard();
  const exchange = caller.open(someHead, heard);
  const all = Array.from({ length: 300 }, (_, index) => `piece ${index} of many, `);
  expect(all.map((piece) => exchange?.write(Buffer.from(piece))).at(-1)).toBe(false);
  await settled();
  const received: Buffer[] = [];
  const request = requests[0]!;
  request.listen({
    data: (bytes) => {
      received.push(bytes);
      request.consumed(bytes.length);
    },
    end() {},
    cancelled() {},
    drain() {},
  });
  await settled();
  expect(Buffer.concat(received).toString()).toBe(all.join(""));
  expect(heard.events).toEqual(["drain"]);
});

test("goaway: what does not end is ended after a time", async () => {
  const { caller, callee, ends, clock } = await pair();
  const heard = new Heard();
  caller.open(someHead, heard);
  await settled();
  callee.leave();
  await settled();
  clock.advance(defaultLinkLimits.leaveMsMax - 1);
  await settled();
  expect([heard.events, ends]).toEqual([[], []]);
  clock.advance(1);
  await settled();
  expect(heard.events).toEqual(["fault failed lost"]);
});

test("a link: what nobody reads is bounded at both ends", async () => {
  const limits = { windowBytes: 64 * 1024, growthBytesMax: 0, outputBytesMax: 100_000 };
  const { caller, requests, duplexes } = await pair({ limits });
  const [near, far] = duplexes;
  near.pause();
  for (let round = 0; round < 100; round++) caller.open(someHead, new Heard())?.end([]);
  await settled();
  for (const request of requests) {
    request.respond({ status: 200, headers: [] });
    request.write(Buffer.alloc(64 * 1024 - 256));
    await settled();
  }
  await settled();
  // Not the 6 MiB of all windows, which are there to be sent.
  expect(far.writableLength).toBeLessThan(300_000);
  // Nor does a caller begin what is not taken.
  for (let round = 0; round < 800 && caller.accepts; round++) {
    caller.open({ ...someHead, headers: ["x", "y".repeat(1_000)] }, new Heard())?.cancel();
    await settled();
  }
  expect(caller.accepts).toBe(false);
  expect(near.writableLength).toBeLessThan(200_000);
});

test("a link: large answers share what the connection carries", async () => {
  const random = seededRandom(1);
  const { caller, requests } = await pair({ duplexes: choppyPair(() => random.fraction()) });
  while (!caller.accepts) await settled();
  const received = Array.from({ length: 16 }, () => 0);
  const asked = received.map((_bytes, index) => {
    const heard = new Heard();
    const exchange = caller.open(someHead, heard);
    heard.onData = (bytes) => {
      received[index]! += bytes.length;
      exchange?.consumed(bytes.length);
    };
    return exchange;
  });
  while (requests.length < asked.length) await settled();
  for (const request of requests) {
    const piece = Buffer.alloc(256 * 1024);
    const send = () => {
      while (request.write(piece));
    };
    request.respond({ status: 200, headers: [] });
    request.listen({ data() {}, end() {}, cancelled() {}, drain: send });
    send();
  }
  const total = () => received.reduce((sum, bytes) => sum + bytes, 0);
  while (total() < 32 * 2 ** 20) await settled();
  expect(Math.min(...received)).toBeGreaterThan(total() / 32);
  asked.forEach((exchange) => exchange?.cancel());
});
