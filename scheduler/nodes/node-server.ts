import {
  Server,
  ServerCredentials,
  status as grpcStatus,
  type ServerDuplexStream,
  type ServerReadableStream,
} from "@grpc/grpc-js";
import { errorMessage, WherryError } from "../../kit/errors.ts";
import type { LogChunk__Output } from "../../proto/gen/wherry/v1/LogChunk.ts";
import type { LogReceipt } from "../../proto/gen/wherry/v1/LogReceipt.ts";
import type { NodeMessage__Output } from "../../proto/gen/wherry/v1/NodeMessage.ts";
import type { SchedulerMessage } from "../../proto/gen/wherry/v1/SchedulerMessage.ts";
import { messageBytesMax, NodeService } from "../../proto/node-service.ts";
import type { SessionFigures } from "./session-figures.ts";
import { heartbeatIntervalMs, SessionTable, type SessionTableOptions } from "./session-table.ts";

export interface NodeServerOptions extends SessionTableOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly tls: { readonly ca: Buffer; readonly cert: Buffer; readonly key: Buffer };
}

const certificatePrefix = "system:node:";

/** Accepts the sessions of node daemons: mutual TLS, one session per node, at the leader's epoch. */
export class NodeServer implements AsyncDisposable {
  readonly #options: NodeServerOptions;
  readonly #server: Server;
  readonly #sessions: SessionTable;

  constructor(options: NodeServerOptions) {
    this.#options = options;
    this.#sessions = new SessionTable(options);
    this.#server = new Server({
      "grpc.max_receive_message_length": messageBytesMax,
      "grpc.max_send_message_length": messageBytesMax,
      "grpc.keepalive_time_ms": heartbeatIntervalMs,
      "grpc.keepalive_timeout_ms": heartbeatIntervalMs,
    });
    this.#server.addService(countedService(this.#sessions.figures), {
      Session: (call: ServerDuplexStream<NodeMessage__Output, SchedulerMessage>) => this.#accept(call),
      SendLog: (
        call: ServerReadableStream<LogChunk__Output, LogReceipt>,
        done: (error: Error | null, receipt?: LogReceipt) => void,
      ) => this.#acceptLog(call, done),
    });
  }

  get figures(): SessionFigures {
    return this.#sessions.figures;
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
    this.#sessions.close("the scheduler is stopping");
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
      this.#sessions.figures.refused.certificate++;
      const details = `the client certificate's common name must be ${certificatePrefix}NAME`;
      call.emit("error", { code: grpcStatus.UNAUTHENTICATED, details });
      return;
    }
    this.#sessions.accept(call, certifiedName);
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
    this.#sessions.logs.accept(call, nodeName).then(
      () => done(null, {}),
      (thrown: unknown) => {
        this.#options.log.debug("log stream ended", { node: nodeName, reason: errorMessage(thrown) });
        done(Object.assign(new Error("the log stream ended"), { code: grpcStatus.CANCELLED }));
      },
    );
  }
}

/** The service with a count of what its sessions take on the wire, TLS and HTTP/2 aside. */
function countedService(figures: SessionFigures): typeof NodeService.service {
  const { service } = NodeService;
  const { Session } = service;
  return {
    ...service,
    Session: {
      ...Session,
      requestDeserialize: (bytes) => {
        figures.receivedBytes += bytes.byteLength;
        return Session.requestDeserialize(bytes);
      },
      responseSerialize: (message) => {
        const bytes = Session.responseSerialize(message);
        figures.sentBytes += bytes.byteLength;
        return bytes;
      },
    },
  };
}

function nodeNameOf(call: {
  getAuthContext(): { sslPeerCertificate?: { subject?: { CN?: string | string[] } } };
}): string | undefined {
  const commonName = call.getAuthContext().sslPeerCertificate?.subject?.CN;
  if (typeof commonName !== "string" || !commonName.startsWith(certificatePrefix)) return undefined;
  return commonName.slice(certificatePrefix.length);
}
