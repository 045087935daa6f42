import type { Socket } from "node:net";
import { WherryError, errorMessage } from "../../kit/errors.ts";
import { protocolLimits } from "./limits.ts";

const headerBytes = 4;

/** A frame: its length as 32 bits, little endian, and a JSON array of messages. */
function encodeFrame(messages: readonly string[]): Buffer {
  const text = `[${messages.join(",")}]`;
  const bytes = Buffer.byteLength(text);
  const frame = Buffer.allocUnsafe(headerBytes + bytes);
  frame.writeUInt32LE(bytes, 0);
  frame.write(text, headerBytes);
  return frame;
}

/** Takes the stream apart again. Throws a {@link WherryError} `frame-invalid`, after which the stream is useless. */
export class FrameReader {
  #parts: Buffer[] = [];
  #bytes = 0;
  #wanted = headerBytes;

  push(chunk: Buffer): unknown[] {
    this.#parts.push(chunk);
    this.#bytes += chunk.length;
    const messages: unknown[] = [];
    // Joined only when a whole frame is there, so that a large one costs no more than linear.
    while (this.#bytes >= this.#wanted) {
      const all = this.#parts.length === 1 ? (this.#parts[0] ?? chunk) : Buffer.concat(this.#parts);
      const end = headerBytes + all.readUInt32LE(0);
      if (end > protocolLimits.frameBytesMax) throw invalid(`a frame of ${end} bytes`);
      this.#parts = [all];
      if (all.length < end) {
        this.#wanted = end;
        break;
      }
      for (const message of parse(all.toString("utf8", headerBytes, end))) messages.push(message);
      this.#parts = [all.subarray(end)];
      this.#bytes -= end;
      this.#wanted = headerBytes;
    }
    return messages;
  }
}

function parse(text: string): unknown[] {
  try {
    const messages: unknown = JSON.parse(text);
    if (Array.isArray(messages)) return messages;
  } catch (thrown) {
    throw invalid(errorMessage(thrown));
  }
  throw invalid("no array");
}

function invalid(why: string): WherryError {
  return new WherryError("frame-invalid", `read a frame between daemon and shim: ${why}`);
}

/**
 * Gathers the messages of one turn of the event loop into frames. Bounds nothing itself: its callers send what they
 * hold anyway (runs), or ask `backlogged` first (usage).
 */
export class MessageWriter {
  readonly #socket: Socket;
  #gathered: string[] = [];
  #gatheredBytes = 0;
  #scheduled = false;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  get backlogged(): boolean {
    return this.#socket.writableNeedDrain;
  }

  /** False when the message is too large to be sent at all. */
  send(message: object): boolean {
    const text = JSON.stringify(message);
    // Three bytes of UTF-8 for one character at most.
    if (
      text.length * 3 > protocolLimits.frameBytesMax &&
      Buffer.byteLength(text) > protocolLimits.frameBytesMax / 2
    )
      return false;
    this.#gathered.push(text);
    this.#gatheredBytes += text.length;
    if (this.#gatheredBytes >= protocolLimits.batchBytes) this.flush();
    else if (!this.#scheduled) {
      this.#scheduled = true;
      setImmediate(() => this.flush());
    }
    return true;
  }

  flush(): void {
    this.#scheduled = false;
    if (this.#gathered.length === 0) return;
    const frame = encodeFrame(this.#gathered);
    this.#gathered = [];
    this.#gatheredBytes = 0;
    if (this.#socket.writable) this.#socket.write(frame);
  }
}
