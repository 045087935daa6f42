/**
 * One stream of calls to one gateway.
 *
 *   connecting ── the gateway answers ─▶ open ── leave, GOAWAY ─▶ leaving ── all is answered ─▶ closed
 *       └──────────── refused, unreachable ──────── broken, from any state ────────────────────▶ closed
 *
 * Requests of one turn leave in one write. When it breaks, what has no answer is lost: nobody knows whether it was done. A gateway that
 * has gone without a word is noticed because it does not answer a ping.
 */
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from "node:http2";
import { isIP } from "node:net";
import { connect as connectTls, type PeerCertificate, type TLSSocket } from "node:tls";
import type { CallEndpoint } from "../api/call-ticket.ts";
import type { Clock, Timer } from "../kit/clock.ts";
import { framed, GrpcReader } from "../proto/functions/grpc.ts";
import { type CallRequest, callsPath, readResponse, writeRequest } from "../proto/functions/messages.ts";
import { FunctionCallError } from "./errors.ts";
import type { CallStreamEvents, CallStreamTarget, Connect, GatewayStream } from "./gateway-stream.ts";
import { clientLimits } from "./limits.ts";

export class CallStream implements GatewayStream {
  readonly #socket: TLSSocket;
  readonly #session: ClientHttp2Session;
  readonly #stream: ClientHttp2Stream;
  readonly #events: CallStreamEvents;
  readonly #clock: Clock;
  readonly #reader = new GrpcReader(clientLimits.messageBytesMax);
  #requests: Uint8Array[] = [];
  /** Requests without a response. */
  #underWay = 0;
  #keepalive: Timer | undefined;
  /** Since the last look. */
  #hasHeard = true;
  #isAsked = false;
  #isClosed = false;
  #isLeaving = false;

