import { closeSync, fstatSync, mkdirSync, openSync, renameSync, statSync, writeSync } from "node:fs";
import { join } from "node:path";
import { errorCode } from "../../kit/errors.ts";
import { currentFile, previousFile } from "./log-record.ts";

/**
 * Appends records to the log in a folder before it returns, turning to a new file when the current one is full. Only for a
 * process with a single guest: it waits for the disk. Answers whether an old file with content was replaced.
 */
export function appendNow(folder: string, records: readonly Buffer[], fileBytesMax: number): boolean {
  let dropped = false;
  let next = 0;
  while (next < records.length) {
    const from = next;
    const fd = openCurrent(folder);
    try {
      let { size } = fstatSync(fd);
      for (let record = records[next]; record; record = records[++next]) {
        if (size > 0 && size + record.length > fileBytesMax) break;
        size += record.length;
      }
      writeAll(fd, Buffer.concat(records.slice(from, next)));
    } finally {
      closeSync(fd);
    }
    if (next === from) dropped = turnOver(folder) || dropped;
  }
  return dropped;
}

function openCurrent(folder: string): number {
  const path = join(folder, currentFile);
  try {
    return openSync(path, "a", 0o640);
  } catch (error) {
    if (errorCode(error) !== "ENOENT") throw error;
    mkdirSync(folder, { recursive: true, mode: 0o750 });
    return openSync(path, "a", 0o640);
  }
}

function writeAll(fd: number, bytes: Buffer): void {
  for (let done = 0; done < bytes.length;) done += writeSync(fd, bytes, done);
}

function turnOver(folder: string): boolean {
  const previous = join(folder, previousFile);
  const replaced = statSync(previous, { throwIfNoEntry: false });
  renameSync(join(folder, currentFile), previous);
  return replaced !== undefined && replaced.size > 0;
}
