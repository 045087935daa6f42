/**
 * The file that requests are noted in, a line for each. Several processes may append to it: what one writes at once stays together.
 *
 *   lines ─▶ gathered ── each quarter of a second, or when there is much ─▶ appended
 *                └── full: the line is refused, and the caller counts it
 *
 * A file that has become too large is put aside as FILE.1 and begun anew, by whoever of the processes sees it first. One that somebody else
 * has put aside is begun anew as well, so logrotate may do it.
 */
import { close, constants, fstat, open, rename, stat, write } from "node:fs";
import { promisify } from "node:util";
import type { Clock, Timer } from "../../../kit/clock.ts";
import { errorMessage } from "../../../kit/errors.ts";
import type { Log } from "../../../kit/log.ts";

const calls = {
  close: promisify(close),
  fstat: promisify(fstat),
  open: promisify(open),
  rename: promisify(rename),
  stat: promisify(stat),
  write: promisify(write),
};

export const accessLogLimits = {
  /** Lines wait this long for company. */
  gatherMs: 250,
  /** Then they are written at once. */
  batchBytes: 256 * 1024,
  /** What may wait for a disk that is slow. */
  waitingBytesMax: 4 * 2 ** 20,
  /** Then the file is put aside. */
  fileBytesMax: 64 * 2 ** 20,
};

export interface AccessLogParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly limits?: typeof accessLogLimits;
}

export class AccessLogFile {
  readonly #path: string;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #limits: typeof accessLogLimits;
  #lines: string[] = [];
  #bytes = 0;
  #timer: Timer | undefined;
  #writing: Promise<void> | undefined;
  #failed = false;

  constructor(path: string, { clock, log, limits = accessLogLimits }: AccessLogParts) {
    this.#path = path;
    this.#clock = clock;
    this.#log = log;
    this.#limits = limits;
  }

  /** False: there is no room for it. Without a line end. */
  write(line: string): boolean {
    if (this.#bytes + line.length > this.#limits.waitingBytesMax) return false;
    this.#lines.push(line);
    this.#bytes += line.length + 1;
    if (this.#bytes >= this.#limits.batchBytes) this.#flush();
    else this.#timer ??= this.#clock.setTimer(this.#limits.gatherMs, () => this.#flush());
    return true;
  }

  /** Resolves once everything is written, or has failed to be. */
  async close(): Promise<void> {
    this.#flush();
    while (this.#writing) {
      await this.#writing;
      this.#flush();
    }
  }

  #flush(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    if (this.#writing || this.#lines.length === 0) return;
    const text = `${this.#lines.join("\n")}\n`;
    this.#lines = [];
    this.#bytes = 0;
    this.#writing = this.#append(Buffer.from(text)).then(() => {
      this.#writing = undefined;
      if (this.#lines.length > 0)
        this.#timer ??= this.#clock.setTimer(this.#limits.gatherMs, () => this.#flush());
    });
  }

  /** Opened each time: four times a second, and nobody has to be told that it was put aside. */
  async #append(bytes: Buffer): Promise<void> {
    const { O_APPEND, O_CREAT, O_WRONLY } = constants;
    let file: number | undefined;
    try {
      file = await calls.open(this.#path, O_APPEND | O_CREAT | O_WRONLY, 0o640);
      const { size, ino } = await calls.fstat(file);
      if (size > 0 && size + bytes.length > this.#limits.fileBytesMax) {
        await this.#putAside(ino);
        await calls.close(file);
        file = await calls.open(this.#path, O_APPEND | O_CREAT | O_WRONLY, 0o640);
      }
      await calls.write(file, bytes);
      this.#failed = false;
    } catch (thrown) {
      // Once until it works again: a full disk has enough to bear.
      if (!this.#failed) this.#log.error("the access log was not written", { err: errorMessage(thrown) });
      this.#failed = true;
    } finally {
      if (file !== undefined) await calls.close(file).catch(() => {});
    }
  }

  /** Unless another process has done so already. */
  async #putAside(ino: number): Promise<void> {
    const now = await calls.stat(this.#path).catch(() => undefined);
    if (now?.ino === ino) await calls.rename(this.#path, `${this.#path}.1`);
  }
}
