/**
 * Writes lines to a file without ever holding up who makes them.
 *
 *   write() ─▶ lines (bounded; a full one drops, and counts) ─▶ one batch under way ─▶ file
 *
 * What cannot be written stays and is tried again. Tells when a new file begins, and when there is room again after lines
 * were dropped: then what follows must stand by itself.
 *
 * Invariants: one write is under way at most; lines are in the order of the calls, and whole.
 */
import type { Clock } from "../../kit/clock.ts";
import type { Log } from "../../kit/log.ts";
import type { AppendFile } from "../apiserver/audit/rotating-file.ts";
import { limits } from "./limits.ts";

export interface RecordWriterOptions {
  readonly file: AppendFile;
  readonly clock: Clock;
  readonly log: Log;
  /** Lines were lost, and are not any more. */
  readonly recovered: (lost: number) => void;
}

export class RecordWriter implements AsyncDisposable {
  readonly #options: RecordWriterOptions;
  #lines: string[] = [];
  #bytes = 0;
  #rest: Buffer = Buffer.alloc(0);
  /** Lines that were taken, and that were given to a file, since the beginning. */
  #taken = 0;
  #given = 0;
  #lost = 0;
  #isFailing = false;
  /** From then on nothing is taken. Until then, a file that begins gets what it must begin with. */
  #isEnded = false;
  #running: Promise<void> | undefined;
  #wake: (() => void) | undefined;
  #closed: Promise<void> | undefined;

  constructor(options: RecordWriterOptions) {
    this.#options = options;
  }

  /** False: it was dropped. Until `recovered` is called, everything is. */
  write(line: string): boolean {
    if (this.#isEnded || this.#lost > 0 || this.#bytes + line.length > limits.bufferBytesMax) {
      if (this.#lost++ === 0 && !this.#isEnded)
        this.#options.log.warn("placement is not recorded: lines are lost", {});
      return false;
    }
    this.#lines.push(line);
    this.#taken++;
    this.#bytes += line.length;
    this.#running ??= this.#run();
    return true;
  }

  get taken(): number {
    return this.#taken;
  }

  /** While a new file begins: how many lines are in those before it. */
  get given(): number {
    return this.#given;
  }

  /** Resolves when nothing waits to be written any more. */
  async idle(): Promise<void> {
    await this.#running;
  }

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
    while (this.#lines.length > 0 || this.#rest.length > 0) {
      if (await this.#writeSome()) continue;
      if (this.#closed) break;
      await this.#pause();
    }
    this.#running = undefined;
    if (this.#lost === 0 || this.#closed) return;
    const lost = this.#lost;
    this.#lost = 0;
    this.#options.recovered(lost);
  }

  async #writeSome(): Promise<boolean> {
    const { file, log } = this.#options;
    try {
      if (this.#rest.length === 0) {
        const count = this.#nextBatch();
        const batch = Buffer.from(this.#lines.slice(0, count).join(""));
        await file.prepare(batch.length);
        for (const line of this.#lines.splice(0, count)) this.#bytes -= line.length;
        this.#given += count;
        this.#rest = batch;
      }
      this.#rest = this.#rest.subarray(await file.write(this.#rest));
      if (this.#isFailing) log.info("placement is recorded again", {});
      this.#isFailing = false;
      return true;
    } catch (thrown) {
      if (!this.#isFailing) log.error("placement cannot be recorded, trying again", { err: thrown });
      this.#isFailing = true;
      return false;
    }
  }

  /** How many lines: as many as fit, one at least. */
  #nextBatch(): number {
    let length = 0;
    const end = this.#lines.findIndex((line, place) => {
      length += line.length;
      return place > 0 && length > limits.batchBytesMax;
    });
    return end < 0 ? this.#lines.length : end;
  }

  async #pause(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    using _timer = this.#options.clock.setTimer(limits.retryMs, resolve);
    await promise;
  }

  async #close(): Promise<void> {
    // A pause ends now, and one more attempt is made.
    await Promise.resolve();
    this.#wake?.();
    await this.#running;
    this.#isEnded = true;
    try {
      await this.#options.file.close();
    } catch (thrown) {
      this.#options.log.error("the recording cannot be closed", { err: thrown });
    }
  }
}
