/** A server that makes WebSockets of its connections, byte by byte as a test says. */
import { hash } from "node:crypto";
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";

/** Of RFC 6455 1.3. */
export const sampleKey = "dGhlIHNhbXBsZSBub25jZQ==";

export const handshake = (more = "") =>
  `GET /chat?a=b HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
  `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${sampleKey}\r\n${more}\r\n`;

export function switching(request: string, more = ""): string {
  const key = /sec-websocket-key: (\S+)/i.exec(request)?.[1] ?? "";
  const accept = hash("sha1", `${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`, "base64");
  return `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n${more}\r\n`;
}

export class ServerConnection {
  readonly socket: Socket;
  /** All that it was told, the request included. */
  text = "";
  /** It will be told no more. */
  isEnded = false;
  #wake: (() => void)[] = [];

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on("error", () => {});
    socket.on("data", (bytes: Buffer) => {
      this.text += bytes.toString("latin1");
      this.#changed();
    });
    for (const event of ["end", "close"]) {
      socket.on(event, () => {
        this.isEnded = true;
        this.#changed();
      });
    }
  }

  send(text: string): this {
    this.socket.write(text, "latin1");
    return this;
  }

  async until(isSo: () => boolean): Promise<void> {
    while (!isSo()) await new Promise<void>((resolve) => this.#wake.push(resolve));
  }

  #changed(): void {
    const all = this.#wake;
    this.#wake = [];
    for (const wake of all) wake();
  }
}

export class SwitchingServer implements AsyncDisposable {
  readonly connections: ServerConnection[] = [];
  readonly #server = createServer({ allowHalfOpen: true }, (socket) => {
    const connection = new ServerConnection(socket);
    this.connections.push(connection);
    void connection
      .until(() => connection.isEnded || connection.text.includes("\r\n\r\n"))
      .then(() => this.#answer(connection));
  });
  readonly #answer: (connection: ServerConnection) => void;

  /** `answer`: called when the head of a request has come. */
  constructor(answer: (connection: ServerConnection) => void = switches) {
    this.#answer = answer;
  }

  async listen(): Promise<number> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    return (this.#server.address() as AddressInfo).port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { socket } of this.connections) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

export function switches(connection: ServerConnection): void {
  connection.send(switching(connection.text));
}
