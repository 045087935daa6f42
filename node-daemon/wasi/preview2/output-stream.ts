/**
 * `wasi:io/streams.output-stream` over a sink.
 *
 *     check-write ─▶ permit ─▶ write ─▶ sink ── full ─▶ pending ─▶ sink, as soon as it has room
 *
 * - Nothing is permitted while anything is pending, or while the sink is full: a guest that outruns its sink waits.
 * - What is pending is bounded by the largest permit, and is written on even after the guest dropped the stream or returned:
 *   it was accepted. `release` is called after that. Nothing is written once the guest was ended.
 * - A sink that failed is told about once, as `last-operation-failed`; then the stream is closed.
 */
import { HostResource, trap } from "../component-resources.ts";
import { atMost, done, ok, type Result } from "../component-values.ts";
import type { ComponentHost, OutputSink, StreamFailure } from "../host.ts";
import { limits } from "../limits.ts";
import type { InputStream } from "./input-stream.ts";
import { firesAtOnce, Pollable, waitFor } from "./pollable.ts";
import { closed, failed, type StreamError } from "./stream-error.ts";

type Written = Result<undefined, StreamError>;

export class OutputStream extends HostResource {
  readonly #host: ComponentHost;
  readonly #sink: OutputSink;
  readonly #release: (() => void) | undefined;
  #pending: Uint8Array = new Uint8Array(0);
  /** Not told to the guest yet. */
  #failure: StreamFailure | undefined;
  #closed = false;
  /** While anything is pending. */
  #cancelFinish: (() => void) | undefined;
  /** What is left of the last permit. */
  #permitted = 0;
  /** Who waits for nothing to be pending. */
  readonly #waiting = new Set<() => void>();

  constructor(host: ComponentHost, sink: OutputSink, release?: () => void) {
    super(host);
    this.#host = host;
    this.#sink = sink;
    this.#release = release;
  }

