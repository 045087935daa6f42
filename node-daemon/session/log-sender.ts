/**
 * Answers OpenLog: reads the instance's log and sends it on a call of its own, whose flow control reaches back to the
 * reading of the file. The scheduler ends the call when nobody reads any more.
 */
import { status as grpcStatus, type ClientWritableStream } from "@grpc/grpc-js";
import { once } from "node:events";
import { stat } from "node:fs/promises";
import { errorMessage } from "../../kit/errors.ts";
import type { Log } from "../../kit/log.ts";
import type { LogChunk } from "../../proto/gen/wherry/v1/LogChunk.ts";
import type { NodeServiceClient } from "../../proto/gen/wherry/v1/NodeService.ts";
import type { OpenLog__Output } from "../../proto/gen/wherry/v1/OpenLog.ts";
import { logReadersMax } from "../core/limits.ts";
import { readInstanceLog } from "../logs/log-reader.ts";
import { isUid } from "./wire.ts";

export interface LogSenderOptions {
  readonly folderOf: (uid: string) => string;
  readonly isHeld: (uid: string) => boolean;
  /** Aborted once the instance writes no more. */
  readonly endOf: (uid: string) => AbortSignal;
  readonly log: Log;
}

export class LogSender {
  readonly #options: LogSenderOptions;
  #readers = 0;

  constructor(options: LogSenderOptions) {
    this.#options = options;
  }

  send(client: NodeServiceClient, request: OpenLog__Output): void {
    const done = new AbortController();
    const call = client.sendLog((error) => {
      done.abort();
      if (error && error.code !== grpcStatus.CANCELLED) {
        this.#options.log.debug("log call ended", { uid: request.uid, reason: error.message });
      }
    });
    call.on("error", () => done.abort());
    this.#readers++;
    void this.#sendAll(call, request, done.signal).finally(() => this.#readers--);
  }

  async #sendAll(
    call: ClientWritableStream<LogChunk>,
    request: OpenLog__Output,
    signal: AbortSignal,
  ): Promise<void> {
    try {
      // At once and empty, so that the reader knows the node is there also when the log is silent.
      call.write({ streamId: request.streamId });
      for await (const data of await this.#open(request, signal)) {
        if (!call.write({ data }) && !signal.aborted) await once(call, "drain", { signal });
        if (signal.aborted) return;
      }
    } catch (error) {
      if (!signal.aborted) call.write({ error: errorMessage(error) });
    } finally {
      if (signal.aborted) call.cancel();
      else call.end();
    }
  }

  async #open(request: OpenLog__Output, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>> {
    const { uid } = request;
    const { folderOf, isHeld, endOf } = this.#options;
    if (this.#readers > logReadersMax)
      throw new Error(`this node sends ${logReadersMax} logs already; try again later`);
    const gone = "the node no longer has the log of this instance";
    if (!isUid(uid)) throw new Error(gone);
    if (!isHeld(uid) && !(await stat(folderOf(uid)).catch(() => undefined))) throw new Error(gone);
    return readInstanceLog({
      folder: folderOf(uid),
      tailLines: request.tailLines < 0 ? undefined : request.tailLines,
      sinceMs: request.sinceMs === 0 ? undefined : request.sinceMs,
      timestamps: request.timestamps,
      follow: request.follow,
      ended: endOf(uid),
      signal,
    });
  }
}
