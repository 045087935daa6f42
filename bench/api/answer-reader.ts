/** Reads HTTP/1.1 answers, of known length and chunked ones, from the bytes of a connection. */
export interface AnswerSink {
  head(status: number): void;
  body(piece: Buffer): void;
  end(): void;
}

type State =
  | { readonly kind: "head" }
  | { readonly kind: "body"; left: number }
  | { readonly kind: "chunkHead" }
  | { readonly kind: "chunk"; left: number }
  /** The line end after a chunk; the last chunk, which is empty, ends the answer. */
  | { readonly kind: "chunkEnd"; readonly isLast: boolean };

export class AnswerReader {
  readonly #sink: AnswerSink;
  #state: State = { kind: "head" };
  #rest: Buffer = Buffer.alloc(0);

  constructor(sink: AnswerSink) {
    this.#sink = sink;
  }

  read(chunk: Buffer): void {
    let data = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    for (let used = this.#step(data); used > 0; used = this.#step(data)) data = data.subarray(used);
    this.#rest = data;
  }

  /** Takes one part of the answer; returns how many bytes that was. 0: more must come. */
  #step(data: Buffer): number {
    const state = this.#state;
    switch (state.kind) {
      case "head": {
        const end = data.indexOf("\r\n\r\n");
        if (end < 0) return 0;
        this.#begin(data.toString("latin1", 0, end));
        return end + 4;
      }
      case "chunkHead": {
        const end = data.indexOf("\r\n");
        if (end < 0) return 0;
        const left = Number.parseInt(data.toString("latin1", 0, end), 16);
        this.#state = left === 0 ? { kind: "chunkEnd", isLast: true } : { kind: "chunk", left };
        return end + 2;
      }
      case "chunkEnd":
        if (data.length < 2) return 0;
        if (state.isLast) this.#finish();
        else this.#state = { kind: "chunkHead" };
        return 2;
      case "body":
      case "chunk":
        return this.#take(state, data);
      default:
        return state satisfies never;
    }
  }

  #take(state: State & { left: number }, data: Buffer): number {
    const count = Math.min(state.left, data.length);
    if (count > 0) this.#sink.body(data.subarray(0, count));
    state.left -= count;
    if (state.left > 0) return count;
    if (state.kind === "body") this.#finish();
    else this.#state = { kind: "chunkEnd", isLast: false };
    return count;
  }

  #begin(head: string): void {
    this.#sink.head(Number(head.slice(9, 12)));
    const left = Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1] ?? 0);
    if (/\r\ntransfer-encoding: chunked/i.test(head)) this.#state = { kind: "chunkHead" };
    else if (left > 0) this.#state = { kind: "body", left };
    else this.#finish();
  }

  #finish(): void {
    this.#state = { kind: "head" };
    this.#sink.end();
  }
}
