/**
 * Reads an instance's log: the end of it, since a time, or following it as it grows. Memory is bounded by one block
 * whatever the size of the files: the last lines are looked for backwards.
 *
 * Without following, what was there at the start is read and nothing that comes meanwhile: a guest that writes faster
 * than its reader reads must not keep it for ever.
 *
 * Following watches the folder (inotify) and never polls. A file that is renamed while being followed is read to its
 * end through the open handle before its successor is opened. A reader so slow that both files were replaced under it
 * misses what the bound on disk dropped, as everyone does.
 */
import { constants, watch } from "node:fs";
import { type FileHandle, mkdir, open, stat } from "node:fs/promises";
import { join } from "node:path";
import { errorCode } from "../../kit/errors.ts";
import { currentFile, newline, parseRecord, pieceBytesMax, previousFile } from "./log-record.ts";

const blockBytes = 64 * 1024;

export interface LogReadOptions {
  readonly folder: string;
  /** Only the last so many lines. All when undefined. */
  readonly tailLines?: number | undefined;
  /** Only lines from this time on. */
  readonly sinceMs?: number | undefined;
  /** Each line begins with its time. */
  readonly timestamps: boolean;
  /** Goes on with lines to come until `ended` or `signal` is aborted. */
  readonly follow: boolean;
  /** Aborted when nothing more will be written. A follower then delivers what is left and ends. */
  readonly ended: AbortSignal;
  /** Ends the reading at once, without an error. */
  readonly signal: AbortSignal;
}

interface Position {
  readonly file: FileHandle;
  readonly inode: number;
  offset: number;
}

export async function* readInstanceLog(options: LogReadOptions): AsyncGenerator<Uint8Array, void, void> {
  const changes = options.follow ? await watchFolder(options) : undefined;
  const end = options.follow ? undefined : await endNow(options.folder);
  const formatter = new Formatter(options);
  let at: Position | undefined;
  try {
    at = await openStart(options);
    for (;;) {
      // Read before looking at the files, so that a change during the reading is seen by the next round.
      const over = options.ended.aborted || !options.follow;
      changes?.clear();
      at ??= await openAt(join(options.folder, currentFile), 0);
      while (at && !options.signal.aborted) {
        const isLast = end !== undefined && at.inode === end.inode;
        yield* readToEnd(at, isLast ? end.size : Number.POSITIVE_INFINITY, formatter, options.signal);
        if (isLast) break;
        const following = await openFollowing(options.folder, at);
        if (!following) break;
        await at.file.close();
        at = following;
      }
      if (over || options.signal.aborted) break;
      await changes?.next();
    }
    const rest = formatter.finish();
    if (rest.length > 0 && !options.signal.aborted) yield rest;
  } finally {
    changes?.close();
    await at?.file.close();
  }
}

interface LogEnd {
  readonly inode: number;
  readonly size: number;
}

/** Where a reader that does not follow stops. */
async function endNow(folder: string): Promise<LogEnd | undefined> {
  const current = await stat(join(folder, currentFile)).catch(() => undefined);
  return current && { inode: current.ino, size: current.size };
}

