/**
 * The body of a message that a guest writes, from when it is made: what is written before it is known where it goes is kept,
 * up to a bound, and beyond that the guest waits.
 *
 *     gathering ── attach ─▶ what was gathered ─▶ flowing ── finish, abort ─▶ over
 *
 * - No more is passed on than the content-length says, and less is no whole body.
 * - The target is told of one end, once all that was accepted has gone to its output.
 * - A body that was whole before it went anywhere can go out again, until it is forgotten.
 */
import { errno } from "../abi.ts";
import { limits } from "../limits.ts";
import { Wakers } from "../sockets/wakers.ts";
import type { OutputSink, StreamFailure } from "../streams.ts";
import type { ContentLength } from "./content-length.ts";
import type { HttpErrorCode } from "./error-code.ts";
import type { HeaderList } from "./exchange.ts";

export interface BodyTarget {
  readonly output: OutputSink;
  /** Whether what the message is allows a body: otherwise nothing is written, and the length is that of another message's. */
  readonly bodyless: boolean;
  finish(trailers: HeaderList): void;
  abort(): void;
}

type BodyEnd = { readonly kind: "finish"; readonly trailers: HeaderList } | { readonly kind: "abort" };

type SizeTag = "HTTP-request-body-size" | "HTTP-response-body-size";

export class BodyPipe implements OutputSink {
  readonly #length: ContentLength;
  readonly #sizeTag: SizeTag;
  readonly #wakers = new Wakers();
  #gathered: Uint8Array[] = [];
  #gatheredBytes = 0;
  /** What `rewind` puts back. */
  #whole: readonly Uint8Array[] | undefined;
  #bytes = 0;
  #target: BodyTarget | undefined;
  #end: BodyEnd | undefined;
  #announced = false;
  #over = false;

  constructor(length: ContentLength, sizeTag: SizeTag) {
    this.#length = length;
    this.#sizeTag = sizeTag;
  }

  /** What is known of a body before it goes anywhere: all of it, if it is finished. */
  get wholeBytes(): number | undefined {
    return this.#end?.kind === "finish" ? this.#bytes : undefined;
  }

  write(bytes: Uint8Array): number | StreamFailure {
    if (this.#end) return { errno: errno.pipe };
    const wanted = this.#bytes + bytes.byteLength;
    if (this.#length.kind === "malformed") return this.#wrongSize(undefined);
    if (this.#length.kind === "exactly" && wanted > this.#length.bytes) return this.#wrongSize(wanted);
    const accepted = this.#accept(bytes);
    if (typeof accepted === "number") this.#bytes += accepted;
    return accepted;
  }

  onWritable(wake: () => void): () => void {
    const target = this.#target;
    if (this.#end || target?.bodyless === true) return this.#wakers.watch(true, wake);
    if (target && this.#gatheredBytes === 0) return target.output.onWritable(wake);
    return this.#wakers.watch(this.#room > 0, wake);
  }

  /** Once, or after `rewind`. From now on it flows. */
  attach(target: BodyTarget): void {
    this.#target = target;
    this.#flow();
  }

  /** To be called before `attach`: it may have to go out again. */
  keepWhole(): void {
    if (this.#end?.kind === "finish") this.#whole = [...this.#gathered];
  }

  /** As if it had gone nowhere yet. False where not all of it is here any more. */
  rewind(): boolean {
    if (!this.#whole) return false;
    this.#gathered = [...this.#whole];
    this.#gatheredBytes = this.#bytes;
    this.#whole = undefined;
    this.#target = undefined;
    this.#over = false;
    return true;
  }

  /** It will not have to go out again. */
  forget(): void {
    this.#whole = undefined;
  }

  /** The writer is done; what it has handed over is still on its way here, and `finish` follows. */
  announceEnd(): void {
    this.#announced = true;
  }

  /** Whoever writes it will do nothing more. */
  returned(): void {
    if (!this.#announced) this.abort();
  }

  /** The writer says that this is all of it. An error when it is not what was announced. */
  finish(trailers: HeaderList): HttpErrorCode | undefined {
    if (this.#end) return undefined;
    this.#announced = true;
    const { kind } = this.#length;
    const missing = kind === "exactly" && this.#bytes > 0 && this.#bytes < this.#length.bytes;
    this.#end = missing || kind === "malformed" ? { kind: "abort" } : { kind: "finish", trailers };
    this.#flow();
    if (this.#end.kind === "finish") return undefined;
    return { tag: this.#sizeTag, val: missing ? BigInt(this.#bytes) : undefined };
  }

  abort(): void {
    if (this.#end) return;
    this.#end = { kind: "abort" };
    this.#drop();
    this.#flow();
  }

  get #room(): number {
    return this.#target ? 0 : limits.streamWriteBytesMax - this.#gatheredBytes;
  }

  #accept(bytes: Uint8Array): number | StreamFailure {
    const target = this.#target;
    if (target?.bodyless === true) return bytes.byteLength;
    if (target && this.#gatheredBytes === 0) return target.output.write(bytes);
    const accepted = Math.min(this.#room, bytes.byteLength);
    if (accepted > 0) {
      this.#gathered.push(new Uint8Array(bytes.subarray(0, accepted)));
      this.#gatheredBytes += accepted;
    }
    return accepted;
  }

  /** Passes on what there is, then the end. */
  #flow(): void {
    const target = this.#target;
    if (!target || this.#over) return;
    if (target.bodyless) this.#drop();
    for (let chunk = this.#gathered[0]; chunk; chunk = this.#gathered[0]) {
      const written = target.output.write(chunk);
      // Who writes next is told the same.
      if (typeof written !== "number") this.#drop();
      else if (written < chunk.byteLength) {
        this.#gathered[0] = chunk.subarray(written);
        this.#gatheredBytes -= written;
        target.output.onWritable(() => this.#flow());
        return;
      } else {
        this.#gathered.shift();
        this.#gatheredBytes -= written;
      }
    }
    this.#wakers.wakeAll();
    const end = this.#end;
    if (!end) return;
    this.#over = true;
    if (end.kind === "finish" && (target.bodyless || !this.#isShort)) target.finish(end.trailers);
    else target.abort();
  }

  get #isShort(): boolean {
    return this.#length.kind === "exactly" && this.#bytes < this.#length.bytes;
  }

  #drop(): void {
    this.#gathered = [];
    this.#gatheredBytes = 0;
  }

  #wrongSize(bytes: number | undefined): StreamFailure {
    this.abort();
    const val = bytes === undefined ? undefined : BigInt(bytes);
    return { errno: errno.inval, http: { tag: this.#sizeTag, val } };
  }
}
