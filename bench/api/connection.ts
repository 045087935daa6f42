/**
 * A keep-alive HTTPS connection whose own cost is small beside the server's: with a whole client library, half of what is
 * measured would be the client. Requests may be sent before the answers to earlier ones; answers come in order.
 */
import { connect, type TLSSocket } from "node:tls";
import { AnswerReader, type AnswerSink } from "./answer-reader.ts";

export interface Access {
  readonly url: string;
  readonly ca: Buffer;
  readonly token: string;
}

export interface Answer {
  readonly status: number;
  readonly bytes: number;
  /** When its last byte came, as performance.now() says. */
  readonly atMs: number;
  /** All of the body, or its beginning. */
  readonly text: string;
}

export interface Call {
  readonly method?: string;
  readonly path: string;
  readonly body?: string;
  readonly accept?: string;
  /** How much of the body is kept. */
  readonly textBytesMax?: number;
  /** Gets the body as it comes. */
  readonly onBody?: (piece: Buffer) => void;
}

interface Waiting {
  readonly call: Call;
  readonly settle: (answer: Answer) => void;
  readonly fail: (error: Error) => void;
}

/** Enough of a Status to know what is wrong. */
const textBytesDefault = 512;

export class Connection implements AnswerSink, Disposable {
  readonly #socket: TLSSocket;
  readonly #headers: string;
  readonly #waiting: Waiting[] = [];
  #status = 0;
  #bytes = 0;
  #text = "";

  private constructor(socket: TLSSocket, access: Access, agent: string) {
    this.#socket = socket;
    const { host } = new URL(access.url);
    this.#headers = `Host: ${host}\r\nAuthorization: Bearer ${access.token}\r\nUser-Agent: ${agent}\r\n`;
    const reader = new AnswerReader(this);
    socket.on("data", (chunk: Buffer) => reader.read(chunk));
    socket.on("error", (error: Error) => this.#failAll(error));
    socket.on("close", () => this.#failAll(new Error("the connection is closed")));
  }

  /** `agent`: the program that asks. The server tells flows of one user apart by it. */
  static open(access: Access, agent = "bench"): Promise<Connection> {
    const { hostname, port } = new URL(access.url);
    return new Promise((resolve, reject) => {
      const socket = connect({ host: hostname, port: Number(port), ca: access.ca });
      socket.setNoDelay(true);
      socket.once("error", reject);
      socket.once("secureConnect", () => {
        socket.off("error", reject);
        resolve(new Connection(socket, access, agent));
      });
    });
  }

  send(call: Call): Promise<Answer> {
    const { method = "GET", path, body = "", accept = "application/json" } = call;
    const content =
      body === "" ? "" : `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n`;
    return new Promise((settle, fail) => {
      if (this.#socket.destroyed) return fail(new Error("the connection is closed"));
      this.#waiting.push({ call, settle, fail });
      const head = `${method} ${path} HTTP/1.1\r\n${this.#headers}Accept: ${accept}\r\n${content}\r\n`;
      this.#socket.write(head + body);
    });
  }

  /** Throws unless the answer has this status. */
  async expect(status: number, call: Call): Promise<Answer> {
    const answer = await this.send(call);
    if (answer.status === status) return answer;
    throw new Error(`${call.method ?? "GET"} ${call.path}: ${answer.status} ${answer.text}`);
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }

  head(status: number): void {
    this.#status = status;
    this.#bytes = 0;
    this.#text = "";
  }

  body(piece: Buffer): void {
    const call = this.#waiting[0]?.call;
    const left = (call?.textBytesMax ?? textBytesDefault) - this.#bytes;
    if (left > 0) this.#text += piece.toString("utf8", 0, left);
    this.#bytes += piece.length;
    call?.onBody?.(piece);
  }

  end(): void {
    const answer = { status: this.#status, bytes: this.#bytes, atMs: performance.now(), text: this.#text };
    this.#waiting.shift()?.settle(answer);
  }

  #failAll(error: Error): void {
    for (const { fail } of this.#waiting.splice(0)) fail(error);
  }
}

export function openMany(access: Access, count: number, agent?: string): Promise<readonly Connection[]> {
  return Promise.all(Array.from({ length: count }, () => Connection.open(access, agent)));
}
