/**
 * The log of one instance on disk: two files, `current.log` and `previous.log`, bounded in size.
 *
 *   guest ──write──▶ pending (≤ 256 KiB) ──one write in flight──▶ current.log ──full: rename──▶ previous.log
 *                       │ full                 at a bounded rate
 *                       └─▶ write returns less; the guest is suspended until onWritable wakes it
 *
 * Invariants:
 * - Nothing is open while nothing is written: a node holds thousands of these. Each write opens, appends and closes.
 * - Records are written whole and in order; one write is in flight per log and a bounded number per process.
 * - A disk that refuses costs lines, which are counted, never the guest or the process.
 * - No folder exists before the first line.
 * - With `atOnce` whole lines are on disk when `write` returns, as long as the pace allows it: for a guest that may stop its
 *   process at any instruction, which is then killed.
 */
import { type FileHandle, mkdir, open, rename, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../../kit/clock.ts";
import { errorCode } from "../../kit/errors.ts";
import {
  currentFile,
  type LogStream,
  newline,
  pieceBytesMax,
  previousFile,
  recordTime,
} from "./log-record.ts";
import { Gate } from "../core/gate.ts";
import { appendNow } from "./append-now.ts";
import { Pace } from "./pace.ts";

/** What one instance may have waiting for the disk. A guest that writes faster is suspended. */
export const pendingBytesMax = 256 * 1024;

/** A program that starts may tell a lot at once. */
const burstMs = 2_000;

/** Of an open line's buffer at first. */
const openLineBytesMin = 256;

/** A current and a previous file of this size: some 10 MiB per instance, as with a kubelet's smaller settings. */
export const defaultLogLimits: InstanceLogLimits = {
  fileBytesMax: 5 * 1024 * 1024,
  bytesPerSecondMax: 4 * 1024 * 1024,
};

/** One per process because Node has one pool of four file threads per process: more at once only queue there. */
const processGate = new Gate(8);

export interface InstanceLogLimits {
  readonly fileBytesMax: number;
  /** To the disk, over time. What is written faster waits, and so does the guest once `pendingBytesMax` wait. */
  readonly bytesPerSecondMax: number;
}

export interface LogSink {
  /** Takes what fits and returns how many bytes that was; 0 when full. The bytes are copied. */
  write(bytes: Uint8Array): number;
  /** Calls `wake` once, as soon as there is room. */
  onWritable(wake: () => void): void;
}

export interface InstanceLog {
  sink(stream: LogStream): LogSink;
  /** Lines that the disk refused. */
  linesLost(): number;
  /** Writes what is pending, with an unterminated line as a partial one. Never rejects. Idempotent. */
  close(): Promise<void>;
}

export interface InstanceLogOptions {
  readonly folder: string;
  readonly limits: InstanceLogLimits;
  readonly clock: Clock;
  /** Called once, when lines are gone: an old file with content was replaced, or the disk refused. */
  readonly onDropped: () => void;
  /** So many bytes were written to the disk, at once. */
  readonly onWritten?: (bytes: number) => void;
  readonly gate?: Gate;
  readonly atOnce?: boolean;
}

export function openInstanceLog(options: InstanceLogOptions): InstanceLog {
  return new DiskLog(options);
}

const newlineByte = Buffer.from("\n");
const nothing = new Uint8Array(0);

/** What was written since the last newline. Guests write single bytes too, so it grows by doubling. */
class OpenLine {
  length = 0;
  // Not from the pool that buffers share: a line may stay open for the life of its guest.
  #buffer = Buffer.allocUnsafeSlow(openLineBytesMin);

  constructor(content: Uint8Array) {
    this.append(content);
  }

  get bytes(): Uint8Array {
    return this.#buffer.subarray(0, this.length);
  }

  append(content: Uint8Array): void {
    const length = this.length + content.length;
    if (length > this.#buffer.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(length, 2 * this.#buffer.length));
      grown.set(this.bytes);
      this.#buffer = grown;
    }
    this.#buffer.set(content, this.length);
    this.length = length;
  }
}

class DiskLog implements InstanceLog {
  readonly #options: InstanceLogOptions;
  readonly #gate: Gate;
  /** Records, each with its newline. */
  #pending: Buffer[] = [];
  /** Bytes in `#pending`, in the open lines and in flight. */
  #heldBytes = 0;
  readonly #openLines = new Map<LogStream, OpenLine>();
  #waiting: (() => void)[] = [];
  #flushing: Promise<void> | undefined;
  readonly #pace: Pace;
  /** Ends the wait for the pace; undefined while there is none. */
  #hurry: (() => void) | undefined;
  #closed = false;
  #dropTold = false;
  #linesLost = 0;

  constructor(options: InstanceLogOptions) {
    this.#options = options;
    this.#gate = options.gate ?? processGate;
    this.#pace = new Pace(options.limits.bytesPerSecondMax, burstMs);
  }

  sink(stream: LogStream): LogSink {
    return {
      write: (bytes) => this.#write(stream, bytes),
      onWritable: (wake) => {
        if (this.#heldBytes < pendingBytesMax) queueMicrotask(wake);
        else this.#waiting.push(wake);
      },
    };
  }

  linesLost(): number {
    return this.#linesLost;
  }

  async close(): Promise<void> {
    if (!this.#closed) {
      this.#closed = true;
      for (const [stream, open] of this.#openLines) this.#finishLine(stream, "P", open, nothing);
      this.#hurry?.();
      this.#flush();
    }
    while (this.#flushing) await this.#flushing;
  }

  #write(stream: LogStream, bytes: Uint8Array): number {
    // A closed log swallows: its guest is on the way out and must not wait for room that never comes.
    if (this.#closed) return bytes.length;
    const fitting = Math.min(bytes.length, pendingBytesMax - this.#heldBytes);
    let taken = 0;
    while (taken < fitting && this.#heldBytes < pendingBytesMax) {
      taken += this.#takeOne(stream, bytes.subarray(taken, fitting));
    }
    if (this.#pending.length > 0 && !this.#writeAtOnce()) this.#flush();
    return taken;
  }

  /** Takes up to the end of one line or one piece. */
  #takeOne(stream: LogStream, bytes: Uint8Array): number {
    const open = this.#openLines.get(stream);
    const piece = bytes.subarray(0, pieceBytesMax - (open?.length ?? 0));
    const end = piece.indexOf(newline);
    const content = end < 0 ? piece : piece.subarray(0, end);
    this.#heldBytes += content.length;
    const full = (open?.length ?? 0) + content.length === pieceBytesMax;
    if (end >= 0 || full) this.#finishLine(stream, end >= 0 ? "F" : "P", open, content);
    else if (open) open.append(content);
    else this.#openLines.set(stream, new OpenLine(content));
    return end >= 0 ? end + 1 : content.length;
  }

  /** `rest` follows what is in the open line. */
  #finishLine(stream: LogStream, tag: "F" | "P", open: OpenLine | undefined, rest: Uint8Array): void {
    this.#openLines.delete(stream);
    const prefix = Buffer.from(`${recordTime(this.#options.clock.now())} ${stream} ${tag} `);
    this.#pending.push(Buffer.concat([prefix, open?.bytes ?? nothing, rest, newlineByte]));
    this.#heldBytes += prefix.length + 1;
  }

  #flush(): void {
    if (this.#flushing || this.#pending.length === 0) return;
    this.#flushing = this.#keepPace()
      .then(() => this.#gate.run(() => this.#writePending()))
      .finally(() => {
        this.#flushing = undefined;
        this.#wakeWaiting();
        this.#flush();
      });
  }

  #writeAtOnce(): boolean {
    const { atOnce = false, clock, folder, limits } = this.#options;
    if (!atOnce || this.#flushing || this.#pace.waitMs(clock.monotonic()) > 0) return false;
    const records = this.#pending;
    this.#pending = [];
    try {
      if (appendNow(folder, records, limits.fileBytesMax)) this.#tellDropped();
    } catch {
      // How many of them are on disk is not known.
      this.#linesLost += records.length;
      this.#tellDropped();
    }
    this.#account(records);
    return true;
  }

  /** At once when there is nothing to wait for, and when the log is closed. */
  #keepPace(): Promise<void> {
    const { clock } = this.#options;
    const waitMs = this.#closed ? 0 : this.#pace.waitMs(clock.monotonic());
    if (waitMs === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const goOn = () => {
        timer.cancel();
        this.#hurry = undefined;
        resolve();
      };
      const timer = clock.setTimer(Math.ceil(waitMs), goOn);
      this.#hurry = goOn;
    });
  }

  #wakeWaiting(): void {
    if (this.#heldBytes >= pendingBytesMax) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) wake();
  }

  /** Never rejects. Takes everything that waited, so a log that waited for its turn writes many lines at once. */
  async #writePending(): Promise<void> {
    const records = this.#pending;
    this.#pending = [];
    let next = 0;
    try {
      while (next < records.length) next = await this.#append(records, next);
    } catch {
      this.#linesLost += records.length - next;
      this.#tellDropped();
    } finally {
      this.#account(records);
    }
  }

  #account(records: readonly Buffer[]): void {
    let bytes = 0;
    for (const record of records) bytes += record.length;
    this.#heldBytes -= bytes;
    this.#pace.spend(bytes, this.#options.clock.monotonic());
    this.#options.onWritten?.(bytes);
  }

  /** Appends the records that the current file has room for, rotating it first when it has none. */
  async #append(records: readonly Buffer[], from: number): Promise<number> {
    const { folder, limits } = this.#options;
    const file = await this.#openCurrent();
    let size = 0;
    try {
      size = (await file.stat()).size;
      let next = from;
      for (let record = records[next]; record; record = records[++next]) {
        if (size > 0 && size + record.length > limits.fileBytesMax) break;
        size += record.length;
      }
      if (next > from) {
        await file.appendFile(Buffer.concat(records.slice(from, next)));
        return next;
      }
    } finally {
      await file.close();
    }
    const previous = join(folder, previousFile);
    const replaced = await stat(previous).catch(() => undefined);
    await rename(join(folder, currentFile), previous);
    if (replaced && replaced.size > 0) this.#tellDropped();
    return from;
  }

  async #openCurrent(): Promise<FileHandle> {
    const path = join(this.#options.folder, currentFile);
    try {
      return await open(path, "a", 0o640);
    } catch (error) {
      if (errorCode(error) !== "ENOENT") throw error;
      await mkdir(this.#options.folder, { recursive: true, mode: 0o750 });
      return await open(path, "a", 0o640);
    }
  }

  #tellDropped(): void {
    if (this.#dropTold) return;
    this.#dropTold = true;
    this.#options.onDropped();
  }
}
