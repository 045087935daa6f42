import { errno } from "../abi.ts";
import type { InputSource, StreamFailure } from "../host.ts";
import { readInto } from "./descriptors.ts";
import { FileFailure } from "./file-failure.ts";
import type { OpenEntry } from "./open-entry.ts";

const nothing = new Uint8Array(0);

/**
 * Reads a file from some place on. A file that answers at once is read when it is asked for; another one ahead, one piece at
 * a time.
 */
export class FileSource implements InputSource {
  readonly #entry: OpenEntry;
  #position: number;
  /** Read and not taken yet. */
  #ahead: Uint8Array = nothing;
  #over: "end" | StreamFailure | undefined;
  #reading = false;
  #closed = false;
  readonly #waiting = new Set<() => void>();

  /** Takes over one hold of `entry`. `close` has to follow. */
  constructor(entry: OpenEntry, position: number) {
    this.#entry = entry;
    this.#position = position;
    entry.files.sources++;
  }

  read(maxBytes: number): Uint8Array | "end" | "wait" | StreamFailure {
    if (!this.#there && !this.#reading) this.#start(maxBytes);
    if (this.#ahead.byteLength > 0) {
      const taken = this.#ahead.subarray(0, maxBytes);
      this.#ahead = taken.byteLength === this.#ahead.byteLength ? nothing : this.#ahead.subarray(maxBytes);
      return taken;
    }
    return this.#over ?? "wait";
  }

  onReadable(wake: () => void): () => void {
    if (!this.#there && !this.#reading && this.#entry.operations.mayBlock) {
      this.#start(Number.POSITIVE_INFINITY);
    }
    // A file that never blocks is always readable.
    if (!this.#reading) {
      wake();
      return () => {};
    }
    this.#waiting.add(wake);
    return () => void this.#waiting.delete(wake);
  }

  /** Nothing is read any more. Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#over ??= "end";
    this.#ahead = nothing;
    this.#entry.files.sources--;
    this.#entry.letGo();
  }

  get #there(): boolean {
    return this.#ahead.byteLength > 0 || this.#over !== undefined;
  }

  #start(wanted: number): void {
    if (this.#entry.closed) {
      this.#over = new FileFailure(errno.badf);
      return;
    }
    const { files, operations } = this.#entry;
    const target = new Uint8Array(Math.min(wanted, files.pieceBytes(operations.mayBlock)));
    const answer = readInto(this.#entry, target, this.#position);
    if (typeof answer === "number") {
      this.#finish(target, answer);
      return;
    }
    this.#reading = true;
    const finish = (count: number) => {
      this.#reading = false;
      this.#finish(target, count);
      const woken = [...this.#waiting];
      this.#waiting.clear();
      for (const wake of woken) wake();
    };
    answer.then(finish, (thrown: unknown) => {
      files.host.onBug?.(thrown);
      finish(-errno.io);
    });
  }

  #finish(target: Uint8Array, count: number): void {
    if (this.#closed) return;
    if (count > 0) {
      this.#position += count;
      this.#ahead = target.subarray(0, count);
    } else {
      this.#over = count === 0 ? "end" : new FileFailure(-count);
    }
  }
}
