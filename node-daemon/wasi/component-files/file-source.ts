import { errno } from "../abi.ts";
import type { InputSource, StreamFailure } from "../host.ts";
import { readInto } from "./descriptors.ts";
import { FileFailure } from "./file-failure.ts";
import { limits } from "./limits.ts";
import type { OpenEntry } from "./open-entry.ts";

const nothing = new Uint8Array(0);

/**
 * Reads a file from some place on. A file that answers at once is read when it is asked for; another one ahead, one piece at
 * a time, which the guest may leave lying on the host's heap: so all its streams together have a bound.
 */
export class FileSource implements InputSource {
  readonly #entry: OpenEntry;
  #position: number;
  /** Read and not taken yet. */
  #ahead: Uint8Array = nothing;
  /** What the instance is charged for it. */
  #charged = 0;
  #over: "end" | StreamFailure | undefined;
  #reading = false;
  readonly #waiting = new Set<() => void>();

  /** The entry is held by whoever made this, until nothing is read any more. */
  constructor(entry: OpenEntry, position: number) {
    this.#entry = entry;
    this.#position = position;
  }

  read(maxBytes: number): Uint8Array | "end" | "wait" | StreamFailure {
    if (this.#ahead.byteLength > 0) {
      const taken = this.#ahead.subarray(0, maxBytes);
      this.#ahead = this.#ahead.subarray(taken.byteLength);
      if (this.#ahead.byteLength === 0) this.#discharge();
      return taken;
    }
    if (this.#over !== undefined) return this.#over;
    if (this.#reading) return "wait";
    this.#start(maxBytes);
    return this.#reading ? "wait" : this.read(maxBytes);
  }

  onReadable(wake: () => void): () => void {
    if (!this.#there && !this.#reading && this.#entry.operations.mayBlock) {
      this.#start(limits.chunkBytes);
    }
    // A file that never blocks is always readable.
    if (!this.#reading) {
      wake();
      return () => {};
    }
    this.#waiting.add(wake);
    return () => void this.#waiting.delete(wake);
  }

  /** Nothing is read any more. */
  close(): void {
    this.#over ??= "end";
    this.#ahead = nothing;
    if (!this.#reading) this.#discharge();
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
    const size = operations.mayBlock ? files.chargeAhead(wanted) : Math.min(wanted, limits.readBytesMax);
    if (operations.mayBlock) this.#charged = size;
    const target = new Uint8Array(size);
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
    if (count > 0 && this.#over === undefined) {
      this.#position += count;
      this.#ahead = target.subarray(0, count);
      return;
    }
    this.#over ??= count === 0 ? "end" : new FileFailure(-count);
    this.#discharge();
  }

  #discharge(): void {
    this.#entry.files.dischargeAhead(this.#charged);
    this.#charged = 0;
  }
}
