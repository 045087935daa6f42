import { cgiLimits } from "./limits.ts";

export type CgiHeadPiece =
  /** So many of the bytes belong to the head; with its text, each byte a character, if they end it. */
  | { readonly kind: "read"; readonly taken: number; readonly text: string | undefined }
  | { readonly kind: "too long" };

const firstBytes = 1_024;

/** Finds the empty line in what a CGI program prints, piece by piece. */
export class CgiHeadReader {
  #kept: Buffer | undefined;
  #length = 0;
  #lineIsEmpty = true;
  #lastWasReturn = false;

  read(bytes: Uint8Array): CgiHeadPiece {
    const most = Math.min(bytes.length, cgiLimits.headBytesMax - this.#length);
    for (let at = 0; at < most; at++) {
      const byte = bytes[at];
      if (byte === 0x0a) {
        if (this.#lineIsEmpty)
          return { kind: "read", taken: at + 1, text: this.#textWith(bytes.subarray(0, at)) };
        this.#lineIsEmpty = true;
        this.#lastWasReturn = false;
      } else if (byte === 0x0d && this.#lineIsEmpty && !this.#lastWasReturn) this.#lastWasReturn = true;
      else this.#lineIsEmpty = false;
    }
    if (most < bytes.length) return { kind: "too long" };
    this.#keep(bytes);
    return { kind: "read", taken: bytes.length, text: undefined };
  }

  /** Without the empty line. */
  #textWith(rest: Uint8Array): string {
    let text: string;
    if (this.#length === 0)
      text = Buffer.from(rest.buffer, rest.byteOffset, rest.byteLength).toString("latin1");
    else {
      this.#keep(rest);
      text = this.#kept?.toString("latin1", 0, this.#length) ?? "";
    }
    return this.#lastWasReturn ? text.slice(0, -1) : text;
  }

  #keep(bytes: Uint8Array): void {
    const length = this.#length + bytes.byteLength;
    const kept = this.#kept;
    if (!kept || kept.byteLength < length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(firstBytes, length, 2 * (kept?.byteLength ?? 0)));
      kept?.copy(grown, 0, 0, this.#length);
      this.#kept = grown;
    }
    this.#kept?.set(bytes, this.#length);
    this.#length = length;
  }
}