async function* readToEnd(
  at: Position,
  end: number,
  formatter: Formatter,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, void> {
  for (;;) {
    const length = Math.min(blockBytes, end - at.offset);
    if (length <= 0) return;
    const { bytesRead, buffer } = await at.file.read(Buffer.allocUnsafe(length), 0, length, at.offset);
    if (bytesRead === 0 || signal.aborted) return;
    at.offset += bytesRead;
    const out = formatter.format(buffer.subarray(0, bytesRead));
    if (out.length > 0) yield out;
  }
}

/** The file that took over from the one being read, once that one has been renamed. */
async function openFollowing(folder: string, at: Position): Promise<Position | undefined> {
  const current = await openAt(join(folder, currentFile), 0);
  if (!current || current.inode === at.inode) {
    await current?.file.close();
    return undefined;
  }
  const previous = await openAt(join(folder, previousFile), 0);
  // When even the previous file is another one, two rotations passed: it comes before the current one.
  if (previous && previous.inode !== at.inode && previous.inode !== current.inode) {
    await current.file.close();
    return previous;
  }
  await previous?.file.close();
  return current;
}

/**
 * A confined process may write in this folder, and nowhere else: what an attacker has put there instead of a log (a link to a
 * file of the machine, a pipe that nobody writes to) is no log.
 */
const noTricks = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

async function openAt(path: string, offset: number): Promise<Position | undefined> {
  try {
    const file = await open(path, noTricks);
    const facts = await file.stat();
    if (facts.isFile()) return { file, inode: facts.ino, offset };
    await file.close();
    return undefined;
  } catch (error) {
    if (errorCode(error) === "ENOENT" || errorCode(error) === "ELOOP") return undefined;
    throw error;
  }
}

async function openStart(options: LogReadOptions): Promise<Position | undefined> {
  const current = await openAt(join(options.folder, currentFile), 0);
  const previous = await openAt(join(options.folder, previousFile), 0);
  const wanted = options.tailLines;
  if (previous && previous.inode === current?.inode) {
    // Rotated between the two opens: the file before has just been dropped.
    await current.file.close();
    if (wanted !== undefined) await findTail(previous, wanted);
    return previous;
  }
  if (wanted === undefined) {
    if (!previous) return current;
    await current?.file.close();
    return previous;
  }
  const inCurrent = current ? await findTail(current, wanted) : 0;
  if (!previous || inCurrent >= wanted) {
    await previous?.file.close();
    return current;
  }
  await findTail(previous, wanted - inCurrent);
  await current?.file.close();
  return previous;
}

/** Moves to the start of the last `wanted` lines, and says how many there are from there. */
async function findTail(at: Position, wanted: number): Promise<number> {
  const { size } = await at.file.stat();
  const block = Buffer.allocUnsafe(blockBytes);
  let found = 0;
  let end = size;
  if (wanted <= 0) {
    at.offset = size;
    return 0;
  }
  while (end > 0) {
    const start = Math.max(0, end - blockBytes);
    const { bytesRead } = await at.file.read(block, 0, end - start, start);
    for (let i = bytesRead - 1; i >= 0; i--) {
      // The newline that ends the file begins no line.
      if (block[i] !== newline || start + i === size - 1) continue;
      found++;
      if (found === wanted) {
        at.offset = start + i + 1;
        return found;
      }
    }
    end = start;
  }
  at.offset = 0;
  return size > 0 ? found + 1 : 0;
}

/** Turns records into what people read. Keeps the unfinished record between blocks. */
class Formatter {
  readonly #sinceMs: number | undefined;
  readonly #timestamps: boolean;
  #sinceReached: boolean;
  #carry: Buffer = Buffer.alloc(0);
  /** How the last record ended: a cut line goes on; an unterminated one gets its newline if anything follows. */
  #last: "line" | "cut" | "unterminated" = "line";

  constructor(options: { readonly sinceMs?: number | undefined; readonly timestamps: boolean }) {
    this.#sinceMs = options.sinceMs;
    this.#timestamps = options.timestamps;
    this.#sinceReached = options.sinceMs === undefined;
  }

  format(block: Buffer): Buffer {
    const bytes = this.#carry.length > 0 ? Buffer.concat([this.#carry, block]) : block;
    const out: Buffer[] = [];
    let start = 0;
    for (let end = bytes.indexOf(newline); end >= 0; end = bytes.indexOf(newline, start)) {
      this.#record(bytes.subarray(start, end), out);
      start = end + 1;
    }
    this.#carry = bytes.subarray(start);
    // No record of ours is that long: the file is not a log. Passed on rather than gathered in memory.
    if (this.#carry.length > 4 * pieceBytesMax) out.push(this.finish());
    return Buffer.concat(out);
  }

  finish(): Buffer {
    const rest: Buffer[] = [];
    if (this.#carry.length > 0) this.#record(this.#carry, rest);
    this.#carry = Buffer.alloc(0);
    return Buffer.concat(rest);
  }

  #record(line: Buffer, out: Buffer[]): void {
    const record = parseRecord(line);
    if (!this.#sinceReached) {
      const time = Date.parse(record.time);
      if (!(time >= (this.#sinceMs ?? 0))) return;
      this.#sinceReached = true;
    }
    if (this.#last === "unterminated") out.push(newlineBytes);
    if (this.#timestamps && this.#last !== "cut") out.push(Buffer.from(`${record.time} `));
    out.push(record.content);
    if (!record.partial) {
      out.push(newlineBytes);
      this.#last = "line";
    } else {
      this.#last = record.content.length >= pieceBytesMax ? "cut" : "unterminated";
    }
  }
}

const newlineBytes = Buffer.from("\n");

interface Changes {
  clear(): void;
  /** Resolves when something has happened since `clear`. */
  next(): Promise<void>;
  close(): void;
}

async function watchFolder(options: LogReadOptions): Promise<Changes> {
  // inotify wants the folder to exist; the writer would make it with the first line.
  if (!(await stat(options.folder).catch(() => undefined))) await mkdir(options.folder, { recursive: true });
  let changed = false;
  let failure: Error | undefined;
  let wake: (() => void) | undefined;
  const note = () => {
    changed = true;
    wake?.();
  };
  const watcher = watch(options.folder, { persistent: false }, note);
  watcher.on("error", (error) => {
    failure = error;
    note();
  });
  options.ended.addEventListener("abort", note, { once: true });
  options.signal.addEventListener("abort", note, { once: true });
  return {
    clear: () => void (changed = false),
    async next() {
      if (!changed) await new Promise<void>((resolve) => (wake = resolve));
      wake = undefined;
      if (failure) throw failure;
    },
    close() {
      watcher.close();
      options.ended.removeEventListener("abort", note);
      options.signal.removeEventListener("abort", note);
    },
  };
}
