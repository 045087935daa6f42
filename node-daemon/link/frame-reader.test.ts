import * as fc from "fast-check";
import { expect, test } from "vitest";
import { FrameReader } from "./frame-reader.ts";
import { frameType, LinkViolation, payloadBytesMax } from "./frame.ts";

interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Uint8Array;
}

function bytesOf({ type, flags, stream, payload }: Frame): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt32LE((payload.length | (type << 24) | (flags << 28)) >>> 0, 0);
  header.writeUInt32LE(stream, 4);
  return Buffer.concat([header, payload]);
}

const frame: fc.Arbitrary<Frame> = fc.record({
  type: fc.constantFrom(frameType.request, frameType.answer, frameType.data, frameType.end),
  flags: fc.nat({ max: 15 }),
  stream: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  payload: fc.uint8Array({ maxLength: 40 }),
});

test("FrameReader: however the stream is cut, the same frames come out", () => {
  fc.assert(
    fc.property(
      fc.array(frame, { maxLength: 20 }),
      fc.array(fc.integer({ min: 1, max: 70 }), { minLength: 1 }),
      (frames, cuts) => {
        const all = Buffer.concat(frames.map(bytesOf));
        const read: Frame[] = [];
        const reader = new FrameReader((type, flags, stream, bytes, start, end) =>
          read.push({ type, flags, stream, payload: new Uint8Array(bytes.subarray(start, end)) }),
        );
        for (let at = 0, index = 0; at < all.length; index++) {
          const end = at + cuts[index % cuts.length]!;
          // Each chunk is memory of its own, used for something else afterwards.
          const chunk = Buffer.from(all.subarray(at, end));
          reader.push(chunk);
          chunk.fill(0xee);
          at = end;
        }
        expect(read).toEqual(frames.map((one) => ({ ...one, payload: new Uint8Array(one.payload) })));
      },
    ),
  );
});

test.each([
  ["type 0", 0, 0],
  ["type 12", 12, 0],
  ["a ping with a payload", frameType.ping, 1],
  ["data of 16 MiB", frameType.data, 2 ** 24 - 1],
  ["a fault that is larger than any", frameType.fault, payloadBytesMax[frameType.fault]! + 1],
])("FrameReader: %s is a violation as soon as its header is there", (_name, type, length) => {
  const header = Buffer.alloc(8);
  header.writeUInt32LE((length | (type << 24)) >>> 0, 0);
  for (const cut of [8, 3]) {
    const reader = new FrameReader(() => {});
    expect(() => {
      reader.push(header.subarray(0, cut));
      if (cut < 8) reader.push(header.subarray(cut));
    }).toThrow(LinkViolation);
  }
});
