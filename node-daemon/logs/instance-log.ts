/**
 * The log of one instance on disk: two files, `current.log` and `previous.log`, bounded in size.
 *
 *   guest ──write──▶ pending (≤ 256 KiB) ──one write in flight──▶ current.log ──full: rename──▶ previous.log
 *                       │ full
 *                       └─▶ write returns less; the guest is suspended until onWritable wakes it
 *
 * Invariants:
 * - Nothing is open while nothing is written: a node holds thousands of these. Each write opens, appends and closes.
 * - Records are written whole and in order; one write is in flight per log and a bounded number per process.
 * - A disk that refuses costs lines, which are counted, never the guest or the process.
 * - No folder exists before the first line.
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

/** What one instance may have waiting for the disk. A guest that writes faster is suspended. */
export const pendingBytesMax = 256 * 1024;

/** A current and a previous file of this size: some 10 MiB per instance, as with a kubelet's smaller settings. */
export const defaultLogLimits: InstanceLogLimits = { fileBytesMax: 5 * 1024 * 1024 };

/** One per process because Node has one pool of four file threads per process: more at once only queue there. */
const processGate = new Gate(8);

export interface InstanceLogLimits {
  readonly fileBytesMax: number;
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
  readonly gate?: Gate;
}

export function openInstanceLog(options: InstanceLogOptions): InstanceLog {
  return new DiskLog(options);
}

interface Piece {
  readonly prefix: Buffer;
  /** Content with its newline. */
  readonly body: Buffer;
}

const newlineByte = Buffer.from("\n");

class DiskLog implements InstanceLog {
  readonly #options: InstanceLogOptions;
  readonly #gate: Gate;
  #pending: Piece[] = [];
  /** Bytes in `#pending`, in the open lines and in flight. */
  #heldBytes = 0;
  readonly #openLines = new Map<LogStream, Buffer[]>();
  #waiting: (() => void)[] = [];
  #flushing: Promise<void> | undefined;
  #closed = false;
  #dropTold = false;
  #linesLost = 0;

  constructor(options: InstanceLogOptions) {
    this.#options = options;
    this.#gate = options.gate ?? processGate;
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
      for (const stream of this.#openLines.keys()) this.#finishLine(stream, "P");
      this.#flush();
    }
    while (this.#flushing) await this.#flushing;
  }

  #write(stream: LogStream, bytes: Uint8Array): number {
    // A closed log swallows: its guest is on the way out and must not wait for room that never comes.
    if (this.#closed) return bytes.length;
    let taken = 0;
    let copy: Buffer | undefined;
    while (taken < bytes.length && this.#heldBytes < pendingBytesMax) {
      copy ??= Buffer.from(bytes.subarray(0, pendingBytesMax - this.#heldBytes));
      if (taken >= copy.length) break;
      taken += this.#takeOne(stream, copy.subarray(taken));
    }
    if (this.#pending.length > 0) this.#flush();
    return taken;
  }

  /** Takes up to the end of one line or one piece. */
  #takeOne(stream: LogStream, bytes: Buffer): number {
    const open = this.#openLines.get(stream) ?? [];
    const room = pieceBytesMax - open.reduce((sum, part) => sum + part.length, 0);
    const end = bytes.subarray(0, room).indexOf(newline);
    const length = end < 0 ? Math.min(room, bytes.length) : end;
    if (length > 0) {
      open.push(bytes.subarray(0, length));
      this.#heldBytes += length;
    }
    this.#openLines.set(stream, open);
    if (end >= 0) {
      this.#finishLine(stream, "F");
      return length + 1;
    }
    if (length === room) this.#finishLine(stream, "P");
    return length;
  }

  #finishLine(stream: LogStream, tag: "F" | "P"): void {
    const open = this.#openLines.get(stream) ?? [];
    if (tag === "P" && open.length === 0) return;
    this.#openLines.delete(stream);
    const prefix = Buffer.from(`${recordTime(this.#options.clock.now())} ${stream} ${tag} `);
    this.#pending.push({ prefix, body: Buffer.concat([...open, newlineByte]) });
    this.#heldBytes += prefix.length + 1;
  }

  #flush(): void {
    if (this.#flushing || this.#pending.length === 0) return;
    this.#flushing = this.#gate
      .run(() => this.#writePending())
      .finally(() => {
        this.#flushing = undefined;
        this.#wakeWaiting();
        this.#flush();
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
    const pieces = this.#pending;
    this.#pending = [];
    let next = 0;
    try {
      while (next < pieces.length) next = await this.#append(pieces, next);
    } catch {
      this.#linesLost += pieces.length - next;
      this.#tellDropped();
    } finally {
      for (const { prefix, body } of pieces) this.#heldBytes -= prefix.length + body.length;
    }
  }

  /** Appends the pieces that the current file has room for, rotating it first when it has none. */
  async #append(pieces: readonly Piece[], from: number): Promise<number> {
    const { folder, limits } = this.#options;
    const file = await this.#openCurrent();
    let size = 0;
    try {
      size = (await file.stat()).size;
      const parts: Buffer[] = [];
      let next = from;
      for (let piece = pieces[next]; piece; piece = pieces[++next]) {
        const bytes = piece.prefix.length + piece.body.length;
        if (size > 0 && size + bytes > limits.fileBytesMax) break;
        size += bytes;
        parts.push(piece.prefix, piece.body);
      }
      if (next > from) {
        await file.appendFile(Buffer.concat(parts));
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
