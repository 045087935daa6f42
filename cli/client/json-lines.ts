import { WherryError } from "../../kit/errors.ts";

/** Splits a stream into lines, without their end. A last line without an end is delivered too. */
export async function* lines(
  stream: AsyncIterable<Uint8Array>,
  lineBytesMax: number,
): AsyncGenerator<Buffer, void, undefined> {
  let pending: Buffer[] = [];
  let pendingBytes = 0;
  for await (const chunk of stream) {
    let rest = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    for (let end = rest.indexOf(10); end !== -1; end = rest.indexOf(10)) {
      yield Buffer.concat([...pending, rest.subarray(0, end)]);
      pending = [];
      pendingBytes = 0;
      rest = rest.subarray(end + 1);
    }
    if (rest.length === 0) continue;
    pending.push(rest);
    pendingBytes += rest.length;
    if (pendingBytes > lineBytesMax) {
      throw new WherryError("LineTooLong", `a line of the answer is longer than ${lineBytesMax} bytes`);
    }
  }
  if (pendingBytes > 0) yield Buffer.concat(pending);
}
