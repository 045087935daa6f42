/**
 * The standard output of a CGI program, on its way to the caller.
 *
 *   head ── empty line ─▶ body ─▶ ended            (no body: HEAD, 204, 304: what is printed is dropped)
 *     │ └─ Location: /path alone ─▶ redirect       (another request is answered; what follows is dropped)
 *     └──▶ broken                                  (no head of CGI, or a body longer than its Content-Length)
 *
 * What is printed in one turn is gathered, and goes to the link at its end.
 */
import { assertNever } from "../../../kit/errors.ts";
import type { OutputSink } from "../../wasi/host.ts";
import { CgiHeadReader } from "./cgi-head-reader.ts";
import { parseCgiHead } from "./cgi-response.ts";
import type { ServedRequest } from "./handler.ts";
import { cgiLimits } from "./limits.ts";

type State =
  | { readonly kind: "head"; readonly reader: CgiHeadReader }
  | { readonly kind: "body"; leftBytes: number }
  | { readonly kind: "dropping" }
  | { readonly kind: "redirect"; readonly path: string }
  | { readonly kind: "broken"; readonly message: string };

export type CgiOutcome =
  | { readonly kind: "ended" }
  | { readonly kind: "redirect"; readonly path: string }
  | { readonly kind: "broken"; readonly message: string };

const firstPieceBytes = 512;

export class CgiOutput implements OutputSink {
  readonly #request: ServedRequest;
  /** It makes no sense that the guest goes on. */
  readonly #broken: () => void;
  #state: State = { kind: "head", reader: new CgiHeadReader() };
  #piece: Buffer | undefined;
  #pieceLength = 0;
  #flushing = false;

  constructor(request: ServedRequest, broken: () => void) {
    this.#request = request;
    this.#broken = broken;
  }

  write(bytes: Uint8Array): number {
    const state = this.#state;
    if (state.kind === "body") return this.#writeBody(state, bytes);
    if (state.kind !== "head") return bytes.byteLength;
    const piece = state.reader.read(bytes);
    if (piece.kind === "too long") {
      this.#break(
        `its headers have more than ${cgiLimits.headBytesMax} bytes, or there is no empty line behind them`,
      );
      return bytes.byteLength;
    }
    if (piece.text === undefined) return piece.taken;
    this.#begin(piece.text);
    const rest = bytes.subarray(piece.taken);
    return rest.byteLength === 0 ? piece.taken : piece.taken + this.write(rest);
  }

  onWritable(wake: () => void): () => void {
    if (this.#pieceLength < cgiLimits.pieceBytes) {
      wake();
      return () => {};
    }
    return this.#request.answer.onWritable(() => {
      this.flush();
      wake();
    });
  }

  /** What was printed in this turn. */
  flush(): void {
    const piece = this.#piece;
    if (!piece || this.#pieceLength === 0) return;
    const { answer } = this.#request;
    const taken = answer.write(piece.subarray(0, this.#pieceLength));
    if (typeof taken === "number" && taken > 0) {
      piece.copyWithin(0, taken, this.#pieceLength);
      this.#pieceLength -= taken;
    }
    if (this.#pieceLength === 0 || this.#flushing) return;
    this.#flushing = true;
    answer.onWritable(() => {
      this.#flushing = false;
      this.flush();
    });
  }

  /** The guest has returned: nothing more is printed. Resolves once everything is with the link. */
  finish(): CgiOutcome | Promise<CgiOutcome> {
    const state = this.#state;
    switch (state.kind) {
      case "head":
        return { kind: "broken", message: "it has returned before it had printed headers and an empty line" };
      case "redirect":
      case "broken":
        return state;
      case "body":
        if (state.leftBytes > 0 && state.leftBytes !== Number.POSITIVE_INFINITY) {
          return {
            kind: "broken",
            message: `its body is ${state.leftBytes} bytes shorter than its Content-Length`,
          };
        }
        this.flush();
        return this.#pieceLength === 0 ? this.#end() : this.#endWhenWritten();
      case "dropping":
        return this.#end();
      default:
        return assertNever(state, "state of an output");
    }
  }

  #end(): CgiOutcome {
    this.#request.answer.end([]);
    return { kind: "ended" };
  }

  async #endWhenWritten(): Promise<CgiOutcome> {
    while (this.#pieceLength > 0) {
      await new Promise<void>((resolve) => void this.#request.answer.onWritable(resolve));
      this.flush();
    }
    return this.#end();
  }

  #begin(text: string): void {
    const head = parseCgiHead(text);
    if (head.kind === "invalid") return this.#break(`its answer is no response of CGI: ${head.message}`);
    if (head.kind === "redirect") {
      this.#state = { kind: "redirect", path: head.path };
      return;
    }
    const { status, headers, contentLength } = head;
    this.#request.answer.respond({ status, headers });
    const bodiless = status === 204 || status === 304 || this.#request.head.method === "HEAD";
    this.#state = bodiless
      ? { kind: "dropping" }
      : { kind: "body", leftBytes: contentLength ?? Number.POSITIVE_INFINITY };
  }

  #writeBody(state: State & { readonly kind: "body" }, bytes: Uint8Array): number {
    if (bytes.byteLength > state.leftBytes) {
      this.#break("its body is longer than its Content-Length");
      return bytes.byteLength;
    }
    const taken = this.#gather(bytes);
    state.leftBytes -= taken;
    return taken;
  }

  #gather(bytes: Uint8Array): number {
    if (this.#pieceLength + bytes.byteLength > cgiLimits.pieceBytes) this.flush();
    if (this.#pieceLength === 0 && bytes.byteLength >= cgiLimits.pieceBytes) {
      const taken = this.#request.answer.write(bytes);
      if (typeof taken === "number" && taken > 0) return taken;
    }
    const taken = Math.min(bytes.byteLength, cgiLimits.pieceBytes - this.#pieceLength);
    const length = this.#pieceLength + taken;
    let piece = this.#piece;
    if (!piece || piece.byteLength < length) {
      const grown = Buffer.allocUnsafe(Math.min(cgiLimits.pieceBytes, Math.max(firstPieceBytes, 2 * length)));
      piece?.copy(grown, 0, 0, this.#pieceLength);
      piece = grown;
      this.#piece = grown;
    }
    piece.set(taken === bytes.byteLength ? bytes : bytes.subarray(0, taken), this.#pieceLength);
    this.#pieceLength = length;
    return taken;
  }

  #break(message: string): void {
    this.#state = { kind: "broken", message };
    this.#pieceLength = 0;
    this.#broken();
  }
}
