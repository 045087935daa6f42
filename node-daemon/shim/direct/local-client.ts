/**
 * Exchanges between a caller and a callee of one process, as node-daemon/link has them between two.
 *
 * What the caller does reaches the callee at once. What the callee says is kept until the turn of the event loop is over: it is said in the middle of
 * a guest's turn, and the caller may do anything about it, such as begin the next exchange. Each direction has a window, so that nobody keeps more than
 * that for an end that does not read.
 */
import { Bug } from "../../../kit/errors.ts";
import type { ExchangeClient } from "../../gateway/ports.ts";
import type {
  AnswerListener,
  CalleeExchange,
  CallerExchange,
  ExchangeEnd,
  ExchangeFault,
  HeaderList,
  RequestHead,
  RequestListener,
  ResponseHead,
} from "../../link/exchange.ts";
import { frameLimits } from "../../link/limits.ts";

/** Of either direction, before its reader has said that it has consumed something. */
const windowBytes = 64 * 1024;

type Last = { readonly end: ExchangeEnd } | { readonly fault: ExchangeFault };

/** As towards any shim: those of its guests that take requests cannot change the protocol. */
const noUpgrade: ExchangeFault = {
  kind: "refused",
  reason: "unsupported",
  message: "the instance takes no upgrades",
  retryAfterMs: 0,
};

export interface LocalClientOptions {
  /** Must not throw. */
  readonly accept: (exchange: CalleeExchange) => void;
  /** What was said has been told: the thread has done something about it. */
  readonly told: () => void;
  /** A listener has thrown. */
  readonly bug: (thrown: unknown) => void;
}

export class LocalClient implements ExchangeClient {
  readonly #options: LocalClientOptions;
  /** Those with something to tell. */
  #told: LocalExchange[] = [];
  #isScheduled = false;

  constructor(options: LocalClientOptions) {
    this.#options = options;
  }

  open(head: RequestHead, listener: AnswerListener): CallerExchange {
    const exchange = new LocalExchange(head, listener, this.#later);
    if (head.upgrade === undefined) this.#options.accept(exchange.callee);
    else exchange.callee.fault(noUpgrade);
    return exchange;
  }

  /** Nothing is kept for exchanges to come. */
  close(): void {}

  readonly #later = (exchange: LocalExchange): void => {
    this.#told.push(exchange);
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(this.#tell);
  };

  readonly #tell = (): void => {
    this.#isScheduled = false;
    const told = this.#told;
    this.#told = [];
    for (const exchange of told) {
      try {
        exchange.tell();
      } catch (thrown) {
        // It is the one exchange that fails.
        exchange.cancel();
        this.#options.bug(thrown);
      }
    }
    this.#options.told();
  };
}

/** The caller's side. */
class LocalExchange implements CallerExchange {
  readonly callee: LocalCallee;
  readonly #listener: AnswerListener;
  readonly #later: (exchange: LocalExchange) => void;
  #isWaiting = false;
  /** The caller has cancelled it, or knows how it has ended. */
  isOver = false;
  /** Not told yet. */
  #head: ResponseHead | undefined;
  #pieces: Buffer[] = [];
  #last: Last | undefined;
  #drained = false;
  /** Of the answer, told or not. */
  unconsumed = 0;

  constructor(head: RequestHead, listener: AnswerListener, later: (exchange: LocalExchange) => void) {
    this.#listener = listener;
    this.#later = later;
    this.callee = new LocalCallee(head, this);
  }

  write(bytes: Uint8Array): boolean {
    return this.isOver || this.callee.receive(bytes);
  }

  end(trailers: HeaderList): void {
    if (!this.isOver) this.callee.receiveEnd(trailers);
  }

  consumed(bytes: number): void {
    const wasFull = this.isFull;
    this.unconsumed -= bytes;
    if (wasFull && !this.isFull && !this.isOver) this.callee.drained();
  }

  cancel(): void {
    if (this.isOver) return;
    this.#close();
    this.callee.cancelled();
  }

  // As the callee sees it.

  get isFull(): boolean {
    return this.unconsumed >= windowBytes;
  }

  head(head: ResponseHead): void {
    this.#head = head;
    this.#wait();
  }

  data(piece: Buffer): void {
    this.unconsumed += piece.length;
    this.#pieces.push(piece);
    this.#wait();
  }

  last(last: Last): void {
    this.#last = last;
    this.#wait();
  }

