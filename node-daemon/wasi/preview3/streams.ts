/**
 * `stream<u8>` and `future<result<_, E>>` of WASI 0.3, as jco's bindings take and give them.
 *
 * What the bindings want, and what is made of it here:
 *
 * - A stream to the guest is an async iterable of `Uint8Array`s: `ByteStream`. They call `next` when the guest reads and they
 *   have nothing left, so one chunk at most is on its way; `return` when the guest drops its end, also while `next` waits.
 * - A stream from the guest has `read({count})`, answering numbers, or `done` once the guest dropped its end; disposing of it
 *   drops the other end, and ends a `read` that waits.
 * - A future is a promise of `{tag, val}`. One that is not asked for is never looked at, so ours are never unhandled.
 *
 *     InputSource ─▶ streamOf ─▶ [stream, future: ok at its end or when dropped, err when the source broke]
 *     stream ─▶ drainInto ─▶ OutputSink, and the future: ok once all was accepted, err when the sink broke
 *
 * A drain reads the next chunk when the sink has accepted the last one: a guest that outruns its sink waits. When the guest
 * returns, what it has written by then is drained. When it exits or is killed, everything here ends with `GuestEnded`.
 */
import { trap } from "../component-resources.ts";
import { done, err, type Result } from "../component-values.ts";
import {
  GuestEnded,
  type ComponentHost,
  type InputSource,
  type OutputSink,
  type StreamFailure,
} from "../host.ts";
import { limits } from "../limits.ts";

export type Outcome<E> = Result<undefined, E>;

/** As the bindings give them. A single item is a number, several are an array. */
export interface GuestStream {
  read(options: { readonly count: number }): Promise<{
    readonly value: number | ArrayLike<number> | undefined;
    readonly done: boolean;
  }>;
  [Symbol.dispose](): void;
}

/** What ends a stream, beside its end: how a failure is called in the interface, and what to let go of then. */
export interface StreamEnd<E> {
  readonly failureCode: (failure: StreamFailure) => E;
  /** Called once, whatever ended it. */
  readonly release?: () => void;
}

/** The members of a `tuple<stream<u8>, future<result<_, E>>>` that reads a source. */
export function streamOf<E>(
  host: ComponentHost,
  source: InputSource,
  end: StreamEnd<E>,
): [ByteStream, Promise<Outcome<E>>] {
  const { promise, resolve, reject } = Promise.withResolvers<Outcome<E>>();
  promise.catch(() => {});
  const stream = new ByteStream(host, source, (outcome) => {
    end.release?.();
    if (outcome === "killed") reject(new GuestEnded());
    else resolve(outcome === "over" ? done : err(end.failureCode(outcome)));
  });
  return [stream, promise];
}

/** A `stream<u8>` that reads a source. Counts as a resource until it ends. */
export class ByteStream implements AsyncIterableIterator<Uint8Array> {
  readonly #host: ComponentHost;
  readonly #source: InputSource;
  #onEnd: ((outcome: "over" | "killed" | StreamFailure) => void) | undefined;
  #stopWaiting = () => {};

  constructor(
    host: ComponentHost,
    source: InputSource,
    onEnd: (outcome: "over" | "killed" | StreamFailure) => void,
  ) {
    host.resources.take();
    this.#host = host;
    this.#source = source;
    this.#onEnd = onEnd;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<Uint8Array>> {
    while (this.#onEnd) {
      const answer = this.#source.read(limits.streamChunkBytesMax);
      if (answer === "wait") await this.#wait();
      else if (answer === "end") this.#end("over");
      else if (!(answer instanceof Uint8Array)) this.#end(answer);
      else if (answer.byteLength > 0) return { done: false, value: answer };
    }
    return { done: true, value: undefined };
  }

  async return(): Promise<IteratorResult<Uint8Array>> {
    this.#end("over");
    return { done: true, value: undefined };
  }

  async #wait(): Promise<void> {
    const woken = await this.#host.wait<"ready" | "killed">((wake) => {
      this.#stopWaiting = () => wake("ready");
      return this.#source.onReadable(() => wake("ready"));
    }, "killed");
    this.#stopWaiting = () => {};
    if (woken === "ready") return;
    this.#end("killed");
    throw new GuestEnded();
  }

  #end(outcome: "over" | "killed" | StreamFailure): void {
    const onEnd = this.#onEnd;
    if (!onEnd) return;
    this.#onEnd = undefined;
    this.#host.resources.giveBack();
    this.#stopWaiting();
    onEnd(outcome);
  }
}

/** Takes all that a guest writes. The answer is a `future<result<_, E>>`. */
export function drainInto<E>(
  host: ComponentHost,
  stream: GuestStream,
  sink: OutputSink,
  end: StreamEnd<E>,
): Promise<Outcome<E>> {
  host.resources.take();
  // Our end is dropped, but what the guest has written by then can still be read.
  const cancelFinish = host.onReturn(() => {
    stream[Symbol.dispose]();
    return outcome.then(nothing, nothing);
  });
  const outcome = drain(host, stream, sink, end).finally(() => {
    cancelFinish();
    host.resources.giveBack();
    end.release?.();
    stream[Symbol.dispose]();
  });
  outcome.catch(nothing);
  return outcome;
}

function nothing(): void {}

async function drain<E>(
  host: ComponentHost,
  stream: GuestStream,
  sink: OutputSink,
  end: StreamEnd<E>,
): Promise<Outcome<E>> {
  for (;;) {
    const chunk = await readChunk(host, stream);
    if (chunk === "end") return done;
    for (let rest = chunk; rest.byteLength > 0;) {
      const accepted = sink.write(rest);
      if (typeof accepted !== "number") return err(end.failureCode(accepted));
      rest = rest.subarray(accepted);
      if (rest.byteLength > 0) await untilWritable(host, sink);
    }
  }
}

/** At most `limits.streamChunkBytesMax`, or `end` once the guest dropped its end. */
export async function readChunk(host: ComponentHost, stream: GuestStream): Promise<Uint8Array | "end"> {
  const count = limits.streamChunkBytesMax;
  const reading = stream.read({ count });
  const answer = await host.wait<Awaited<typeof reading> | "failed" | "killed">((wake) => {
    reading.then(wake, () => wake("failed"));
    return () => {};
  }, "killed");
  // Only our own end can have failed: the guest's is dropped, or it is dead.
  if (answer === "killed" || answer === "failed") throw new GuestEnded();
  if (answer.done && answer.value === undefined) return "end";
  return bytesOf(answer.value ?? []);
}

function bytesOf(value: number | ArrayLike<number>): Uint8Array {
  const bytes = typeof value === "number" ? Uint8Array.of(value) : Uint8Array.from(value);
  if (bytes.byteLength > limits.streamChunkBytesMax)
    trap("a stream answered more bytes than it was asked for");
  return bytes;
}

async function untilWritable(host: ComponentHost, sink: OutputSink): Promise<void> {
  const woken = await host.wait<"ready" | "killed">((wake) => sink.onWritable(() => wake("ready")), "killed");
  if (woken === "killed") throw new GuestEnded();
}
