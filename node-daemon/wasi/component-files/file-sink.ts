import { errno } from "../abi.ts";
import type { OutputSink, StreamFailure } from "../host.ts";
import { writeFrom } from "./descriptors.ts";
import { FileFailure } from "./file-failure.ts";
import { limits } from "./limits.ts";
import type { OpenEntry } from "./open-entry.ts";

/**
 * Writes a file from some place on, or at its end if it was opened to append.
 *
 * What is accepted is written: a file that does not answer at once is "full" while it writes what it was offered, and
 * accepts it when the same bytes are offered again, as writers do with what was not accepted. So whoever has nothing left
 * to offer has flushed, and a failure comes to whoever wrote.
 */
export class FileSink implements OutputSink {
  readonly #entry: OpenEntry;
  #position: number;
  /** What the last write came to, once it has. */
  #outcome: number | undefined;
  #writing = false;
  readonly #waiting = new Set<() => void>();

  /** Takes over one hold of `entry`. `close` has to follow. */
  constructor(entry: OpenEntry, position: number) {
    this.#entry = entry;
    this.#position = position;
  }

  write(bytes: Uint8Array): number | StreamFailure {
    if (this.#writing) return 0;
    const outcome = this.#outcome;
    if (outcome !== undefined) {
      this.#outcome = undefined;
      return this.#accepted(Math.min(outcome, bytes.byteLength));
    }
    if (this.#entry.closed) return new FileFailure(errno.badf);
    const { mayBlock } = this.#entry.operations;
    const offered = bytes.subarray(0, mayBlock ? limits.pieceBytes : limits.writeBytesMax);
    // It may be guest memory, which is not to be relied on once this has returned.
    const kept = mayBlock || offered.byteLength > limits.pieceBytes ? offered.slice() : offered;
    const answer = writeFrom(this.#entry, kept, this.#position);
    if (typeof answer === "number") return this.#accepted(answer);
    this.#await(answer);
    return 0;
  }

  onWritable(wake: () => void): () => void {
    if (!this.#writing) {
      wake();
      return () => {};
    }
    this.#waiting.add(wake);
    return () => void this.#waiting.delete(wake);
  }

  /** Nothing is offered any more; what was accepted is written. */
  close(): void {
    this.#entry.letGo();
  }

  #await(answer: Promise<number>): void {
    this.#writing = true;
    const finish = (outcome: number) => {
      this.#writing = false;
      this.#outcome = outcome;
      const woken = [...this.#waiting];
      this.#waiting.clear();
      for (const wake of woken) wake();
    };
    answer.then(finish, (thrown: unknown) => {
      this.#entry.files.host.onBug?.(thrown);
      finish(-errno.io);
    });
  }

  #accepted(count: number): number | StreamFailure {
    if (count < 0) return new FileFailure(-count);
    this.#position += count;
    return count;
  }
}
