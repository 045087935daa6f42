/** A request of Node's own HTTP server in place of one that came over a link, with the least that such a server has to check. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { cleanAnswer } from "../../../node-daemon/gateway/core/answer-headers.ts";
import { readRequestHeaders } from "../../../node-daemon/gateway/core/request-headers.ts";
import type {
  CalleeExchange,
  ExchangeFault,
  RequestHead,
  RequestListener,
  ResponseHead,
} from "../../../node-daemon/link/exchange.ts";

/** Of a body, before more is read from the client. */
const windowBytes = 256 * 1024;

const joinedBytesMax = 8 * 1024;

export class HttpExchange implements CalleeExchange {
  readonly head: RequestHead;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  /** Until something of the answer is sent: what comes with its end is sent whole, with its length. */
  #unsent: ResponseHead | undefined;
  #first: Buffer | undefined;
  #unreadBytes = 0;
  #isOver = false;

  constructor(uid: string, request: IncomingMessage, response: ServerResponse) {
    this.#request = request;
    this.#response = response;
    const { method = "", url = "", socket, rawHeaders } = request;
    const { list, host = "", contentLength, transferEncoding } = readRequestHeaders(rawHeaders);
    this.head = {
      target: { kind: "instance", uid },
      method,
      scheme: "http",
      authority: host,
      path: url,
      matchedPath: "",
      headers: list,
      clientAddress: socket.remoteAddress ?? "",
      clientPort: socket.remotePort ?? 0,
      timeoutMs: 0,
      bodyLength: transferEncoding === undefined ? Number(contentLength ?? 0) : undefined,
    };
  }

  listen(listener: RequestListener): void {
    this.#response.once("close", () => {
      if (!this.#isOver) listener.cancelled();
    });
    this.#response.on("drain", () => listener.drain());
    if (this.head.bodyLength === 0) {
      listener.end([]);
      return;
    }
    this.#request.on("data", (bytes: Buffer) => {
      this.#unreadBytes += bytes.length;
      if (this.#unreadBytes > windowBytes) this.#request.pause();
      listener.data(bytes);
    });
    this.#request.once("end", () => listener.end(this.#request.rawTrailers));
  }

  consumed(bytes: number): void {
    this.#unreadBytes -= bytes;
    if (this.#request.isPaused() && this.#unreadBytes <= windowBytes) this.#request.resume();
  }

  respond(head: ResponseHead): void {
    this.#unsent = head;
  }

  write(bytes: Uint8Array): boolean {
    // They are in the guest's memory.
    const copy = Buffer.from(bytes);
    if (this.#unsent === undefined) return this.#response.write(copy);
    if (this.#first !== undefined) {
      this.#sendHead(undefined);
      return this.#response.write(copy);
    }
    this.#first = copy;
    setImmediate(() => this.#sendHead(undefined));
    return true;
  }

  end(): void {
    this.#isOver = true;
    const first = this.#first;
    if (this.#unsent === undefined) this.#response.end();
    else if (this.#sendHead(first?.length ?? 0)) this.#endWith(first);
  }

  /** With the head as one string, as gateways do: cheaper than two buffers. */
  #endWith(bytes: Buffer | undefined): void {
    if (bytes === undefined || bytes.length > joinedBytesMax) this.#response.end(bytes);
    else this.#response.end(bytes.toString("latin1"), "latin1");
  }

  fault(fault: ExchangeFault): void {
    this.#isOver = true;
    if (fault.kind === "cancelled" || this.#response.headersSent) {
      this.#response.destroy();
      return;
    }
    this.#unsent = undefined;
    this.#response.writeHead(statusOf(fault), { "content-type": "text/plain" }).end(`${fault.message}\n`);
  }

  /** Unless it is sent. `wholeBytes`: the length of a body that is sent by whoever calls; otherwise the first piece goes with it. */
  #sendHead(wholeBytes: number | undefined): boolean {
    const head = this.#unsent;
    if (head === undefined) return false;
    this.#unsent = undefined;
    const clean = cleanAnswer(head.status, head.headers, false);
    if (clean.kind === "invalid") {
      this.fault({ kind: "failed", reason: "invalid", message: clean.why });
      return false;
    }
    const { status, list, contentLength = wholeBytes } = clean;
    if (contentLength !== undefined) list.push("content-length", String(contentLength));
    this.#response.writeHead(status, list);
    if (wholeBytes === undefined) this.#response.write(this.#first ?? "");
    return true;
  }
}

function statusOf(fault: Exclude<ExchangeFault, { readonly kind: "cancelled" }>): number {
  if (fault.kind === "refused") return 503;
  if (fault.reason === "tooLarge") return 413;
  return fault.reason === "timeout" ? 504 : 502;
}
