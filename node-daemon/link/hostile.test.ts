/** What the other end may do when somebody has taken it over. This end never throws, keeps little, and mixes nothing up. */
import { duplexPair, type Duplex } from "node:stream";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { FakeClock } from "../../kit/fake-clock.ts";
import { silentLog } from "../../kit/log.ts";
import { frameType, lastFlag } from "./frame.ts";
import { HeadEncoder } from "./head-codec.ts";
import type { CalleeExchange } from "./exchange.ts";
import { defaultLinkLimits, keepalive, lateFrames } from "./limits.ts";
import { LinkCallee } from "./link-callee.ts";
import { LinkCaller } from "./link-caller.ts";
import type { LinkEnd } from "./link-connection.ts";
import { Heard, settled, someHead } from "./test-link.ts";

const encoder = new HeadEncoder();
const limits = { ...defaultLinkLimits, windowBytes: 4_096, windowBytesMax: 4_096, exchangesMax: 10 };

function frame(type: number, stream: number, payload: Uint8Array = Buffer.alloc(0), flags = 0): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt32LE((payload.length | (type << 24) | (flags << 28)) >>> 0, 0);
  header.writeUInt32LE(stream, 4);
  return Buffer.concat([header, payload]);
}

function word(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function hello(
  changes: { role?: number; magic?: string; version?: number; oldest?: number; window?: number } = {},
): Buffer {
  const bytes = Buffer.alloc(17);
  bytes.write(changes.magic ?? "WLNK", 0, "latin1");
  bytes[4] = changes.role ?? 1;
  bytes.writeUInt16LE(changes.version ?? 1, 5);
  bytes.writeUInt16LE(changes.oldest ?? 1, 7);
  bytes.writeUInt32LE(changes.window ?? 4_096, 9);
  bytes.writeUInt32LE(10, 13);
  return frame(frameType.hello, 0, bytes);
}

function withHead(head: Buffer, body = ""): Buffer {
  return Buffer.concat([word(head.length), head, Buffer.from(body)]);
}

function request(stream: number, body = "", flags = 0, head = someHead): Buffer {
  const bytes = Buffer.alloc(encoder.measureRequest(head));
  encoder.writeRequest(head, bytes, 0);
  return frame(frameType.request, stream, withHead(bytes, body), flags);
}

function answer(stream: number, body = "", flags = 0): Buffer {
  const head = { status: 200, headers: [] };
  const bytes = Buffer.alloc(encoder.measureAnswer(head));
  encoder.writeAnswer(head, bytes, 0);
  return frame(frameType.answer, stream, withHead(bytes, body), flags);
}

const data = (stream: number, text: string, flags = 0) =>
  frame(frameType.data, stream, Buffer.from(text), flags);
const endFrame = (stream: number) => frame(frameType.end, stream, Buffer.from([0, 0, 0]));

interface Victim {
  readonly near: Duplex;
  readonly far: Duplex;
  readonly ends: LinkEnd[];
  readonly said: Buffer[];
  readonly clock: FakeClock;
}

function victim(keepalive = false) {
  const [near, far] = duplexPair();
  const ends: LinkEnd[] = [];
  const said: Buffer[] = [];
  far.on("data", (chunk: Buffer) => said.push(chunk));
  far.on("error", () => {});
  const clock = new FakeClock();
  const options = { limits, clock, log: silentLog, keepalive };
  return { near, far, ends, said, clock, options };
}

function callee(
  keepalive = false,
): Victim & { readonly requests: CalleeExchange[]; readonly link: LinkCallee } {
  const { options, ...rest } = victim(keepalive);
  const requests: CalleeExchange[] = [];
  const events = {
    request: (one: CalleeExchange) => requests.push(one),
    over: (end: LinkEnd) => rest.ends.push(end),
  };
  return { ...rest, requests, link: new LinkCallee(rest.near, events, options) };
}

/** With so many exchanges under way. */
async function caller(
  count: number,
  version = 1,
): Promise<Victim & { readonly heard: Heard[]; readonly link: LinkCaller }> {
  const { options, ...rest } = victim();
  const events = { ready() {}, leaving() {}, over: (end: LinkEnd) => rest.ends.push(end) };
  const link = new LinkCaller(rest.near, events, options);
  rest.far.write(hello({ role: 2, version }));
  await settled();
  const heard = Array.from({ length: count }, () => new Heard());
  for (const one of heard) link.open(someHead, one);
  await settled();
  return { ...rest, heard, link };
}

const small = "x".repeat(1_000);

test.each<[string, Buffer[]]>([
  ["no hello", [request(1)]],
  ["something else", [Buffer.from("GET / HTTP/1.1\r\nhost: a\r\n\r\n")]],
  ["a hello that is too short", [frame(frameType.hello, 0, Buffer.from("WLNK"))]],
  ["a hello with other magic", [hello({ magic: "HTTP" })]],
  ["a hello of a later version only", [hello({ version: 9, oldest: 7 })]],
  ["a hello of an earlier version", [hello({ version: 0, oldest: 0 })]],
  ["a hello with a huge window", [hello({ window: 2 ** 31 })]],
  ["a hello of another callee", [hello({ role: 2 })]],
  ["two hellos", [hello(), hello()]],
  ["exchange 0", [hello(), request(0)]],
  ["an exchange twice", [hello(), request(1), request(1)]],
  ["an earlier exchange", [hello(), request(5), request(4)]],
  ["more exchanges than allowed", [hello(), ...Array.from({ length: 11 }, (_, index) => request(index + 1))]],
  ["data of no exchange", [hello(), data(1, "x")]],
  ["data of exchange 0", [hello(), data(0, "x")]],
  ["data of nothing", [hello(), request(1), data(1, "")]],
  ["data after the end", [hello(), request(1, "", lastFlag), data(1, "x")]],
  ["two ends", [hello(), request(1), endFrame(1), endFrame(1)]],
  ["an end after the last data", [hello(), request(1), data(1, "x", lastFlag), endFrame(1)]],
  ["more data than the window", [hello(), request(1), ...Array.from({ length: 5 }, () => data(1, small))]],
  ["a piece in the head beyond the window", [hello(), request(1, small.repeat(5))]],
  ["many pieces of one byte", [hello(), request(1), ...Array.from({ length: 16 }, () => data(1, "x"))]],
  ["a head longer than its frame", [hello(), frame(frameType.request, 1, word(100))]],
  ["a head without its length", [hello(), frame(frameType.request, 1, Buffer.from("ab"))]],
  ["a huge head", [hello(), frame(frameType.request, 1, word(2 ** 31))]],
  ["an answer", [hello(), request(1), answer(1)]],
  ["a goaway", [hello(), request(1), frame(frameType.goaway, 1)]],
  ["a fault", [hello(), request(1), frame(frameType.fault, 1, Buffer.from([0, 0, 0, 0, 0, 0, 0, 0]))]],
  ["credit of nothing", [hello(), request(1), frame(frameType.credit, 1, word(0))]],
  ["credit without a number", [hello(), request(1), frame(frameType.credit, 1)]],
  ["huge credit", [hello(), request(1), frame(frameType.credit, 1, word(2 ** 31))]],
  [
    "credit that adds up",
    [hello(), request(1), ...Array.from({ length: 300 }, () => frame(frameType.credit, 1, word(4_096)))],
  ],
  ["a ping where there is no keepalive", [hello(), frame(frameType.ping, 0)]],
])("LinkCallee: %s ends the connection", async (_name, frames) => {
  const { far, ends, requests, link } = callee();
  const cancelled: number[] = [];
  far.write(Buffer.concat(frames));
  for (const [index, one] of requests.entries()) {
    one.listen({ data() {}, end() {}, cancelled: () => cancelled.push(index), drain() {} });
  }
  await settled();
  expect(ends.map((end) => end.reason)).toEqual(["protocol"]);
  expect(link.count).toBe(0);
});

test.each<[string, Buffer[]]>([
  ["a second answer", [answer(1), answer(1)]],
  ["a body before its head", [data(1, "x")]],
  ["an end before its head", [endFrame(1)]],
  ["the answer of an exchange that was not begun", [answer(4)]],
  ["the answer of exchange 0", [answer(0)]],
  ["a request", [request(1)]],
  ["a cancel", [frame(frameType.cancel, 1)]],
  ["more data than the window", [answer(1), ...Array.from({ length: 5 }, () => data(1, small))]],
  ["an answer with status 0", [frame(frameType.answer, 1, withHead(Buffer.from([0, 0, 0, 0, 0])))]],
  ["an answer with status 101", [frame(frameType.answer, 1, withHead(Buffer.from([0, 101, 0, 0, 0])))]],
  ["a name without a value", [frame(frameType.answer, 1, withHead(Buffer.from([0, 200, 0, 1, 0, 1, 97])))]],
  [
    "a refusal after an answer",
    [answer(1), frame(frameType.fault, 1, Buffer.from([0, 0, 0, 0, 0, 0, 1, 0, 0]))],
  ],
  ["goaway before what it has answered", [answer(2), frame(frameType.goaway, 1)]],
  ["a fault of no kind", [frame(frameType.fault, 1, Buffer.from([0, 99, 0, 0, 0, 0, 1, 0, 0]))]],
  ["goaway twice", [frame(frameType.goaway, 3), frame(frameType.goaway, 3)]],
  ["goaway after what was not begun", [frame(frameType.goaway, 9)]],
  ["NaN as fuel", [answer(1), frame(frameType.end, 1, Buffer.alloc(20, 0xff))]],
  ["garbage", [Buffer.alloc(5_000, 0xff)]],
])("LinkCaller: %s ends all exchanges as failed", async (_name, frames) => {
  const { far, heard, ends } = await caller(3);
  far.write(Buffer.concat(frames));
  await settled();
  expect(ends.map((end) => end.reason)).toEqual(["protocol"]);
  for (const one of heard) expect(one.events.at(-1)).toBe("fault failed protocol");
});

test("LinkCaller: 101 answers an upgrade, and nothing else that is below 200 does", async () => {
  for (const [status, events] of [
    [101, ["head 101 "]],
    [100, ["fault failed protocol"]],
  ] as const) {
    const { far, link } = await caller(0, 2);
    const one = new Heard();
    link.open({ ...someHead, upgrade: "websocket" }, one);
    far.write(frame(frameType.answer, 1, withHead(Buffer.from([0, status, 0, 0, 0]))));
    await settled();
    expect(one.events).toEqual(events);
  }
});

test("LinkCaller: what is answered twice before it was sent ends all exchanges as well", async () => {
  const { far, heard, ends, link } = await caller(1);
  for (let i = 0; i < 2; i++) {
    const one = new Heard();
    heard.push(one);
    link.open(someHead, one);
  }
  far.write(Buffer.concat([answer(2), answer(2)]));
  await settled();
  expect(ends.map((end) => end.reason)).toEqual(["protocol"]);
  for (const one of heard) expect(one.events.at(-1)).toMatch(/^fault /);
});

test("LinkCaller: an answer that comes again after its end reaches no other exchange", async () => {
  const { far, heard, ends } = await caller(2);
  far.write(
    Buffer.concat([
      answer(1, "one", lastFlag),
      data(1, "more"),
      answer(1, "again", lastFlag),
      answer(2, "two", lastFlag),
    ]),
  );
  await settled();
  expect(heard.map((one) => one.text)).toEqual(["one", "two"]);
  expect(heard[0]?.events.length).toBe(2);
  expect(ends).toEqual([]);
});

test("LinkCaller: endless frames for an exchange that is over end the connection", async () => {
  const { far, heard, ends } = await caller(2);
  far.write(answer(1, "", lastFlag));
  far.write(Buffer.concat(Array.from({ length: 2 * lateFrames.perExchange }, () => data(1, "x"))));
  await settled();
  expect(ends.map((end) => end.reason)).toEqual(["protocol"]);
  expect(heard[1]?.events).toEqual(["fault failed protocol"]);
});

test("LinkCaller: what was under way when it cancelled is nothing wrong", async () => {
  const { far, heard, ends, link } = await caller(0);
  for (let id = 1; id <= 50; id++) {
    const one = new Heard();
    heard.push(one);
    link.open(someHead, one)?.cancel();
    far.write(Buffer.concat([answer(id), ...Array.from({ length: 900 }, () => data(id, "x")), endFrame(id)]));
    await settled();
  }
  expect(ends).toEqual([]);
  expect(heard.flatMap((one) => one.events)).toEqual([]);
});

test("LinkCallee: requests whose answers are never read end up waiting, not in memory", async () => {
  const { near, far, requests, ends } = callee();
  far.write(hello());
  await settled();
  far.pause();
  // Each of them is refused at once with two kilobytes.
  for (let id = 1; id <= 5_000; id++) {
    far.write(request(id, "", lastFlag));
    await new Promise(setImmediate);
    for (const one of requests.splice(0)) {
      one.fault({ kind: "failed", reason: "stopped", message: "y".repeat(2_000) });
    }
  }
  expect(near.writableLength).toBeLessThan(limits.outputBytesMax + 10_000);
  expect(ends).toEqual([]);
});

test("a link with keepalive: more pings than an honest end sends end the connection", async () => {
  const { far, ends } = callee(true);
  far.write(hello());
  far.write(Buffer.concat(Array.from({ length: keepalive.pingsMax }, () => frame(frameType.ping, 0))));
  await settled();
  expect(ends).toEqual([]);
  far.write(frame(frameType.ping, 0));
  await settled();
  expect(ends.map((end) => end.reason)).toEqual(["protocol"]);
});

test("a link with keepalive: an end that has gone silent is found, one that answers is not", async () => {
  const { far, ends, clock, said } = callee(true);
  far.write(hello());
  await settled();
  for (let look = 0; look < 20; look++) {
    said.length = 0;
    clock.advance(keepalive.intervalMs);
    await settled();
    const pinged = Buffer.concat(said).includes(frame(frameType.ping, 0));
    if (pinged) far.write(frame(frameType.pong, 0));
    await settled();
  }
  expect(ends).toEqual([]);
  clock.advance(keepalive.intervalMs * (keepalive.silentMax + 1));
  expect(ends.map(({ reason, message }) => `${reason} ${message}`)).toEqual(["lost the other end is silent"]);
});

test("a link: who never says hello is cut off", async () => {
  const { far, ends, clock } = callee();
  far.write(hello().subarray(0, 10));
  await settled();
  clock.advance(limits.helloMsMax);
  expect(ends.map((end) => end.reason)).toEqual(["lost"]);
});

test("a link: a listener that throws ends its own exchange only", async () => {
  const { far, heard, ends } = await caller(2);
  heard[0]!.onData = () => {
    throw new Error("a bug");
  };
  far.write(Buffer.concat([answer(1, "one", lastFlag), answer(2, "two", lastFlag)]));
  await settled();
  expect(heard[1]?.text).toBe("two");
  expect(ends).toEqual([]);
});

test("a link: no frames whatever make either end throw or leave an exchange without an end", async () => {
  const stream = fc.nat({ max: 5 });
  const some = fc.oneof(
    {
      weight: 3,
      arbitrary: fc.tuple(stream, fc.boolean()).map(([id, last]) => request(id, "ab", last ? lastFlag : 0)),
    },
    {
      weight: 3,
      arbitrary: fc.tuple(stream, fc.boolean()).map(([id, last]) => answer(id, "ab", last ? lastFlag : 0)),
    },
    {
      weight: 3,
      arbitrary: fc.tuple(stream, fc.boolean()).map(([id, last]) => data(id, "abc", last ? lastFlag : 0)),
    },
    stream.map((id) => endFrame(id)),
    fc.tuple(stream, fc.nat({ max: 9_000 })).map(([id, bytes]) => frame(frameType.credit, id, word(bytes))),
    stream.map((id) => frame(frameType.cancel, id)),
    stream.map((id) => frame(frameType.goaway, id)),
    fc
      .tuple(fc.nat({ max: 15 }), stream, fc.uint8Array({ maxLength: 40 }), fc.nat({ max: 15 }))
      .map(([type, id, payload, flags]) => frame(type, id, payload, flags)),
    fc.uint8Array({ maxLength: 30 }).map((bytes) => Buffer.from(bytes)),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(some, { maxLength: 30 }), async (frames) => {
      const asked = await caller(3);
      asked.far.end(Buffer.concat(frames));
      const answering = callee();
      answering.far.end(Buffer.concat([hello(), ...frames]));
      await settled();
      for (const exchange of answering.requests) {
        exchange.listen({ data() {}, end() {}, cancelled() {}, drain() {} });
        exchange.respond({ status: 200, headers: [] });
        exchange.end({ trailers: [] });
      }
      await settled();
      for (const { events } of asked.heard) {
        expect(events.filter((event) => /^(end|fault)/.test(event)).length).toBe(1);
      }
      expect(asked.ends.length).toBe(1);
      expect(answering.ends.length).toBe(1);
      expect(answering.link.count).toBe(0);
    }),
    { numRuns: 300 },
  );
});
