import { PassThrough } from "node:stream";
import type { Socket } from "node:net";
import { describe, expect, test } from "vitest";
import { FrameReader, MessageWriter } from "./frames.ts";
import { protocolLimits } from "./limits.ts";

function written(messages: readonly object[]): Buffer {
  const stream = new PassThrough();
  // A writer needs no more of a socket than a stream has.
  const writer = new MessageWriter(stream as unknown as Socket);
  for (const message of messages) writer.send(message);
  writer.flush();
  return (stream.read() as Buffer | null) ?? Buffer.alloc(0);
}

describe("FrameReader", () => {
  test("reads what was written, in whatever pieces it comes", () => {
    const messages = [{ text: "ä\n" }, { list: [1, 2] }, {}];
    const bytes = Buffer.concat([written(messages), written([{ last: true }])]);
    for (const size of [1, 3, 7, bytes.length]) {
      const reader = new FrameReader();
      const read: unknown[] = [];
      for (let from = 0; from < bytes.length; from += size)
        read.push(...reader.push(bytes.subarray(from, from + size)));
      expect(read).toEqual([...messages, { last: true }]);
    }
  });

  test.each([
    { name: "a frame beyond the bound", frame: Buffer.from([0xff, 0xff, 0xff, 0x7f]) },
    { name: "what is no JSON", frame: Buffer.from([1, 0, 0, 0, 0x7b]) },
    { name: "what is no list", frame: Buffer.from([2, 0, 0, 0, 0x7b, 0x7d]) },
  ])("refuses $name", ({ frame }) => {
    expect(() => new FrameReader().push(frame)).toThrow(expect.objectContaining({ code: "frame-invalid" }));
  });
});

describe("MessageWriter", () => {
  test("refuses a message that no reader would take", () => {
    const writer = new MessageWriter(new PassThrough() as unknown as Socket);
    expect(writer.send({ text: "x".repeat(protocolLimits.frameBytesMax) })).toBe(false);
  });
});
