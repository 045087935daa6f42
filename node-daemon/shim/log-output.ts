import type { LogSink } from "../logs/instance-log.ts";
import type { OutputSink } from "../wasi/host.ts";

/**
 * A log's sink answers later whether it has room, and forgets no waiter; a guest's poll wants both at once. The sink is
 * opened by the first write: most instances of a full node are silent.
 */
export class LogOutput implements OutputSink {
  readonly #open: () => LogSink;
  #sink: LogSink | undefined;
  /** Who waits for room; undefined while there is some. */
  #waiting: Set<() => void> | undefined;

  constructor(open: () => LogSink) {
    this.#open = open;
  }

  write(bytes: Uint8Array): number {
    this.#sink ??= this.#open();
    const accepted = this.#sink.write(bytes);
    if (accepted < bytes.length && !this.#waiting) {
      this.#waiting = new Set();
      this.#sink.onWritable(() => this.#hasRoom());
    }
    return accepted;
  }

  onWritable(wake: () => void): () => void {
    const waiting = this.#waiting;
    if (waiting) waiting.add(wake);
    else wake();
    return () => void waiting?.delete(wake);
  }

  #hasRoom(): void {
    const waiting = this.#waiting ?? [];
    this.#waiting = undefined;
    for (const wake of waiting) wake();
  }
}
