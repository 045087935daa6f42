import { Duplex } from "node:stream";
import { errno } from "../abi.ts";
import { limits } from "../limits.ts";
import type { TcpConnection } from "../sockets/network.ts";

type Callback = (error?: Error | null) => void;

/** A pulled connection as a stream of Node's, which TLS and HTTP are spoken over. It owns the connection. */
export class ConnectionStream extends Duplex {
  readonly #connection: TcpConnection;
  #cancelRead: (() => void) | undefined;

  constructor(connection: TcpConnection) {
    super({ allowHalfOpen: false });
    this.#connection = connection;
  }

  /** As a socket has it, for Node's agent. Nothing here keeps a process alive. */
  ref(): this {
    return this;
  }

  override _read(): void {
    this.#cancelRead?.();
    this.#cancelRead = undefined;
    for (;;) {
      const read = this.#connection.read(limits.streamChunkBytesMax);
      if (read === "wait") {
        this.#cancelRead = this.#connection.onReadable(() => this._read());
        return;
      }
      if (read === "end") return void this.push(null);
      if (!(read instanceof Uint8Array)) return void this.destroy(brokenConnection());
      if (!this.push(read)) return;
    }
  }

  override _write(chunk: Uint8Array, _encoding: string, callback: Callback): void {
    const written = this.#connection.write(chunk);
    if (typeof written !== "number") return callback(brokenConnection());
    if (written === chunk.byteLength) return callback();
    const rest = chunk.subarray(written);
    this.#connection.onWritable(() => {
      if (this.destroyed) callback(brokenConnection());
      else this._write(rest, _encoding, callback);
    });
  }

  override _final(callback: Callback): void {
    this.#connection.shutdown("send");
    callback();
  }

  override _destroy(error: Error | null, callback: Callback): void {
    this.#cancelRead?.();
    this.#connection.close();
    callback(error);
  }
}

/** With the code by which Node calls it. */
export function brokenConnection(): Error {
  return Object.assign(new Error("the connection broke"), { code: "ECONNRESET", errno: errno.connreset });
}
