/**
 * A connection to a server, for one request after the other.
 *
 *   in use ── answered, and beyond doubt ─▶ resting ── next request ─▶ in use
 *     └─ anything else ─▶ closed ◀─ its time is over, bytes, an end, its place is wanted ─┘
 *
 * Node's agent says when a request is done with a connection. There is an agent for each, as which connection a request gets is
 * decided by HttpClient.
 *
 * - Bytes that come while no answer is awaited close it: the next request would take them for its answer.
 * - It does not rest after an answer whose end servers are known to get wrong: one to HEAD, one behind a 1xx, one with trailers.
 */
import {
  Agent,
  type ClientRequest,
  type ClientRequestArgs,
  type IncomingMessage,
  request as sendRequest,
} from "node:http";
import type { Duplex } from "node:stream";
import type { ComponentHost } from "../host.ts";
import { limits } from "../limits.ts";
import type { SocketAddress, TcpConnection } from "../sockets/network.ts";
import { brokenConnection } from "./connection-stream.ts";

export interface OpenConnection {
  readonly tcp: TcpConnection;
  /** What is spoken over it: `tcp` itself, or TLS. */
  readonly stream: Duplex;
}

export interface ConnectionEvents {
  /** It could rest, for so long at most. False where it is not to. */
  free(connection: HttpConnection, restMsMax: number): boolean;
  /** It may come several times. */
  closed(connection: HttpConnection): void;
}

export class HttpConnection {
  /** Where it leads, as `targetKey` has it. */
  readonly key: string;
  readonly #tcp: TcpConnection;
  readonly #stream: Duplex;
  readonly #agent: Agent;
  readonly #events: ConnectionEvents;
  #answer: IncomingMessage | undefined;
  #heard = false;
  #doubtful = false;
  #endRest: (() => void) | undefined;

  constructor(key: string, { tcp, stream }: OpenConnection, events: ConnectionEvents) {
    this.key = key;
    this.#tcp = tcp;
    this.#stream = stream;
    this.#events = events;
    this.#agent = new OneConnection(stream, () => this.#free());
    stream.once("close", () => this.close());
  }

  get remote(): SocketAddress {
    return this.#tcp.remote;
  }

  /** Anything came since the request was sent. */
  get heard(): boolean {
    return this.#heard;
  }

  /** As far as it is known here. */
  get usable(): boolean {
    const { writable, readableEnded } = this.#stream;
    return writable && !readableEnded && this.#tcp.buffered === 0 && this.#tcp.broken === undefined;
  }

  /** Nothing else is under way on it. */
  send(options: ClientRequestArgs): ClientRequest {
    this.#answer = undefined;
    this.#heard = false;
    this.#doubtful = options.method === "HEAD";
    const request = sendRequest({ ...options, agent: this.#agent });
    request.on("information", () => {
      this.#doubtful = true;
    });
    request.on("response", (answer: IncomingMessage) => {
      this.#answer = answer;
      // Some servers send a body with these all the same, which would be the next answer.
      if (answer.statusCode === 204 || answer.statusCode === 304) this.#doubtful = true;
    });
    request.once("socket", () => {
      // Added after Node's own listener, as bytes flow from the first one on, and called before it.
      if (!request.reusedSocket) this.#stream.prependListener("data", () => this.#onData());
    });
    return request;
  }

  rest(host: ComponentHost, ms: number): void {
    const cancelTimer = host.setTimer(ms, () => this.close());
    const takeBack = this.#tcp.spare(() => this.close());
    this.#endRest = () => {
      cancelTimer();
      takeBack();
    };
  }

  wake(): void {
    this.#endRest?.();
    this.#endRest = undefined;
  }

  /** Idempotent. Its place is free at once. */
  close(): void {
    this.wake();
    this.#stream.destroy();
    this.#tcp.close();
    this.#events.closed(this);
  }

  #onData(): void {
    if (this.#answer?.complete === true) this.close();
    else this.#heard = true;
  }

  #free(): boolean {
    const answer = this.#answer;
    if (!answer || this.#doubtful || answer.rawTrailers.length > 0) return false;
    return this.#events.free(this, restMsMax(answer.headers["keep-alive"]));
  }
}

class OneConnection extends Agent {
  readonly #stream: Duplex;
  readonly #onFree: () => boolean;

  constructor(stream: Duplex, onFree: () => boolean) {
    super({ keepAlive: true });
    this.#stream = stream;
    this.#onFree = onFree;
  }

  override createConnection(
    _options: ClientRequestArgs,
    callback?: (error: Error | null, stream: Duplex) => void,
  ): Duplex | undefined {
    if (!this.#stream.destroyed) return this.#stream;
    callback?.(brokenConnection(), this.#stream);
    return undefined;
  }

  override keepSocketAlive(): boolean {
    return this.#onFree();
  }
}

/** `Keep-Alive: timeout=5` says when the server will close it; a request should not be on its way then. */
function restMsMax(header: string | string[] | undefined): number {
  const [, seconds] = /\btimeout=(\d{1,9})\b/.exec(String(header)) ?? [];
  return seconds === undefined ? Number.POSITIVE_INFINITY : Number(seconds) * 1000 - limits.httpRestMarginMs;
}
