import type { ServerReadableStream } from "@grpc/grpc-js";
import type { LogChunk__Output } from "../../proto/gen/wherry/v1/LogChunk.ts";
import type { LogReceipt } from "../../proto/gen/wherry/v1/LogReceipt.ts";
import { WherryError } from "../../kit/errors.ts";

type LogCall = ServerReadableStream<LogChunk__Output, LogReceipt>;

interface Waiting {
  readonly nodeName: string;
  readonly arrived: (call: LogCall, first: LogChunk__Output) => void;
}

/** How long a node may take to open a log after it was asked to. */
const openTimeoutMs = 10_000;

/**
 * Brings the call with which a node sends a log to the reader who asked for it. The reader pulls: gRPC's flow control
 * holds the node back when the reader is slow, so nothing is buffered here.
 */
export class LogRelay {
  readonly #waiting = new Map<string, Waiting>();

  /** The server's handler of SendLog. `nodeName` comes from the caller's certificate. */
  async accept(call: LogCall, nodeName: string): Promise<void> {
    const first = await call[Symbol.asyncIterator]().next();
    if (first.done === true) return;
    const chunk = first.value as LogChunk__Output;
    const waiting = this.#waiting.get(chunk.streamId);
    if (!waiting || waiting.nodeName !== nodeName) {
      call.destroy(new Error(`no reader waits for log stream ${chunk.streamId}`));
      return;
    }
    this.#waiting.delete(chunk.streamId);
    await new Promise<void>((resolve) => {
      call.once("close", resolve);
      waiting.arrived(call, chunk);
    });
  }

  async *read(streamId: string, nodeName: string, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const { call, first } = await this.#arrival(streamId, nodeName, signal);
    const onAbort = () => void call.destroy();
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      yield* dataOf(first);
      for await (const chunk of call.iterator({ destroyOnReturn: true }))
        yield* dataOf(chunk as LogChunk__Output);
    } catch (thrown) {
      if (signal.aborted) return;
      if (thrown instanceof WherryError) throw thrown;
      throw new WherryError("NodeUnreachable", `node ${nodeName} stopped sending the log`, {
        retryable: true,
        cause: thrown,
      });
    } finally {
      signal.removeEventListener("abort", onAbort);
      call.destroy();
    }
  }

  #arrival(streamId: string, nodeName: string, signal: AbortSignal) {
    const bounded = AbortSignal.any([signal, AbortSignal.timeout(openTimeoutMs)]);
    return new Promise<{ readonly call: LogCall; readonly first: LogChunk__Output }>((resolve, reject) => {
      const onAbort = () => {
        this.#waiting.delete(streamId);
        const message = `node ${nodeName} did not open the log within ${openTimeoutMs / 1000} s`;
        reject(new WherryError("NodeUnreachable", message, { retryable: true }));
      };
      bounded.addEventListener("abort", onAbort, { once: true });
      this.#waiting.set(streamId, {
        nodeName,
        arrived: (call, first) => {
          bounded.removeEventListener("abort", onAbort);
          resolve({ call, first });
        },
      });
    });
  }
}

function* dataOf(chunk: LogChunk__Output): Generator<Uint8Array> {
  if (chunk.data.length > 0) yield chunk.data;
  if (chunk.error) throw new WherryError("LogUnavailable", chunk.error);
}
