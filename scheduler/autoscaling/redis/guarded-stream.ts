import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import { WherryError } from "../../../kit/errors.ts";
import type { ReplyGuard } from "./reply-guard.ts";

/** A connected socket as the client sees it: what the guard does not let pass ends it. */
export class GuardedStream extends Duplex {
  readonly connecting = false;
  readonly #socket: Socket;

  constructor(socket: Socket, guard: ReplyGuard) {
    super();
    this.#socket = socket;
    // The client listens a little later; whoever asks finds the error in `errored`.
    this.on("error", () => {});
    socket.on("data", (chunk: Buffer) => {
      const problem = guard.check(chunk);
      if (problem !== undefined) this.destroy(new WherryError("MalformedReply", problem));
      else if (!this.push(chunk)) socket.pause();
    });
    socket.on("end", () => this.destroy(closedEarly()));
    socket.on("error", (error) => this.destroy(error));
    socket.on("close", () => this.destroy(closedEarly()));
  }

  override _read(): void {
    this.#socket.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#socket.write(chunk, done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#socket.destroy();
    done(error);
  }

  // What the client sets of sockets; it was set when this one was connected.
  setNoDelay(): this {
    return this;
  }

  setKeepAlive(): this {
    return this;
  }

  setTimeout(): this {
    return this;
  }
}

function closedEarly(): WherryError {
  return new WherryError("ECONNRESET", "the connection was closed");
}
