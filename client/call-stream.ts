/**
 * One stream of calls to one gateway.
 *
 *   connecting ── the gateway answers ─▶ open ── leave, GOAWAY ─▶ leaving ── all is answered ─▶ closed
 *       └──────────── refused, unreachable ──────── broken, from any state ────────────────────▶ closed
 *
 * Requests of one turn leave in one write. When it breaks, what has no answer is lost: nobody knows whether it was done.
 */
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from "node:http2";
import type { PeerCertificate } from "node:tls";
import type { CallEndpoint } from "../api/call-ticket.ts";
import { framed, GrpcReader } from "../proto/functions/grpc.ts";
import {
  type CallRequest,
  type CallResponse,
  callsPath,
  readResponse,
  writeRequest,
} from "../proto/functions/messages.ts";
import { FunctionCallError } from "./errors.ts";
import { clientLimits } from "./limits.ts";

export interface CallStreamEvents {
  response(response: CallResponse): void;
  /** Takes more calls again. */
  drain(): void;
  /** Takes no calls any more, and answers those that it has. */
  leaving(): void;
  /** Once and last; `why` undefined: it has answered everything. */
  closed(why: FunctionCallError | undefined): void;
}

export interface CallStreamTarget {
  readonly endpoint: CallEndpoint;
  readonly token: string;
  readonly caBundle: string;
}

export class CallStream {
  readonly #session: ClientHttp2Session;
  readonly #stream: ClientHttp2Stream;
  readonly #events: CallStreamEvents;
  readonly #reader = new GrpcReader(clientLimits.messageBytesMax);
  #requests: Uint8Array[] = [];
  #isClosed = false;
  #isLeaving = false;

  /** Rejects with a {@link FunctionCallError} Unavailable or Unauthenticated. */
  static open(target: CallStreamTarget, events: CallStreamEvents): Promise<CallStream> {
    return new Promise((resolve, reject) => {
      let isOpen = false;
      const stream: CallStream = new CallStream(target, {
        ...events,
        closed: (why) => {
          clearTimeout(timer);
          if (isOpen) events.closed(why);
          else reject(why ?? new FunctionCallError("Unavailable", "the gateway has ended the stream", true));
        },
      });
      const timer = setTimeout(
        () => stream.#close(new FunctionCallError("Unavailable", "the gateway does not answer", true)),
        clientLimits.connectMs,
      );
      stream.#stream.once("response", (headers) => {
        // A refusal has its status where others have only headers.
        if (headers["grpc-status"] !== undefined || headers[":status"] !== 200) return;
        clearTimeout(timer);
        isOpen = true;
        resolve(stream);
      });
    });
  }

  private constructor({ endpoint, token, caBundle }: CallStreamTarget, events: CallStreamEvents) {
    this.#events = events;
    this.#session = connect(`https://${endpoint.address}`, {
      ...(caBundle !== "" && { ca: caBundle }),
      checkServerIdentity: (_host: string, { subject }: PeerCertificate) =>
        subject.CN === `system:node:${endpoint.node}`
          ? undefined
          : new Error(`the certificate at ${endpoint.address} is not that of the node ${endpoint.node}`),
      settings: { enablePush: false, initialWindowSize: clientLimits.windowBytes },
    });
    const unavailable = (error: Error) =>
      this.#close(new FunctionCallError("Unavailable", `${endpoint.address}: ${error.message}`, true));
    this.#session.on("error", unavailable);
    this.#session.on("goaway", () => this.leave());
    this.#session.on("connect", () => this.#session.setLocalWindowSize(4 * clientLimits.windowBytes));
    this.#stream = this.#session.request({
      ":method": "POST",
      ":path": callsPath,
      "content-type": "application/grpc",
      te: "trailers",
      authorization: `Bearer ${token}`,
    });
    this.#stream.on("error", unavailable);
    this.#stream.on("response", (headers) => {
      const status = headers["grpc-status"];
      if (status !== undefined) this.#ended(String(status), String(headers["grpc-message"] ?? ""));
      else if (headers[":status"] !== 200)
        this.#close(new FunctionCallError("Unavailable", "there is no gateway that takes calls", true));
    });
    this.#stream.on("trailers", (trailers) =>
      this.#ended(String(trailers["grpc-status"] ?? ""), String(trailers["grpc-message"] ?? "")),
    );
    this.#stream.on("data", (chunk: Buffer) => this.#onData(chunk));
    this.#stream.on("drain", () => events.drain());
    this.#stream.on("close", () =>
      this.#close(new FunctionCallError("Unavailable", "the gateway has gone", true)),
    );
  }

  /** Whether there is room for another request. */
  get hasRoom(): boolean {
    return !this.#isClosed && !this.#isLeaving && !this.#stream.writableNeedDrain;
  }

  send(request: CallRequest): void {
    if (this.#requests.length === 0) process.nextTick(() => this.#flush());
    this.#requests.push(...framed(writeRequest(request)));
  }

  /** No more requests; it closes when all is answered. */
  leave(): void {
    if (this.#isLeaving || this.#isClosed) return;
    this.#isLeaving = true;
    this.#flush();
    this.#stream.end();
    this.#events.leaving();
  }

  /** At once. */
  destroy(): void {
    this.#close(new FunctionCallError("Closed", "the client was closed", false));
  }

  ref(): void {
    this.#session.ref();
  }

  /** The process may end although it is open. */
  unref(): void {
    this.#session.unref();
  }

  #flush(): void {
    const requests = this.#requests;
    if (requests.length === 0 || this.#isClosed) return;
    this.#requests = [];
    this.#stream.write(Buffer.concat(requests));
  }

  #onData(chunk: Buffer): void {
    if (this.#isClosed) return;
    try {
      this.#reader.push(chunk);
      for (let next = this.#reader.next(); next !== undefined; next = this.#reader.next())
        this.#events.response(readResponse(next));
    } catch (thrown) {
      this.#close(
        new FunctionCallError("Protocol", `the gateway cannot be understood: ${String(thrown)}`, false),
      );
    }
  }

  #ended(status: string, message: string): void {
    if (status === "0") return this.#close(undefined);
    const reason = status === "16" ? "Unauthenticated" : "Unavailable";
    this.#close(new FunctionCallError(reason, decoded(message) || `gRPC status ${status}`, true));
  }

  #close(why: FunctionCallError | undefined): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#stream.destroy();
    this.#session.close();
    if (why !== undefined) this.#session.destroy();
    this.#events.closed(why);
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