  checkWrite(): Result<bigint, StreamError> {
    const broken = this.#broken();
    if (broken) return broken;
    this.#permitted = this.#hasRoom() ? limits.streamWriteBytesMax : 0;
    return ok(BigInt(this.#permitted));
  }

  write(contents: Uint8Array): Written {
    if (contents.byteLength > this.#permitted) {
      trap(`write ${contents.byteLength} bytes to an output-stream: check-write allowed ${this.#permitted}`);
    }
    this.#permitted -= contents.byteLength;
    const broken = this.#broken();
    if (broken) return broken;
    this.#put(contents);
    return this.#broken() ?? done;
  }

  blockingWriteAndFlush(contents: Uint8Array): Written | Promise<Written> {
    const { writeAndFlushBytesMax } = limits;
    if (contents.byteLength > writeAndFlushBytesMax) {
      trap(`write and flush ${contents.byteLength} bytes: at most ${writeAndFlushBytesMax} at once`);
    }
    const broken = this.#broken();
    if (broken) return broken;
    if (this.#pending.byteLength > 0) return this.#putWhenFlushed(contents);
    this.#put(contents);
    return this.blockingFlush();
  }

  /** Begins what happens anyway: what was accepted goes to the sink as soon as it can. */
  flush(): Written {
    return this.#broken() ?? done;
  }

  blockingFlush(): Written | Promise<Written> {
    const broken = this.#broken();
    if (broken) return broken;
    return this.#pending.byteLength === 0 ? done : this.#whenFlushed();
  }

  subscribe(): Pollable {
    return new Pollable(this.#host, { kind: "event", onReady: (wake) => this.onWritable(wake) });
  }

  writeZeroes(length: bigint): Written {
    if (length > BigInt(this.#permitted)) {
      trap(`write ${length} zeroes to an output-stream: check-write allowed ${this.#permitted}`);
    }
    return this.write(new Uint8Array(Number(length)));
  }

  blockingWriteZeroesAndFlush(length: bigint): Written | Promise<Written> {
    const { writeAndFlushBytesMax } = limits;
    if (length > BigInt(writeAndFlushBytesMax)) {
      trap(`write and flush ${length} zeroes: at most ${writeAndFlushBytesMax} at once`);
    }
    return this.blockingWriteAndFlush(new Uint8Array(Number(length)));
  }

  splice(source: InputStream, length: bigint): Result<bigint, StreamError> {
    const room = this.checkWrite();
    if (room.tag === "err") return room;
    const count = atMost(length, Number(room.val));
    const read = source.read(BigInt(count));
    if (read.tag === "err") return read;
    const written = this.write(read.val);
    return written.tag === "err" ? written : ok(BigInt(read.val.byteLength));
  }

  blockingSplice(
    source: InputStream,
    length: bigint,
  ): Result<bigint, StreamError> | Promise<Result<bigint, StreamError>> {
    const first = this.splice(source, length);
    return isSpliced(first, length) ? first : this.#spliceWhenThere(source, length);
  }

  /** Until `check-write` permits something, or answers with an error. */
  onWritable(wake: () => void): () => void {
    if (this.dropped || this.#closed || this.#failure) {
      wake();
      return () => {};
    }
    if (this.#pending.byteLength === 0) return this.#sink.onWritable(wake);
    this.#waiting.add(wake);
    return () => void this.#waiting.delete(wake);
  }

  async #whenFlushed(): Promise<Written> {
    while (this.#pending.byteLength > 0) {
      await waitFor(this.#host, (wake) => this.#onFlushed(wake));
    }
    return this.#broken() ?? done;
  }

  #onFlushed(wake: () => void): () => void {
    if (this.#pending.byteLength > 0) return this.onWritable(wake);
    wake();
    return () => {};
  }

  async #putWhenFlushed(contents: Uint8Array): Promise<Written> {
    // No `await` between the last look and `put`: others may wait for the same.
    while (this.#pending.byteLength > 0) await waitFor(this.#host, (wake) => this.#onFlushed(wake));
    const broken = this.#broken();
    if (broken) return broken;
    this.#put(contents);
    return await this.#whenFlushed();
  }

  async #spliceWhenThere(source: InputStream, length: bigint): Promise<Result<bigint, StreamError>> {
    for (;;) {
      await waitFor(this.#host, (wake) => this.onWritable(wake));
      await waitFor(this.#host, (wake) => source.onReadable(wake));
      const answer = this.splice(source, length);
      if (isSpliced(answer, length)) return answer;
    }
  }

  #hasRoom(): boolean {
    return this.#pending.byteLength === 0 && firesAtOnce((wake) => this.#sink.onWritable(wake));
  }

  /** A failure is told once. */
  #broken(): ReturnType<typeof failed> | undefined {
    if (this.#closed || this.dropped) return closed;
    const failure = this.#failure;
    if (!failure) return undefined;
    this.#closed = true;
    return failed(this.#host, failure);
  }

  /** Only while nothing is pending. */
  #put(contents: Uint8Array): void {
    const written = contents.byteLength === 0 ? 0 : this.#sink.write(contents);
    if (typeof written !== "number") {
      this.#failure = written;
    } else if (written < contents.byteLength) {
      this.#pending = new Uint8Array(contents.subarray(written));
      this.#cancelFinish ??= this.#host.onReturn(() =>
        this.#whenFlushed().then(
          () => {},
          () => {},
        ),
      );
      this.#sink.onWritable(() => this.#drain());
    }
  }

  #drain(): void {
    const pending = this.#pending;
    this.#pending = new Uint8Array(0);
    if (!this.#host.ended) this.#put(pending);
    if (this.#pending.byteLength > 0) return;
    this.#cancelFinish?.();
    this.#cancelFinish = undefined;
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
    if (this.dropped) this.#release?.();
  }

  protected override release(): void {
    if (this.#pending.byteLength === 0) this.#release?.();
  }
}

function isSpliced(answer: Result<bigint, StreamError>, length: bigint): boolean {
  return answer.tag === "err" || length === 0n || answer.val > 0n;
}
