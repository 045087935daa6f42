/**
 * The line format of the files, which is the one that Kubernetes' CRI prescribes for container logs:
 * `<RFC 3339 time> <stdout|stderr> <F|P> <content>`. F is a full line; P is a piece of one, cut because it is long or
 * because the guest ended without a newline.
 */
export type LogStream = "stdout" | "stderr";

/** Longer lines are cut into pieces of this size, as CRI implementations do; it also bounds what a reader must hold. */
export const pieceBytesMax = 16 * 1024;

export const currentFile = "current.log";
export const previousFile = "previous.log";

export const newline = 0x0a;
const space = 0x20;

/** RFC 3339 in nanoseconds, as CRI has it; the clock behind it counts milliseconds. */
export function recordTime(ms: number): string {
  return new Date(ms).toISOString().replace("Z", "000000Z");
}

export interface LogRecord {
  readonly time: string;
  readonly stream: LogStream;
  readonly partial: boolean;
  readonly content: Buffer;
}

/** Reads one record without its newline. Anything that is not a record counts as content without a time. */
export function parseRecord(line: Buffer): LogRecord {
  const timeEnd = line.indexOf(space);
  const streamEnd = line.indexOf(space, timeEnd + 1);
  const tagEnd = line.indexOf(space, streamEnd + 1);
  if (timeEnd < 0 || streamEnd < 0 || tagEnd !== streamEnd + 2) {
    return { time: "", stream: "stdout", partial: false, content: line };
  }
  const time = line.toString("latin1", 0, timeEnd);
  const stream = line.toString("latin1", timeEnd + 1, streamEnd) === "stderr" ? "stderr" : "stdout";
  return { time, stream, partial: line[streamEnd + 1] === 0x50, content: line.subarray(tagEnd + 1) };
}
