import type { Errno } from "./abi.ts";
import type { HttpErrorCode } from "./http/error-code.ts";

/** A stream that broke: its reads, or its writes, fail from now on. Only sockets, files and bodies of messages do. */
export interface StreamFailure {
  readonly errno: Errno;
  /** Of a message's body. */
  readonly http?: HttpErrorCode;
}

export interface InputSource {
  /** At most `maxBytes` (at least 1) that are there, `end` for good, or `wait`. The bytes are copied at once. */
  read(maxBytes: number): Uint8Array | "end" | "wait" | StreamFailure;
  /**
   * Calls `wake` once, when `read` would not answer `wait`: before returning if that is so already. Returns how to
   * cancel.
   */
  onReadable(wake: () => void): () => void;
}

export interface OutputSink {
  /** How many bytes were accepted, 0 when full. `bytes` is guest memory: what is kept has to be copied. */
  write(bytes: Uint8Array): number | StreamFailure;
  /** Calls `wake` once, when `write` would accept something: before returning if that is so already. */
  onWritable(wake: () => void): () => void;
}
