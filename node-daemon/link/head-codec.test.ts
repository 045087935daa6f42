import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { ExchangeEnd, ExchangeFault, RequestHead, ResponseHead } from "./exchange.ts";
import { LinkViolation } from "./frame.ts";
import { HeadEncoder, readAnswer, readEnd, readFault, readRequest } from "./head-codec.ts";

const text = fc.oneof(
  fc.string({ unit: "grapheme", maxLength: 20 }),
  fc.string({ unit: "binary", maxLength: 300 }),
  fc.string({ maxLength: 700, unit: fc.constantFrom("a", "\u00ff") }),
  // Half of a surrogate pair, and characters that end strings elsewhere.
  fc.constantFrom("\ud800", "\0", "\r\n", ""),
);
const pairs = fc.array(fc.tuple(text, text), { maxLength: 20 }).map((list) => list.flat());
const count = fc.nat({ max: 2 ** 40 });
const call = fc.record(
  { fuelMax: count, memoryBytesMax: count, seed: text },
  { requiredKeys: [] },
) as fc.Arbitrary<NonNullable<RequestHead["call"]>>;
const requestHead: fc.Arbitrary<RequestHead> = fc
  .record({
    target: fc.oneof(
      fc.record({ kind: fc.constant("instance" as const), uid: text }),
      fc.record({ kind: fc.constant("workload" as const), uid: text, templateHash: text }),
    ),
    method: text,
    scheme: fc.constantFrom("http" as const, "https" as const),
    authority: text,
    path: text,
    matchedPath: text,
    headers: pairs,
    clientAddress: text,
    clientPort: fc.nat({ max: 65_535 }),
    timeoutMs: fc.nat({ max: 2 ** 31 }),
    bodyLength: fc.option(count, { nil: undefined }),
    call: fc.option(call, { nil: undefined }),
  })
  .map(({ call, ...head }) => (call ? { ...head, call } : head));

/** In the middle of other bytes, as in a chunk. */
function inChunk(bytes: number, write: (chunk: Buffer, at: number) => void): [Buffer, number, number] {
  const chunk = Buffer.alloc(bytes + 20, 0xee);
  write(chunk, 10);
  return [chunk, 10, 10 + bytes];
}

const encoder = new HeadEncoder();

test("HeadEncoder: whatever a request says arrives as it was", () => {
  fc.assert(
    fc.property(requestHead, (head) => {
      const place = inChunk(encoder.measureRequest(head), (chunk, at) =>
        encoder.writeRequest(head, chunk, at),
      );
      expect(readRequest(...place)).toEqual(head);
      expect(place[0].subarray(place[2])).toEqual(Buffer.alloc(10, 0xee));
    }),
  );
});

test("HeadEncoder: whatever an answer and its end say arrives as it was", () => {
  const answer: fc.Arbitrary<ResponseHead> = fc.record({
    status: fc.integer({ min: 200, max: 999 }),
    headers: pairs,
  });
  const end: fc.Arbitrary<ExchangeEnd> = fc
    .record({
      trailers: pairs,
      usage: fc.option(fc.record({ cpuUs: count, fuel: count }), { nil: undefined }),
    })
    .map(({ trailers, usage }) => (usage ? { trailers, usage } : { trailers }));
  fc.assert(
    fc.property(answer, end, (head, end) => {
      const one = inChunk(encoder.measureAnswer(head), (chunk, at) => encoder.writeAnswer(head, chunk, at));
      expect(readAnswer(...one)).toEqual(head);
      const two = inChunk(encoder.measureEnd(end), (chunk, at) => encoder.writeEnd(chunk, at));
      expect(readEnd(...two)).toEqual(end);
    }),
  );
});

const faults: readonly Exclude<ExchangeFault, { kind: "cancelled" }>[] = [
  ...(["unknown", "draining", "full", "broken"] as const).map(
    (reason) => ({ kind: "refused", reason, message: `why ${reason}`, retryAfterMs: 1_500 }) as const,
  ),
  ...(["trapped", "timeout", "invalid", "tooLarge", "stopped", "lost", "protocol", "exhausted"] as const).map(
    (reason) => ({ kind: "failed", reason, message: `ж ${reason}` }) as const,
  ),
];

test.each(faults)("HeadEncoder: $kind, $reason arrives as it was", (fault) => {
  const place = inChunk(encoder.measureFault(fault), (chunk, at) => encoder.writeFault(fault, chunk, at));
  expect(readFault(...place)).toEqual(fault);
});

test("HeadEncoder: a time that is over is not a long one", () => {
  const [head] = fc.sample(requestHead, 1);
  const late = { ...(head as RequestHead), timeoutMs: -5 };
  const place = inChunk(encoder.measureRequest(late), (chunk, at) => encoder.writeRequest(late, chunk, at));
  expect(readRequest(...place).timeoutMs).toBe(0);
});

test("readRequest and all others: any bytes are read or are a violation", () => {
  const readers = [readRequest, readAnswer, readEnd, readFault];
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    // A head with a byte or two of it changed.
    fc
      .tuple(requestHead, fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { maxLength: 3 }))
      .map(([head, changes]) => {
        const [chunk, from, end] = inChunk(encoder.measureRequest(head), (chunk, at) =>
          encoder.writeRequest(head, chunk, at),
        );
        for (const [at, value] of changes) chunk[from + (at % (end - from))] = value;
        return chunk.subarray(from, end);
      }),
  );
  fc.assert(
    fc.property(bytes, (bytes) => {
      for (const read of readers) {
        try {
          read(Buffer.from(bytes), 0, bytes.length);
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(LinkViolation);
        }
      }
    }),
    { numRuns: 2_000 },
  );
});
