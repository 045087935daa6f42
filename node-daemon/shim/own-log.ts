import { writeSync } from "node:fs";
import type { Log } from "../../kit/log.ts";
import { ownLogLinesMax } from "./limits.ts";

/** JSON lines on standard error, which the daemon has made a file. Bounded: what a guest provokes cannot fill a disk. */
export function openOwnLog(fields: Readonly<Record<string, unknown>>): Log {
  const counter = { lines: 0 };
  return write(fields, counter);
}

function write(bound: Readonly<Record<string, unknown>>, counter: { lines: number }): Log {
  const line = (level: string) => (message: string, fields?: Readonly<Record<string, unknown>>) => {
    if (++counter.lines > ownLogLinesMax) return;
    const record = { time: new Date().toISOString(), level, ...bound, ...fields, message };
    try {
      writeSync(2, `${JSON.stringify(record)}\n`);
    } catch {
      // A full disk must not end the instances.
    }
  };
  return {
    debug() {},
    info: line("info"),
    warn: line("warn"),
    error: line("error"),
    bind: (fields) => write({ ...bound, ...fields }, counter),
  };
}
