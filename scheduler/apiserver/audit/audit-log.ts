/**
 * Writes audit events to a file without ever holding up a request.
 *
 *   write() ─▶ lines (bounded; a full one drops, and counts) ─▶ one batch under way ─▶ file
 *
 * What cannot be written (a full disk) stays and is tried again after a while, from the very byte where it stopped; so
 * nothing is lost until the buffer is full, and no line is torn. The log tells of each change for the worse or the better
 * once. It does not decide what is worth recording.
 *
 * Invariants: one write is under way at most; events are in the order of the calls.
 */
import type { Clock } from "../../../kit/clock.ts";
import type { Log } from "../../../kit/log.ts";
import type { AuditEvent } from "./audit-event.ts";
import { type AppendFile, RotatingFile } from "./rotating-file.ts";

const limits = {
  /** Some thousands of events: seconds of a busy server, minutes of a usual one. */
  bufferBytesMax: 8 * 1024 * 1024,
  batchBytesMax: 256 * 1024,
  retryMs: 1_000,
} as const;

export interface AuditLogOptions {
  readonly file: string;
  readonly fileBytesMax: number;
  readonly backupsMax: number;
  readonly clock: Clock;
  readonly log: Log;
}

/** Throws a `WherryError` AuditLogUnavailable when the file cannot be opened. */
export async function openAuditLog(options: AuditLogOptions): Promise<AuditLog> {
  const { clock, log } = options;
  const file = await RotatingFile.open({ ...options, now: () => clock.now() });
  return new AuditLog(file, clock, log.bind({ auditLog: options.file }));
}

export interface AuditCounters {
  /** Events. */
  readonly written: number;
  readonly dropped: number;
  /** Attempts to write. */
  readonly failures: number;
}

interface Line {
  readonly text: string;
  readonly bytes: number;
}

export class AuditLog implements AsyncDisposable {
  readonly #file: AppendFile;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #bufferBytesMax: number;
  #lines: Line[] = [];
  #bufferedBytes = 0;
  /** What is left of the batch under way. */
  #rest: Buffer = Buffer.alloc(0);
  #restLines = 0;
  #written = 0;
  #dropped = 0;
  #failures = 0;
  #isFailing = false;
  #isDropping = false;
  #running: Promise<void> | undefined;
  #wake: (() => void) | undefined;
  #closed: Promise<void> | undefined;

  constructor(file: AppendFile, clock: Clock, log: Log, bufferBytesMax: number = limits.bufferBytesMax) {
    this.#file = file;
    this.#clock = clock;
    this.#log = log;
    this.#bufferBytesMax = bufferBytesMax;
  }

  get counters(): AuditCounters {
    return { written: this.#written, dropped: this.#dropped, failures: this.#failures };
  }

  write(event: AuditEvent): void {
    const text = `${JSON.stringify(event)}\n`;
    const bytes = Buffer.byteLength(text);
    if (this.#closed || this.#bufferedBytes + bytes > this.#bufferBytesMax) {
      this.#drop(1);
      return;
    }
    this.#lines.push({ text, bytes });
    this.#bufferedBytes += bytes;
    this.#running ??= this.#run();
  }

  /** Writes what there is, if it can be written at all. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #run(): Promise<void> {
    // Whatever else is written in this turn of the event loop goes along.
    await Promise.resolve();
    while (this.#bufferedBytes > 0) {
      const isWritten = await this.#writeSome();
      if (isWritten) continue;
      if (this.#closed) break;
      await this.#pause();
    }
    this.#running = undefined;
  }

  async #writeSome(): Promise<boolean> {
    try {
      if (this.#rest.length === 0) {
        const count = this.#nextBatch();
        const batch = Buffer.from(
          this.#lines
            .slice(0, count)
            .map(({ text }) => text)
            .join(""),
        );
        await this.#file.prepare(batch.length);
        this.#lines.splice(0, count);
        this.#restLines = count;
        this.#rest = batch;
      }
      const bytes = await this.#file.write(this.#rest);
      this.#rest = this.#rest.subarray(bytes);
      this.#bufferedBytes -= bytes;
    } catch (thrown) {
      this.#failures++;
      if (!this.#isFailing) this.#log.error("audit log cannot be written", { err: thrown });
      this.#isFailing = true;
      return false;
    }
    if (this.#rest.length === 0) this.#written += this.#restLines;
    if (this.#isFailing) this.#log.info("audit log is written again", { ...this.counters });
    this.#isFailing = false;
    if (this.#bufferedBytes === 0) this.#isDropping = false;
    return true;
  }

  /** How many lines: as many as fit, one at least. */
  #nextBatch(): number {
    let bytes = 0;
    const end = this.#lines.findIndex((line, index) => {
      bytes += line.bytes;
      return index > 0 && bytes > limits.batchBytesMax;
    });
    return end < 0 ? this.#lines.length : end;
  }

  async #pause(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    using _timer = this.#clock.setTimer(limits.retryMs, resolve);
    await promise;
  }

  #drop(count: number): void {
    this.#dropped += count;
    if (!this.#isDropping) this.#log.warn("audit events are dropped", { ...this.counters });
    this.#isDropping = true;
  }

  async #close(): Promise<void> {
    // Set by the caller only after this has begun; a pause ends now, and one more attempt is made.
    await Promise.resolve();
    this.#wake?.();
    await this.#running;
    const left = this.#lines.length + (this.#rest.length > 0 ? this.#restLines : 0);
    if (left > 0) this.#drop(left);
    try {
      await this.#file.close();
    } catch (thrown) {
      this.#log.error("audit log cannot be closed", { err: thrown });
    }
  }
}
