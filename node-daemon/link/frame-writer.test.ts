import { Duplex } from "node:stream";
import { expect, test } from "vitest";
import { FrameReader } from "./frame-reader.ts";
import { frameType, lastFlag } from "./frame.ts";
import { FrameWriter } from "./frame-writer.ts";
import { batchFramesMax } from "./limits.ts";

test("FrameWriter: many frames of one turn go out before it is over, and the last one can still grow", async () => {
  const writes: Buffer[] = [];
  const stream = new Duplex({
    write: (bytes: Buffer, _encoding, done) => {
      writes.push(bytes);
      done();
    },
  });
  const writer = new FrameWriter(stream);
  const bodies = Array.from({ length: 2 * batchFramesMax }, (_, i) => `body ${i}`);
  for (const [i, body] of bodies.entries()) {
    const to = writer.begin(frameType.data, 0, i + 1, 1);
    writer.slab.write(body.slice(0, 1), to);
    writer.keepOpen(i + 1, to, 1);
    writer.extend(Buffer.from(body), 1, body.length);
    expect(writer.finish(i + 1)).toBe(true);
  }
  expect([writes.length, writer.writes]).toEqual([1, 1]);
  await new Promise((resolve) => setImmediate(resolve));
  expect([writes.length, writer.writes]).toEqual([2, 2]);
  const read: unknown[] = [];
  const reader = new FrameReader((type, flags, id, bytes, start, end) => {
    read.push([type, flags, id, bytes.toString("latin1", start, end)]);
  });
  for (const bytes of writes) reader.push(bytes);
  expect(read).toEqual(bodies.map((body, i) => [frameType.data, lastFlag, i + 1, body]));
});
