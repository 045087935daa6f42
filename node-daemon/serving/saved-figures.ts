/**
 * Counters on the disk, for the next daemon: sums that were smaller after its start would be new requests to Prometheus, as many as are
 * left. Written at most every ten seconds, while there are requests, and at the end.
 */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Clock, Timer } from "../../kit/clock.ts";
import { errorMessage } from "../../kit/errors.ts";
import type { Log } from "../../kit/log.ts";
import type { SavedFigures } from "./figures.ts";
import { servingLimits } from "./limits.ts";

export interface SavedFiguresOptions {
  readonly folder: string;
  readonly clock: Clock;
  readonly log: Log;
}

/** Raised when figures change their meaning. */
const version = 1;

export class SavedFiguresFile {
  readonly #options: SavedFiguresOptions;
  readonly #file: string;
  #timer: Timer | undefined;
  /** What is not written yet. */
  #unsaved: (() => SavedFigures) | undefined;
  #isClosed = false;

  constructor(options: SavedFiguresOptions) {
    this.#options = options;
    this.#file = join(options.folder, "figures.json");
  }

  /** Nothing, where there is none, or it was cut off by a crash of the machine: counters begin anew. */
  read(): SavedFigures {
    try {
      // Of our own writing.
      const file = JSON.parse(readFileSync(this.#file, "utf8")) as {
        readonly version: number;
        readonly sources: SavedFigures;
      };
      return file.version === version ? file.sources : {};
    } catch {
      return {};
    }
  }

  /** `saved` is asked when it is written. */
  changed(saved: () => SavedFigures): void {
    if (this.#isClosed) return;
    this.#unsaved = saved;
    this.#timer ??= this.#options.clock.setTimer(servingLimits.saveFiguresMs, () => {
      this.#timer = undefined;
      this.#save();
    });
  }

  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
    this.#save();
  }

  #save(): void {
    const saved = this.#unsaved;
    if (saved === undefined) return;
    this.#unsaved = undefined;
    try {
      // A node without a gateway has none.
      mkdirSync(this.#options.folder, { recursive: true, mode: 0o700 });
      writeFileSync(`${this.#file}.new`, JSON.stringify({ version, sources: saved() }));
      renameSync(`${this.#file}.new`, this.#file);
    } catch (thrown) {
      this.#options.log.warn("counters of requests were not written down", { err: errorMessage(thrown) });
    }
  }
}
