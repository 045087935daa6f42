/**
 * Somebody is attached to an instance: a Unix socket on which they listen, and to which the instance connects when it
 * starts. What they send is its standard input, the end of that included; what it writes they get as it is written,
 * whole lines or not, besides the log.
 *
 *   client ── bytes ────────────────────────────────▶ standard input (waits for the guest: the socket fills up)
 *   client ◀─ stream, length, bytes, and so on ────── standard output and error
 *
 * A client that does not keep up is cut off, and its input ends: nobody who looks on may slow a guest down.
 */
import { connect, type Socket } from "node:net";
import type { InputSource, OutputSink } from "../wasi/host.ts";
import { attachmentBytesMax } from "./limits.ts";

export type AttachedStream = "stdout" | "stderr";

const headerBytes = 5;
const numbers: Readonly<Record<AttachedStream, number>> = { stdout: 1, stderr: 2 };

export class Attachment implements InputSource {
  readonly #socket: Socket;
  readonly #waiting = new Set<() => void>();
  #ended = false;

  constructor(path: string) {
    this.#socket = connect({ path, allowHalfOpen: true });
    this.#socket.on("readable", () => this.#wake());
    this.#socket.on("end", () => this.end());
    // A client that is gone, or never was there, is one that has nothing to say.
    this.#socket.on("error", () => this.end());
    this.#socket.on("close", () => this.end());
  }

  read(maxBytes: number): Uint8Array | "end" | "wait" {
    const there = this.#socket.readableLength;
    const bytes = there === 0 ? null : (this.#socket.read(Math.min(maxBytes, there)) as Buffer | null);
    // What it sent before the end still counts, but not after the instance was asked to stop.
    if (bytes !== null && !this.#ended) return bytes;
    if (this.#ended) return "end";
    // An end that came with the last bytes is told of by no event, only after another read.
    this.#socket.read(0);
    return "wait";
  }

  onReadable(wake: () => void): () => void {
    if (this.#ended || this.#socket.readableLength > 0) {
      wake();
      return () => {};
    }
    this.#socket.read(0);
    this.#waiting.add(wake);
    return () => void this.#waiting.delete(wake);
  }

  /** Of the input, whatever the client does. */
  end(): void {
    this.#ended = true;
    this.#wake();
  }

  /** `sink`, and a copy of what it accepts for the client. */
  copying(stream: AttachedStream, sink: OutputSink): OutputSink {
    return {
      write: (bytes) => {
        const accepted = sink.write(bytes);
        if (typeof accepted === "number" && accepted > 0) this.#send(stream, bytes.subarray(0, accepted));
        return accepted;
      },
      onWritable: (wake) => sink.onWritable(wake),
    };
  }

  /** When the instance has ended: the client gets the rest, then the end. */
  close(): void {
    this.end();
    this.#socket.end();
    // The rest of its input is of no use, but unread it would keep the socket from closing.
    this.#socket.resume();
  }

  #send(stream: AttachedStream, bytes: Uint8Array): void {
    if (!this.#socket.writable) return;
    if (this.#socket.writableLength + bytes.length > attachmentBytesMax) {
      this.#socket.destroy();
      return;
    }
    const frame = Buffer.allocUnsafe(headerBytes + bytes.length);
    frame[0] = numbers[stream];
    frame.writeUInt32LE(bytes.length, 1);
    frame.set(bytes, headerBytes);
    this.#socket.write(frame);
  }

  #wake(): void {
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }
}

/** The client's end: takes apart what came. Holds no more than one piece that is not there whole. */
export class AttachmentReader {
  readonly #tell: (stream: AttachedStream, bytes: Buffer) => void;
  #rest: Buffer = Buffer.alloc(0);

  constructor(tell: (stream: AttachedStream, bytes: Buffer) => void) {
    this.#tell = tell;
  }

  push(chunk: Buffer): void {
    let bytes = Buffer.concat([this.#rest, chunk]);
    while (bytes.length >= headerBytes) {
      const end = headerBytes + bytes.readUInt32LE(1);
      if (bytes.length < end) break;
      this.#tell(bytes[0] === numbers.stderr ? "stderr" : "stdout", bytes.subarray(headerBytes, end));
      bytes = bytes.subarray(end);
    }
    this.#rest = bytes;
  }
}
