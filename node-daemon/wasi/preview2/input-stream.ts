import { HostResource } from "../component-resources.ts";
import { atMost, ok, type Result } from "../component-values.ts";
import type { ComponentHost, InputSource } from "../host.ts";
import { limits } from "../limits.ts";
import { Pollable, waitFor } from "./pollable.ts";
import { closed, failed, type StreamError } from "./stream-error.ts";

const nothing = new Uint8Array(0);

/**
 * `wasi:io/streams.input-stream` over a source. `release` is called when the guest drops the stream; the source isn't
 * touched any more from then on, so a file behind it can be closed.
 */
export class InputStream extends HostResource {
  readonly #host: ComponentHost;
  readonly #source: InputSource;
  readonly #release: (() => void) | undefined;
  /** It has ended, or has told why it broke. */
  #closed = false;

  constructor(host: ComponentHost, source: InputSource, release?: () => void) {
    super(host);
    this.#host = host;
    this.#source = source;
    this.#release = release;
  }

  read(length: bigint): Result<Uint8Array, StreamError> {
    if (this.#closed || this.dropped) return closed;
    if (length === 0n) return ok(nothing);
    const answer = this.#source.read(atMost(length, limits.streamReadBytesMax));
    if (answer instanceof Uint8Array) return ok(answer);
    if (answer === "wait") return ok(nothing);
    this.#closed = true;
    return answer === "end" ? closed : failed(this.#host, answer);
  }

  blockingRead(length: bigint): Result<Uint8Array, StreamError> | Promise<Result<Uint8Array, StreamError>> {
    const first = this.read(length);
    return isDone(first, length) ? first : this.#readWhenThere(length);
  }

  skip(length: bigint): Result<bigint, StreamError> {
    return counted(this.read(length));
  }

  blockingSkip(length: bigint): Result<bigint, StreamError> | Promise<Result<bigint, StreamError>> {
    const read = this.blockingRead(length);
    return read instanceof Promise ? read.then(counted) : counted(read);
  }

  subscribe(): Pollable {
    return new Pollable(this.#host, { kind: "event", onReady: (wake) => this.onReadable(wake) });
  }

  /** Until `read` answers something, an end or a failure too. */
  onReadable(wake: () => void): () => void {
    if (!this.#closed && !this.dropped) return this.#source.onReadable(wake);
    wake();
    return () => {};
  }

  async #readWhenThere(length: bigint): Promise<Result<Uint8Array, StreamError>> {
    for (;;) {
      await waitFor(this.#host, (wake) => this.onReadable(wake));
      const answer = this.read(length);
      if (isDone(answer, length)) return answer;
    }
  }

  protected override release(): void {
    this.#release?.();
  }
}

function isDone(answer: Result<Uint8Array, StreamError>, length: bigint): boolean {
  return answer.tag === "err" || length === 0n || answer.val.byteLength > 0;
}

function counted(answer: Result<Uint8Array, StreamError>): Result<bigint, StreamError> {
  return answer.tag === "err" ? answer : ok(BigInt(answer.val.byteLength));
}
