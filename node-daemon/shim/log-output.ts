import type { LogSink } from "../logs/instance-log.ts";
import type { LogStream } from "../logs/log-record.ts";
import type { OutputSink } from "../wasi/host.ts";

export interface OpensSink {
  openSink(stream: LogStream): LogSink;
}

/**
 * A log's sink answers later whether it has room, and forgets no waiter; a guest's poll wants both at once. The sink is
 * opened by the first write: most instances of a full node are silent.
 */
export class LogOutput implements OutputSink {
  readonly #log: OpensSink;
  readonly #stream: LogStream;
  #sink: LogSink | undefined;
  /** Who waits for room; undefined while there is some. */
  #waiting: Set<() => void> | undefined;

  constructor(log: OpensSink, stream: LogStream) {
    this.#log = log;
    this.#stream = stream;
  }

  write(bytes: Uint8Array): number {
    this.#sink ??= this.#log.openSink(this.#stream);
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
