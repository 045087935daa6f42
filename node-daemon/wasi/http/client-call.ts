/**
 * One request of a guest's, and what came of it. Node speaks HTTP/1.1 over a connection of the instance's own network, which
 * the call has for itself until it is over.
 *
 *   connecting ──▶ sent ── response ─▶ answered: its body is read by the guest ── end, close ─▶ over
 *    │  └────────────┴── refused, broken, too late ─▶ failed
 *    └─ once ◀───────┘ broken before any answer: the server may have closed a connection that rested
 */
import type { ClientRequest, IncomingMessage } from "node:http";
import { errorCode } from "../../../kit/errors.ts";
import { errno } from "../abi.ts";
import { payer } from "../file-system/payer.ts";
import type { ComponentHost } from "../host.ts";
import { limits } from "../limits.ts";
import { Wakers } from "../sockets/wakers.ts";
import type { OutputSink, StreamFailure } from "../streams.ts";
import type { BodyPipe } from "./body-pipe.ts";
import { targetOf } from "./client-connect.ts";
import { ClientResponse } from "./client-response.ts";
import type { HttpErrorCode } from "./error-code.ts";
import type { HeaderList } from "./exchange.ts";
import type { HttpClient } from "./http-client.ts";
import type { HttpConnection } from "./http-connection.ts";

/** In nanoseconds; those of the host where there is none. */
export interface Timeouts {
  readonly connectNs: bigint | undefined;
  readonly firstByteNs: bigint | undefined;
  readonly betweenBytesNs: bigint | undefined;
}

export interface ClientMessage {
  readonly method: string;
  readonly secure: boolean;
  readonly authority: string;
  readonly path: string;
  readonly list: HeaderList;
  readonly pipe: BodyPipe;
  readonly hasBody: boolean;
}

export type ClientOutcome =
  | { readonly kind: "answered"; readonly response: ClientResponse }
  | { readonly kind: "failed"; readonly code: HttpErrorCode };

export class ClientCall {
  readonly #host: ComponentHost;
  readonly #message: ClientMessage;
  readonly #timeouts: Timeouts;
  readonly #client: HttpClient;
  /** Whoever makes it. */
  readonly #pay = payer();
  readonly #abort = new AbortController();
  readonly #wakers = new Wakers();
  #outcome: ClientOutcome | undefined;
  #cancelTimer: (() => void) | undefined;
  #request: ClientRequest | undefined;

  constructor(client: HttpClient, message: ClientMessage, timeouts: Timeouts) {
    this.#client = client;
    this.#host = client.host;
    this.#message = message;
    this.#timeouts = timeouts;
    client.calls.add(this);
    this.#begin(true);
  }

  get outcome(): ClientOutcome | undefined {
    return this.#outcome;
  }

  /** `over`: nobody waits any more. */
  onOutcome(over: boolean, wake: () => void): () => void {
    return this.#wakers.watch(over || this.#outcome !== undefined, wake);
  }

