/**
 * A frame is a word, a stream and a payload. The word has the payload's length in its lower 24 bits, the type in the next four,
 * flags in the rest; word and stream are 32 bits, little endian.
 *
 * | type | from | stream | payload |
 * | --- | --- | --- | --- |
 * | hello | both, first | 0 | see link-connection.ts |
 * | request | caller | a new one, ascending | 32 bits: length of the head; the head; a first piece of the body |
 * | answer | callee | its own | the same |
 * | data | both | its own | a piece of a body; empty only if it is the end |
 * | end | both | its own | trailers, and for answers what was used |
 * | credit | both | its own | 32 bits: so much more may be sent |
 * | cancel | caller | its own | nothing |
 * | fault | callee | its own | why there is no (whole) answer |
 * | goaway | callee | the last that it has taken | nothing |
 * | ping, pong | both | 0 | nothing |
 *
 * The flag `last` of request, answer and data: nothing follows, and no trailers. The flag `upgrade` of request: it is one.
 */
import { frameLimits } from "./limits.ts";

export const frameType = {
  hello: 1,
  request: 2,
  answer: 3,
  data: 4,
  end: 5,
  credit: 6,
  cancel: 7,
  fault: 8,
  goaway: 9,
  ping: 10,
  pong: 11,
} as const;

export const headerBytes = 8;
export const lastFlag = 1;
export const upgradeFlag = 2;
export const lengthMask = 0xff_ff_ff;
export const headLengthBytes = 4;

const headAndData = headLengthBytes + frameLimits.headBytesMax + frameLimits.dataBytesMax;

/** By type; 0 for what is none. */
export const payloadBytesMax: readonly number[] = [
  0,
  frameLimits.smallBytesMax,
  headAndData,
  headAndData,
  frameLimits.dataBytesMax,
  frameLimits.headBytesMax,
  4,
  0,
  frameLimits.smallBytesMax,
  0,
  0,
  0,
];

/** What the other end may not send. The connection is of no use after that. */
export class LinkViolation extends Error {
  override readonly name = "LinkViolation";
}

/** Of the head in a request or an answer; what follows it is body. */
export function headLength(bytes: Buffer, start: number, end: number): number {
  if (end - start < headLengthBytes) throw new LinkViolation("no length of a head");
  const length = bytes.readUInt32LE(start);
  if (length > frameLimits.headBytesMax || length > end - start - headLengthBytes) {
    throw new LinkViolation(`a head of ${length} bytes in a frame of ${end - start}`);
  }
  return length;
}