  static readonly open: Connect = (target, events, { clock, connectMs, signal }) =>
    new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason as Error);
      let isOpen = false;
      const giveUp = () => stream.#close(unavailable("it was given up"));
      const stream: CallStream = new CallStream(target, clock, {
        ...events,
        closed: (why) => {
          settled();
          if (isOpen) events.closed(why);
          else if (signal.aborted) reject(signal.reason as Error);
          else reject(why ?? unavailable("the gateway has ended the stream"));
        },
      });
      const timer = clock.setTimer(connectMs, () => {
        stream.#close(unavailable(`${target.endpoint.address} has not answered in ${connectMs} ms`));
      });
      const settled = () => {
        timer.cancel();
        signal.removeEventListener("abort", giveUp);
      };
      signal.addEventListener("abort", giveUp, { once: true });
      stream.#stream.once("response", (headers) => {
        // A refusal has its status where others have only headers.
        if (headers["grpc-status"] !== undefined || headers[":status"] !== 200) return;
        settled();
        isOpen = true;
        stream.#session.unref();
        resolve(stream);
      });
    });

  private constructor(
    { endpoint, token, caBundle }: CallStreamTarget,
    clock: Clock,
    events: CallStreamEvents,
  ) {
    this.#events = events;
    this.#clock = clock;
    this.#socket = dial(endpoint, caBundle);
    this.#session = connect(`https://${endpoint.address}`, {
      createConnection: () => this.#socket,
      settings: { enablePush: false, initialWindowSize: clientLimits.windowBytes },
    });
    // Of a stream whose connection has failed, the error says only that it is gone.
    const broken = ({ cause, message }: Error) =>
      this.#close(unavailable(`${endpoint.address}: ${cause instanceof Error ? cause.message : message}`));
    this.#session.on("error", broken);
    this.#session.on("goaway", () => this.leave());
    this.#session.on("connect", () => this.#session.setLocalWindowSize(4 * clientLimits.windowBytes));
    this.#stream = this.#session.request({
      ":method": "POST",
      ":path": callsPath,
      "content-type": "application/grpc",
      te: "trailers",
      authorization: `Bearer ${token}`,
    });
    this.#stream.on("error", broken);
    this.#stream.on("response", (headers) => {
      const status = headers["grpc-status"];
      if (status !== undefined) this.#ended(String(status), String(headers["grpc-message"] ?? ""));
      else if (headers[":status"] !== 200) this.#close(unavailable("there is no gateway that takes calls"));
    });
    this.#stream.on("trailers", (trailers) =>
      this.#ended(String(trailers["grpc-status"] ?? ""), String(trailers["grpc-message"] ?? "")),
    );
    this.#stream.on("data", (chunk: Buffer) => this.#onData(chunk));
    this.#stream.on("drain", () => events.drain());
    this.#stream.on("close", () => this.#close(unavailable("the gateway has gone")));
  }

  get hasRoom(): boolean {
    return !this.#isClosed && !this.#isLeaving && !this.#stream.writableNeedDrain;
  }

  send(request: CallRequest): void {
    if (this.#underWay++ === 0) {
      this.#session.ref();
      this.#heard();
      this.#watch();
    }
    if (this.#requests.length === 0) process.nextTick(() => this.#flush());
    this.#requests.push(...framed(writeRequest(request)));
  }

  leave(): void {
    if (this.#isLeaving || this.#isClosed) return;
    this.#isLeaving = true;
    this.#flush();
    this.#stream.end();
    // It is to end it.
    if (this.#underWay === 0) this.#watch();
    this.#events.leaving();
  }

  destroy(): void {
    this.#close(new FunctionCallError("Closed", "the client was closed", false));
  }

  #watch(): void {
    this.#keepalive?.cancel();
    this.#keepalive = this.#clock.setTimer(clientLimits.keepaliveMs, () => {
      if (!this.#hasHeard && this.#isAsked) return this.#close(unavailable("the gateway is silent"));
      if (!this.#hasHeard) {
        this.#isAsked = true;
        if (!this.#session.destroyed) this.#session.ping(() => this.#heard());
      }
      this.#hasHeard = false;
      this.#watch();
    });
  }

  #heard(): void {
    this.#hasHeard = true;
    this.#isAsked = false;
  }

  /** Somebody has an answer. */
  #answered(): void {
    // Whoever answers more than was asked is not counted.
    if (this.#underWay === 0 || --this.#underWay > 0) return;
    if (!this.#isLeaving) this.#keepalive?.cancel();
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
    this.#heard();
    try {
      this.#reader.push(chunk);
      for (let next = this.#reader.next(); next !== undefined; next = this.#reader.next()) {
        const response = readResponse(next);
        this.#answered();
        this.#events.response(response);
      }
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
    this.#keepalive?.cancel();
    this.#stream.destroy();
    this.#session.close();
    if (why !== undefined) {
      this.#session.destroy();
      // A session alone would wait for the other end to say goodbye, which may never come, and the process with it.
      this.#socket.destroy();
    }
    this.#events.closed(why);
  }
}

/** Throws where the address is none. */
function dial({ node, address }: CallEndpoint, caBundle: string): TLSSocket {
  const url = URL.parse(`https://${address}`);
  if (url === null) throw unavailable(`${JSON.stringify(address)} is no address of a gateway`);
  const { hostname, port } = url;
  const host = hostname.replace(/^\[(.*)\]$/, "$1");
  return connectTls({
    host,
    port: port === "" ? 443 : Number(port),
    ...(isIP(host) === 0 && { servername: host }),
    ...(caBundle !== "" && { ca: caBundle }),
    ALPNProtocols: ["h2"],
    checkServerIdentity: (_host: string, { subject }: PeerCertificate) =>
      subject.CN === `system:node:${node}`
        ? undefined
        : new Error(`the certificate at ${address} is not that of the node ${node}`),
  });
}

function unavailable(message: string): FunctionCallError {
  return new FunctionCallError("Unavailable", message, true);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
