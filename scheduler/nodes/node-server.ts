import {
  Server,
  ServerCredentials,
  status as grpcStatus,
  type ServerDuplexStream,
  type ServerReadableStream,
} from "@grpc/grpc-js";
import type { Clock } from "../../kit/clock.ts";
import { errorMessage, WherryError } from "../../kit/errors.ts";
import type { Log } from "../../kit/log.ts";
import type { LogChunk__Output } from "../../proto/gen/wherry/v1/LogChunk.ts";
import type { LogReceipt } from "../../proto/gen/wherry/v1/LogReceipt.ts";
import type { NodeMessage__Output } from "../../proto/gen/wherry/v1/NodeMessage.ts";
import type { SchedulerMessage } from "../../proto/gen/wherry/v1/SchedulerMessage.ts";
import { messageBytesMax, NodeService } from "../../proto/node-service.ts";
import { LogRelay } from "./log-relay.ts";
import type { NodeListener } from "./node-port.ts";
import { ServerSession } from "./server-session.ts";

export interface NodeServerOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly tls: { readonly ca: Buffer; readonly cert: Buffer; readonly key: Buffer };
  /** The leadership in whose name commands are sent. */
  readonly epoch: number;
  /** See DESIGN.md, rules of failure: a cut-off node stops what must not run twice before it counts as lost. */
  readonly lostAfterMs: number;
  readonly listener: NodeListener;
  readonly clock: Clock;
  readonly log: Log;
}

/** At most; see `#accept`. */
const heartbeatIntervalMs = 5_000;
/** A session that stays silent for this long is closed; the node then counts as suspect. */
const silenceMsMax = 3 * heartbeatIntervalMs;
const certificatePrefix = "system:node:";

/** Accepts the sessions of node daemons: mutual TLS, one session per node, at the leader's epoch. */
export class NodeServer implements AsyncDisposable {
  readonly #options: NodeServerOptions;
  readonly #server: Server;
  readonly #sessions = new Set<ServerSession>();
  readonly #logs = new LogRelay();
  readonly #sweep: NodeJS.Timeout;

  constructor(options: NodeServerOptions) {
    this.#options = options;
    this.#server = new Server({
      "grpc.max_receive_message_length": messageBytesMax,
      "grpc.max_send_message_length": messageBytesMax,
      "grpc.keepalive_time_ms": heartbeatIntervalMs,
      "grpc.keepalive_timeout_ms": heartbeatIntervalMs,
    });
    this.#server.addService(NodeService.service, {
      Session: (call: ServerDuplexStream<NodeMessage__Output, SchedulerMessage>) => this.#accept(call),
      SendLog: (
        call: ServerReadableStream<LogChunk__Output, LogReceipt>,
        done: (error: Error | null, receipt?: LogReceipt) => void,
      ) => this.#acceptLog(call, done),
    });
    this.#sweep = setInterval(() => this.#closeSilent(), heartbeatIntervalMs);
    this.#sweep.unref();
  }

  /** Returns the address that daemons are to dial. */
  async listen(): Promise<string> {
    const { host, port, tls } = this.#options;
    const credentials = ServerCredentials.createSsl(
      tls.ca,
      [{ private_key: tls.key, cert_chain: tls.cert }],
      true,
    );
    const bound = await new Promise<number>((resolve, reject) => {
      this.#server.bindAsync(`${host}:${port}`, credentials, (error, actual) => {
        if (!error) return resolve(actual);
        const message = `listening for nodes on ${host}:${port}: ${error.message}`;
        return reject(new WherryError("ListenFailed", message, { cause: error }));
      });
    });
    return `${host}:${bound}`;
  }

  async close(): Promise<void> {
    clearInterval(this.#sweep);
    for (const session of this.#sessions) session.close("the scheduler is stopping");
    await new Promise<void>((resolve) => {
      const force = setTimeout(() => {
        this.#server.forceShutdown();
        resolve();
      }, 1_000);
      this.#server.tryShutdown(() => {
        clearTimeout(force);
        resolve();
      });
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #accept(call: ServerDuplexStream<NodeMessage__Output, SchedulerMessage>): void {
    const certifiedName = nodeNameOf(call);
    if (certifiedName === undefined) {
      const details = `the client certificate's common name must be ${certificatePrefix}NAME`;
      call.emit("error", { code: grpcStatus.UNAUTHENTICATED, details });
      return;
    }
    const { epoch, listener, clock, log, lostAfterMs } = this.#options;
    const stopDisconnectedAfterMs = Math.max(1_000, Math.floor(lostAfterMs * 0.6));
    const session = new ServerSession({
      call,
      certifiedName,
      epoch,
      // A node may miss the answers to two before it stops what must not run twice.
      heartbeatIntervalMs: Math.min(heartbeatIntervalMs, Math.floor(stopDisconnectedAfterMs / 3)),
      stopDisconnectedAfterMs,
      listener,
      logs: this.#logs,
      log: log.bind({ node: certifiedName }),
      now: () => clock.monotonic(),
    });
    this.#sessions.add(session);
    call.once("close", () => this.#sessions.delete(session));
  }

  #acceptLog(
    call: ServerReadableStream<LogChunk__Output, LogReceipt>,
    done: (error: Error | null, receipt?: LogReceipt) => void,
  ): void {
    const nodeName = nodeNameOf(call);
    if (nodeName === undefined) {
      done(Object.assign(new Error("no node certificate"), { code: grpcStatus.UNAUTHENTICATED }));
      return;
    }
    this.#logs.accept(call, nodeName).then(
      () => done(null, {}),
      (thrown: unknown) => {
        this.#options.log.debug("log stream ended", { node: nodeName, reason: errorMessage(thrown) });
        done(Object.assign(new Error("the log stream ended"), { code: grpcStatus.CANCELLED }));
      },
    );
  }

  #closeSilent(): void {
    const now = this.#options.clock.monotonic();
    for (const session of this.#sessions) {
      if (now - session.lastHeardMs > silenceMsMax)
        session.close(`nothing heard for ${silenceMsMax / 1000} s`);
    }
  }
}

function nodeNameOf(call: {
  getAuthContext(): { sslPeerCertificate?: { subject?: { CN?: string | string[] } } };
}): string | undefined {
  const commonName = call.getAuthContext().sslPeerCertificate?.subject?.CN;
  if (typeof commonName !== "string" || !commonName.startsWith(certificatePrefix)) return undefined;
  return commonName.slice(certificatePrefix.length);
}