  /** The callee takes more of the request. */
  hasRoom(): void {
    this.#drained = true;
    this.#wait();
  }

  #wait(): void {
    if (this.#isWaiting) return;
    this.#isWaiting = true;
    this.#later(this);
  }

  /** Any of these may cancel it. */
  tell(): void {
    this.#isWaiting = false;
    if (this.isOver) return;
    const listener = this.#listener;
    if (this.#drained) {
      this.#drained = false;
      listener.drain();
    }
    const head = this.#head;
    this.#head = undefined;
    if (head !== undefined && !this.isOver) listener.head(head);
    const pieces = this.#pieces;
    if (pieces.length > 0 && !this.isOver) {
      this.#pieces = [];
      const [first = Buffer.alloc(0)] = pieces;
      listener.data(pieces.length === 1 ? first : Buffer.concat(pieces));
    }
    const last = this.#last;
    if (last === undefined || this.isOver) return;
    this.#close();
    if ("end" in last) listener.end(last.end);
    else listener.fault(last.fault);
  }

  #close(): void {
    this.isOver = true;
    this.#pieces = [];
  }
}

/** The callee's side. */
class LocalCallee implements CalleeExchange {
  readonly head: RequestHead;
  readonly #caller: LocalExchange;
  #listener: RequestListener | undefined;
  /** Come before there was a listener. */
  #early: Buffer[] = [];
  #trailers: HeaderList | undefined;
  #unconsumed = 0;
  #isAnswered = false;
  #isOver = false;

  constructor(head: RequestHead, caller: LocalExchange) {
    this.head = head;
    this.#caller = caller;
  }

  listen(listener: RequestListener): void {
    this.#listener = listener;
    const early = this.#early;
    this.#early = [];
    for (const piece of early) if (!this.#isOver) listener.data(piece);
    if (this.#trailers !== undefined && !this.#isOver) listener.end(this.#trailers);
  }

  consumed(bytes: number): void {
    const wasFull = this.#unconsumed >= windowBytes;
    this.#unconsumed -= bytes;
    if (wasFull && this.#unconsumed < windowBytes && !this.#isOver) this.#caller.hasRoom();
  }

  respond(head: ResponseHead): void {
    if (this.#isOver) return;
    if (this.#isAnswered) throw new Bug("a second answer to one request");
    this.#isAnswered = true;
    if (isTooLarge(head.headers)) this.#invalid("the head of the answer");
    else this.#caller.head(head);
  }

  write(bytes: Uint8Array): boolean {
    if (this.#isOver) return true;
    if (!this.#isAnswered) throw new Bug("a body before its head");
    // They are in the guest's memory.
    this.#caller.data(Buffer.from(bytes));
    return !this.#caller.isFull;
  }

  end(end: ExchangeEnd): void {
    if (this.#isOver) return;
    if (!this.#isAnswered) throw new Bug("an end before its head");
    if (isTooLarge(end.trailers)) this.#invalid("the trailers of the answer");
    else this.#close({ end });
  }

  fault(fault: ExchangeFault): void {
    if (this.#isOver) return;
    if (fault.kind === "refused" && this.#isAnswered) throw new Bug("a refusal after the answer has begun");
    this.#close({ fault });
  }

  #invalid(what: string): void {
    const message = `${what} is larger than ${frameLimits.headBytesMax} bytes, the most that is passed on`;
    this.fault({ kind: "failed", reason: "invalid", message });
  }

  #close(last: Last): void {
    this.#isOver = true;
    this.#early = [];
    this.#caller.last(last);
  }

  // As the caller sees it.

  /** False: its window is full. */
  receive(bytes: Uint8Array): boolean {
    // Whoever has said everything wants nothing any more.
    if (this.#isOver || bytes.length === 0) return true;
    this.#unconsumed += bytes.length;
    const piece = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    if (this.#listener === undefined) this.#early.push(piece);
    else this.#listener.data(piece);
    return this.#unconsumed < windowBytes;
  }

  receiveEnd(trailers: HeaderList): void {
    this.#trailers = trailers;
    if (!this.#isOver) this.#listener?.end(trailers);
  }

  drained(): void {
    if (!this.#isOver) this.#listener?.drain();
  }

  cancelled(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#early = [];
    this.#listener?.cancelled();
  }
}

function isTooLarge(list: HeaderList): boolean {
  if (list.length > frameLimits.stringsMax) return true;
  let chars = 0;
  for (const text of list) chars += text.length;
  return chars > frameLimits.headBytesMax;
}
