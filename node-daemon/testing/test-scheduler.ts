import { Server, ServerCredentials, type ServerDuplexStream, type ServerReadableStream } from "@grpc/grpc-js";
import type { LogChunk__Output } from "../../proto/gen/wherry/v1/LogChunk.ts";
import type { LogReceipt } from "../../proto/gen/wherry/v1/LogReceipt.ts";
import type { NodeMessage__Output } from "../../proto/gen/wherry/v1/NodeMessage.ts";
import type { SchedulerMessage } from "../../proto/gen/wherry/v1/SchedulerMessage.ts";
import { messageBytesMax, NodeService } from "../../proto/node-service.ts";
import type { TlsFiles } from "./certificates.ts";

/** Collects what arrives; a test waits for the first that it is looking for. */
class Arrivals<T> {
  readonly all: T[] = [];
  #watchers: (() => void)[] = [];

  add(item: T): void {
    this.all.push(item);
    for (const watcher of this.#watchers.splice(0)) watcher();
  }

  async first<S>(find: (item: T) => S | undefined): Promise<S> {
    for (let at = 0; ; at++) {
      while (at >= this.all.length) await new Promise<void>((resolve) => this.#watchers.push(resolve));
      const found = find(this.all[at] as T);
      if (found !== undefined) return found;
    }
  }
}

export class TestSession {
  readonly received = new Arrivals<NodeMessage__Output>();
  readonly ended = Promise.withResolvers<void>();
  readonly #call: ServerDuplexStream<NodeMessage__Output, SchedulerMessage>;

  constructor(call: ServerDuplexStream<NodeMessage__Output, SchedulerMessage>) {
    this.#call = call;
    call.on("data", (message: NodeMessage__Output) => this.received.add(message));
    call.on("end", () => call.end());
    call.on("close", () => this.ended.resolve());
    call.on("cancelled", () => this.ended.resolve());
    call.on("error", () => this.ended.resolve());
  }

  send(message: SchedulerMessage, epoch = 1): void {
    this.#call.write({ epoch, ...message });
  }

  welcome(
    given: { heartbeatIntervalMs?: number; stopDisconnectedAfterMs?: number; epoch?: number } = {},
  ): void {
    const { heartbeatIntervalMs = 60_000, stopDisconnectedAfterMs = 60_000, epoch } = given;
    this.send({ welcome: { heartbeatIntervalMs, stopDisconnectedAfterMs } }, epoch);
  }

  end(): void {
    this.#call.end();
  }

  /** Everything of the inventory, once it is done. */
  async inventory() {
    await this.received.first((message) => (message.inventory?.done ? true : undefined));
    return this.received.all.flatMap((message) => message.inventory?.instances ?? []);
  }

  /** The first status of an instance for which `wanted` holds. */
  status(uid: string, wanted: (phase: string, reason: string) => boolean) {
    return this.received.first((message) =>
      message.status?.statuses.find((status) => status.uid === uid && wanted(status.phase, status.reason)),
    );
  }
}

/** A scheduler's end of the contract, on a real port with real TLS. */
export class TestScheduler implements AsyncDisposable {
  readonly sessions = new Arrivals<TestSession>();
  readonly logs = new Map<string, { readonly chunks: LogChunk__Output[]; readonly ended: Promise<void> }>();
  readonly logOpened = new Arrivals<string>();
  #server = new Server();
  #taken = 0;
  port = 0;

  async listen(tls: TlsFiles): Promise<void> {
    this.#server = new Server({
      "grpc.max_receive_message_length": messageBytesMax,
      "grpc.max_send_message_length": messageBytesMax,
    });
    this.#server.addService(NodeService.service, {
      Session: (call: ServerDuplexStream<NodeMessage__Output, SchedulerMessage>) =>
        this.sessions.add(new TestSession(call)),
      SendLog: (
        call: ServerReadableStream<LogChunk__Output, LogReceipt>,
        done: (error: Error | null, receipt?: LogReceipt) => void,
      ) => this.#receiveLog(call, done),
    });
    const pair = [{ private_key: tls.key, cert_chain: tls.cert }];
    const credentials = ServerCredentials.createSsl(tls.ca, pair, true);
    this.port = await new Promise((resolve, reject) =>
      this.#server.bindAsync(`127.0.0.1:${this.port}`, credentials, (error, port) =>
        error ? reject(error) : resolve(port),
      ),
    );
  }

  /** The next session in the order they come. */
  async session(): Promise<TestSession> {
    const wanted = this.#taken++;
    let seen = 0;
    return await this.sessions.first((session) => (seen++ === wanted ? session : undefined));
  }

  stop(): void {
    this.#server.forceShutdown();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.stop();
    await Promise.resolve();
  }

  #receiveLog(
    call: ServerReadableStream<LogChunk__Output, LogReceipt>,
    done: (error: Error | null, receipt?: LogReceipt) => void,
  ): void {
    const chunks: LogChunk__Output[] = [];
    const ended = Promise.withResolvers<void>();
    call.on("data", (chunk: LogChunk__Output) => {
      chunks.push(chunk);
      if (chunk.streamId === "") return;
      this.logs.set(chunk.streamId, { chunks, ended: ended.promise });
      this.logOpened.add(chunk.streamId);
    });
    call.on("end", () => {
      ended.resolve();
      done(null, {});
    });
    call.on("error", () => ended.resolve());
  }
}
