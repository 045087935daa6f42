import type { ServerReadableStream } from "@grpc/grpc-js";
import type { LogChunk__Output } from "../../proto/gen/wherry/v1/LogChunk.ts";
import type { LogReceipt } from "../../proto/gen/wherry/v1/LogReceipt.ts";
import { WherryError } from "../../kit/errors.ts";

type LogCall = ServerReadableStream<LogChunk__Output, LogReceipt>;
type Chunks = AsyncIterator<LogChunk__Output>;

interface Arrival {
  readonly first: LogChunk__Output;
  readonly rest: Chunks;
  /** Lets the call end; a pending `rest.next()` then rejects. */
  readonly finish: () => void;
}

interface Waiting {
  readonly nodeName: string;
  readonly arrived: (arrival: Arrival) => void;
}

/** How long a node may take to open a log after it was asked to. */
const openTimeoutMs = 10_000;

/**
 * Brings the call with which a node sends a log to the reader who asked for it. The reader pulls: gRPC's flow control
 * holds the node back when the reader is slow, so nothing is buffered here.
 */
export class LogRelay {
  readonly #waiting = new Map<string, Waiting>();

  /** The handler of SendLog: resolves when the reader is done. `nodeName` comes from the caller's certificate. */
  async accept(call: LogCall, nodeName: string): Promise<void> {
    const chunks: Chunks = call[Symbol.asyncIterator]();
    const first = await chunks.next();
    if (first.done === true) return;
    const waiting = this.#waiting.get(first.value.streamId);
    // Nobody waits (any more): answering at once tells the node to stop.
    if (!waiting || waiting.nodeName !== nodeName) return;
    this.#waiting.delete(first.value.streamId);
    await new Promise<void>((resolve) => {
      call.once("cancelled", resolve);
      const finish = () => {
        call.destroy();
        resolve();
      };
      waiting.arrived({ first: first.value, rest: chunks, finish });
    });
  }

  /** Waits for the node's call from now on; the chunks are pulled when the caller iterates. */
  read(streamId: string, nodeName: string, signal: AbortSignal): AsyncIterable<Uint8Array> {
    const arrival = this.#arrival(streamId, nodeName, signal);
    // A caller that never iterates must not turn a late node into an unhandled rejection.
    arrival.catch(() => {});
    return readArrival(arrival, nodeName, signal);
  }

  #arrival(streamId: string, nodeName: string, signal: AbortSignal): Promise<Arrival> {
    const bounded = AbortSignal.any([signal, AbortSignal.timeout(openTimeoutMs)]);
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        this.#waiting.delete(streamId);
        const message = `node ${nodeName} did not open the log within ${openTimeoutMs / 1000} s`;
        reject(new WherryError("NodeUnreachable", message, { retryable: true }));
      };
      bounded.addEventListener("abort", onAbort, { once: true });
      const arrived = (arrival: Arrival) => {
        bounded.removeEventListener("abort", onAbort);
        resolve(arrival);
      };
      this.#waiting.set(streamId, { nodeName, arrived });
    });
  }
}

function* dataOf(chunk: LogChunk__Output): Generator<Uint8Array> {
  if (chunk.data.length > 0) yield chunk.data;
  if (chunk.error) throw new WherryError("LogUnavailable", chunk.error);
}

async function* readArrival(
  arrival: Promise<Arrival>,
  nodeName: string,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const { first, rest, finish } = await arrival;
  signal.addEventListener("abort", finish, { once: true });
  try {
    yield* dataOf(first);
    for (;;) {
      const next = await rest.next();
      if (next.done === true) return;
      yield* dataOf(next.value);
    }
  } catch (thrown) {
    if (signal.aborted) return;
    if (thrown instanceof WherryError) throw thrown;
    const message = `node ${nodeName} stopped sending the log`;
    throw new WherryError("NodeUnreachable", message, { retryable: true, cause: thrown });
  } finally {
    signal.removeEventListener("abort", finish);
    finish();
  }
}
