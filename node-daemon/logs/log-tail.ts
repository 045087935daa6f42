import { readInstanceLog } from "./log-reader.ts";

export interface LogTailOptions {
  readonly folder: string;
  /** Only lines from this time on. */
  readonly sinceMs?: number;
  readonly linesMax: number;
  readonly bytesMax: number;
}

/** The end of what is in a log now, as text. Empty when there is none. */
export async function readLogTail({ folder, sinceMs, linesMax, bytesMax }: LogTailOptions): Promise<string> {
  const never = new AbortController().signal;
  const lines = readInstanceLog({
    folder,
    tailLines: linesMax,
    sinceMs,
    timestamps: false,
    follow: false,
    ended: never,
    signal: never,
  });
  let tail: Buffer = Buffer.alloc(0);
  for await (const part of lines) {
    const all = Buffer.concat([tail, part]);
    tail = all.subarray(Math.max(0, all.length - bytesMax));
  }
  return textOfEnd(tail);
}

/**
 * Without the rest of a character that was cut, without the blanks at the end, and without what a terminal would obey: a
 * guest wrote it, and it is shown to people.
 */
export function textOfEnd(bytes: Buffer): string {
  let start = 0;
  while (start < 3 && start < bytes.length && ((bytes[start] ?? 0) & 0xc0) === 0x80) start++;
  return bytes.toString("utf8", start).replaceAll(controls, "\ufffd").trimEnd();
}

/** All but tabs and the ends of lines. */
const controls = /(?![\t\n])\p{Cc}/gu;