  /** Gives it up: whatever is under way ends. Idempotent. */
  close(): void {
    this.#client.calls.delete(this);
    this.#fail({ tag: "connection-terminated" });
    if (this.#outcome?.kind === "answered") this.#outcome.response.discard();
    this.#request?.destroy();
  }

  /** `reuse`: over a connection that has rested, if there is one. */
  #begin(reuse: boolean): void {
    this.#within(this.#timeouts.connectNs, { tag: "connection-timeout" });
    this.#run(reuse).catch((thrown: unknown) => {
      if (!this.#abort.signal.aborted) this.#host.onBug?.(thrown);
      this.#fail({ tag: "internal-error", val: undefined });
    });
  }

  async #run(reuse: boolean): Promise<void> {
    const { authority, secure } = this.#message;
    const target = targetOf(authority, secure);
    const { signal } = this.#abort;
    const connected = await this.#client.connectionTo(target, { reuse, pay: this.#pay, signal });
    if (connected.kind === "failed") return this.#fail(connected.code);
    if (this.#outcome) return connected.connection.close();
    this.#send(connected.connection);
  }

  #send(connection: HttpConnection): void {
    const { method, path, pipe } = this.#message;
    const request = connection.send({
      method,
      // Each character a byte, as Node writes it.
      path: Buffer.from(path).toString("latin1"),
      headers: headersOf(this.#message),
      setHost: false,
      maxHeaderSize: limits.httpFieldsBytesMax,
    });
    this.#request = request;
    request.on("error", (error) => {
      if (request !== this.#request) return;
      if (this.#mayRepeat(request, connection)) {
        this.#request = undefined;
        return this.#begin(false);
      }
      pipe.abort();
      this.#fail(protocolFailure(error));
    });
    request.on("response", (response) => this.#answered(response));
    request.on("upgrade", (_, socket) => {
      socket.destroy();
      this.#fail({ tag: "HTTP-upgrade-failed" });
    });
    request.on("close", () => {
      if (request !== this.#request) return;
      this.#client.calls.delete(this);
      this.#fail({ tag: "HTTP-response-incomplete" });
    });
    this.#within(this.#timeouts.firstByteNs, { tag: "HTTP-response-timeout" });
    if (request.reusedSocket && repeatable.has(method)) pipe.keepWhole();
    pipe.attach({
      output: new RequestOutput(request),
      bodyless: false,
      finish: (trailers) => {
        if (trailers.length > 0) request.addTrailers(pairs(trailers));
        request.end();
      },
      abort: () => request.destroy(),
    });
  }

  /** RFC 9112, 9.3.1. Its other end was closed before the request came there, or nothing tells that it was not. */
  #mayRepeat(request: ClientRequest, connection: HttpConnection): boolean {
    const unanswered = !this.#outcome && !connection.heard;
    return unanswered && request.reusedSocket && this.#message.pipe.rewind();
  }

  #answered(message: IncomingMessage): void {
    if (this.#outcome) return void message.destroy();
    const response = new ClientResponse(this.#host, message, this.#timeouts.betweenBytesNs);
    this.#settle({ kind: "answered", response });
  }

  #within(ns: bigint | undefined, code: HttpErrorCode): void {
    this.#cancelTimer?.();
    const ms = Math.min(Number(ns ?? 0n) / 1e6 || limits.httpTimeoutMs, limits.timerDelayMsMax);
    this.#cancelTimer = this.#host.setTimer(ms, () => {
      this.#fail(code);
      this.#request?.destroy();
    });
  }

  #fail(code: HttpErrorCode): void {
    this.#settle({ kind: "failed", code });
  }

  #settle(outcome: ClientOutcome): void {
    if (this.#outcome) return;
    this.#outcome = outcome;
    this.#cancelTimer?.();
    this.#message.pipe.forget();
    if (outcome.kind === "failed") {
      this.#message.pipe.abort();
      this.#abort.abort();
      if (!this.#request) this.#client.calls.delete(this);
    }
    this.#wakers.wakeAll();
  }
}

/** The body of a request on its way to Node, which keeps no more than it has room for. */
class RequestOutput implements OutputSink {
  readonly #request: ClientRequest;
  readonly #wakers = new Wakers();

  constructor(request: ClientRequest) {
    this.#request = request;
    request.on("drain", () => this.#wakers.wakeAll());
    request.on("close", () => this.#wakers.wakeAll());
  }

  write(bytes: Uint8Array): number | StreamFailure {
    if (this.#request.destroyed) {
      return { errno: errno.pipe, http: { tag: "connection-terminated" } };
    }
    if (this.#request.writableNeedDrain) return 0;
    this.#request.write(Buffer.from(bytes));
    return bytes.byteLength;
  }

  onWritable(wake: () => void): () => void {
    return this.#wakers.watch(this.#request.destroyed || !this.#request.writableNeedDrain, wake);
  }
}

/** They may be asked for twice, with the effect of once: RFC 9110, 9.2.2. */
const repeatable: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"]);

/** As Node takes them: names and values in turn. */
function headersOf({ list, authority, hasBody, pipe, method }: ClientMessage): readonly string[] {
  const host = authority.slice(authority.lastIndexOf("@") + 1);
  const all = ["host", host, ...list];
  if (list.some((text, at) => at % 2 === 0 && text === "content-length")) return all;
  if (!hasBody || pipe.wholeBytes === 0) {
    if (hasBody || /^(?:POST|PUT|PATCH)$/.test(method)) all.push("content-length", "0");
  } else all.push("transfer-encoding", "chunked");
  return all;
}

function pairs(list: HeaderList): [string, string][] {
  const pairs: [string, string][] = [];
  for (let at = 0; at + 1 < list.length; at += 2) pairs.push([list[at] ?? "", list[at + 1] ?? ""]);
  return pairs;
}

function protocolFailure(error: Error): HttpErrorCode {
  const code = errorCode(error) ?? "";
  if (code === "HPE_HEADER_OVERFLOW") return { tag: "HTTP-response-header-section-size", val: undefined };
  if (code.startsWith("HPE_")) return { tag: "HTTP-protocol-error" };
  return { tag: "connection-terminated" };
}
