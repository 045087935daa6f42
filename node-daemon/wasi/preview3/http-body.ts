import { err, type Result } from "../component-values.ts";
import type { ComponentHost } from "../host.ts";
import type { ContentLength } from "../http/content-length.ts";
import type { FieldsBase } from "../http/fields.ts";
import { readChunk, type GuestStream } from "./streams.ts";

export type ErrorCode =
  | { readonly tag: "HTTP-request-body-size" | "HTTP-response-body-size"; readonly val: bigint | undefined }
  | { readonly tag: "internal-error"; readonly val: string | undefined };

export type Transmitted = Result<undefined, ErrorCode>;
export type Trailers = Result<FieldsBase | undefined, ErrorCode>;

/** What a guest gave as the body of a message. A future of jco's is read when `then` is called, and not before. */
export interface Body {
  readonly contents: GuestStream | undefined;
  readonly trailers: PromiseLike<Trailers>;
  readonly length: ContentLength;
}

/** How a body that was read came out. */
export type BodyEnd = "whole" | "dropped" | { readonly wrongLength: number | undefined };

/** A guest's body on its way back to a guest: a resource until it ends. Ends early when it gets longer than it may be. */
export class BodyStream implements AsyncIterableIterator<Uint8Array> {
  readonly #host: ComponentHost;
  readonly #contents: GuestStream | undefined;
  readonly #length: ContentLength;
  #onEnd: ((end: BodyEnd) => void) | undefined;
  #bytes = 0;

  constructor(host: ComponentHost, body: Body, onEnd: (end: BodyEnd) => void) {
    host.resources.take();
    this.#host = host;
    this.#contents = body.contents;
    // Without a body the length is that of another message's, as in the answer to HEAD.
    this.#length = body.contents ? body.length : { kind: "any" };
    this.#onEnd = onEnd;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<Uint8Array>> {
    if (this.#length.kind === "malformed") this.#end({ wrongLength: undefined });
    while (this.#onEnd) {
      const chunk = this.#contents ? await readChunk(this.#host, this.#contents) : "end";
      if (chunk !== "end") this.#bytes += chunk.byteLength;
      const { kind } = this.#length;
      const missing = kind === "exactly" ? this.#length.bytes - this.#bytes : 0;
      if (missing < 0 || (missing > 0 && chunk === "end")) this.#end({ wrongLength: this.#bytes });
      else if (chunk === "end") this.#end("whole");
      else if (chunk.byteLength > 0) return { done: false, value: chunk };
    }
    return { done: true, value: undefined };
  }

  async return(): Promise<IteratorResult<Uint8Array>> {
    this.#end("dropped");
    return { done: true, value: undefined };
  }

  #end(end: BodyEnd): void {
    const onEnd = this.#onEnd;
    if (!onEnd) return;
    this.#onEnd = undefined;
    this.#host.resources.giveBack();
    this.#contents?.[Symbol.dispose]();
    onEnd(end);
  }
}

/** Nobody will read it: the guest's writes are dropped, its trailers read and thrown away. */
export function discardBody(body: Body): void {
  body.contents?.[Symbol.dispose]();
  void body.trailers.then(
    (trailers) => {
      if (trailers.tag === "ok") trailers.val?.[Symbol.dispose]();
    },
    () => {},
  );
}

/** Whatever ends it first: a wrong length, or what the reader says about it. */
export function transmit(
  host: ComponentHost,
  body: Body,
  wrongSize: "HTTP-request-body-size" | "HTTP-response-body-size",
  readersResult: PromiseLike<Transmitted>,
  settle: (result: Transmitted) => void,
): BodyStream {
  readersResult.then(settle, () => settle(err({ tag: "internal-error", val: undefined })));
  return new BodyStream(host, body, (end) => {
    if (typeof end === "string") return;
    const { wrongLength } = end;
    settle(err({ tag: wrongSize, val: wrongLength === undefined ? undefined : BigInt(wrongLength) }));
  });
}
