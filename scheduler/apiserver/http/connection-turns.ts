/**
 * The requests of one connection, a few at a time: the next is served when an answer has been taken. So a client that sends a
 * thousand and reads nothing gets a few answers made, and waits for itself alone.
 *
 * Also answers what is no HTTP with a Status, as everything else.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { ApiError, badRequest, type Status } from "../status.ts";
import { failBody } from "./body.ts";

/** Requests of one connection that are served at once, and that it may send before it has its answers: then it is closed. */
const servedMax = 4;
const sentMax = 64;

interface Connection {
  /** Requests that are not yet answered, in their order. */
  readonly open: Map<IncomingMessage, ServerResponse>;
  /** Those of them that are not served yet. */
  readonly waiting: (() => void)[];
}

export class ConnectionTurns {
  readonly #connections = new WeakMap<Duplex, Connection>();
  readonly #broken = new WeakSet<Duplex>();

  /** Resolves when it is the request's turn. False: it is not to be served, its connection is gone. */
  async enter(request: IncomingMessage, response: ServerResponse): Promise<boolean> {
    const { socket } = request;
    let connection = this.#connections.get(socket);
    if (!connection) this.#connections.set(socket, (connection = { open: new Map(), waiting: [] }));
    const { open, waiting } = connection;
    open.set(request, response);
    response.once("close", () => {
      open.delete(request);
      waiting.shift()?.();
    });
    if (open.size > sentMax) socket.destroy();
    if (open.size > servedMax) await new Promise<void>((resolve) => waiting.push(resolve));
    return !socket.destroyed;
  }

  /** For `clientError`: what came is no HTTP, or came too slowly. */
  refuse(error: NodeJS.ErrnoException, socket: Duplex): void {
    if (this.#broken.has(socket)) return;
    this.#broken.add(socket);
    const failure = failureOf(error.code ?? "");
    const last = [...(this.#connections.get(socket)?.open ?? [])].at(-1);
    if (!last) return answerRaw(socket, failure);
    const [request, response] = last;
    // Whoever reads this request's body answers with the failure: anything else could not be told from its answer.
    if (!request.complete) failBody(request, failure);
    response.once("close", () => (request.complete ? answerRaw(socket, failure) : socket.destroy()));
  }
}

/** Node's codes. https://nodejs.org/api/http.html#event-clienterror */
function failureOf(code: string): ApiError {
  switch (code) {
    case "HPE_HEADER_OVERFLOW":
      return new ApiError("RequestHeaderFieldsTooLarge", "the headers of the request are too large");
    case "HPE_CHUNK_EXTENSIONS_OVERFLOW":
      return new ApiError("RequestEntityTooLarge", "the chunk extensions of the request are too large");
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return new ApiError("RequestTimeout", "the request took too long to arrive");
    default:
      return badRequest("the request is no valid HTTP/1.1");
  }
}

/** Without Node's help: there is no response to a request that was none. */
export function answerRaw(socket: Duplex, failure: ApiError): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const status: Status = failure.toStatus();
  const body = `${JSON.stringify(status)}\n`;
  const head = [
    `HTTP/1.1 ${failure.httpCode} ${failure.reason}`,
    "Content-Type: application/json",
    "Cache-Control: no-cache, private",
    `Content-Length: ${Buffer.byteLength(body)}`,
    "Connection: close",
  ];
  socket.end(`${head.join("\r\n")}\r\n\r\n${body}`, () => socket.destroy());
}
