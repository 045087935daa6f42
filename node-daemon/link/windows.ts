/** Flow control of one direction of one exchange, at both of its ends. Pure. */
import { LinkViolation } from "./frame.ts";
import { creditBytesMax, frameLimits, type LinkLimits, pieceCharge } from "./limits.ts";

/** What the other end allows to send. */
export class SendWindow {
  #credit: number;

  constructor(credit: number) {
    this.#credit = credit;
  }

  /** How many of `wanted` bytes may be sent as one piece. `extending`: as a part of one that has been paid for. */
  allowed(wanted: number, extending: boolean): number {
    const credit = extending ? this.#credit : this.#credit - pieceCharge;
    return Math.max(0, Math.min(wanted, credit, frameLimits.dataBytesMax));
  }

  spend(bytes: number, extending: boolean): void {
    this.#credit -= extending ? bytes : bytes + pieceCharge;
  }

  /** Throws a {@link LinkViolation} when it is more than anyone may grant. */
  grant(bytes: number): void {
    this.#credit += bytes;
    if (bytes === 0 || this.#credit > creditBytesMax) {
      throw new LinkViolation(`credit of ${bytes} bytes, which makes ${this.#credit}`);
    }
  }
}

/** By how much the windows of one connection may grow in all. */
export class GrowthPool {
  #left: number;

  constructor(bytes: number) {
    this.#left = bytes;
  }

  get left(): number {
    return this.#left;
  }

  take(wanted: number): number {
    const taken = Math.min(wanted, this.#left);
    this.#left -= taken;
    return taken;
  }

  giveBack(bytes: number): void {
    this.#left += bytes;
  }
}

/** What the other end was allowed to send, and what of that was not consumed yet. */
export class ReceiveWindow {
  readonly #limits: LinkLimits;
  readonly #pool: GrowthPool;
  #window: number;
  /** Of the window: not sent yet, as far as is known here. */
  #open: number;
  #unconsumed = 0;
  /** The charges for the pieces that are not consumed. */
  #charges = 0;
  /** Consumed, and not granted again. */
  #returned = 0;

  constructor(limits: LinkLimits, pool: GrowthPool) {
    this.#limits = limits;
    this.#pool = pool;
    this.#window = limits.windowBytes;
    this.#open = limits.windowBytes;
  }

  get unconsumed(): number {
    return this.#unconsumed;
  }

  /** A piece has come. Throws a {@link LinkViolation} if it was not allowed. */
  receive(bytes: number): void {
    this.#open -= bytes + pieceCharge;
    if (this.#open < 0) throw new LinkViolation(`a piece of ${bytes} bytes beyond the window`);
    this.#unconsumed += bytes;
    this.#charges += pieceCharge;
  }

  /** Returns the credit to grant: 0 as long as it is not worth a frame. What was not received cannot be consumed. */
  consume(bytes: number): number {
    const consumed = Math.min(bytes, this.#unconsumed);
    if (consumed === 0) return 0;
    const charges = Math.floor((this.#charges * consumed) / this.#unconsumed);
    this.#unconsumed -= consumed;
    this.#charges -= charges;
    this.#returned += consumed + charges;
    if (this.#returned * 4 < this.#window) return 0;
    const growth = this.#pool.take(Math.min(this.#window, this.#limits.windowBytesMax - this.#window));
    const credit = this.#returned + growth;
    this.#window += growth;
    this.#open += credit;
    this.#returned = 0;
    return credit;
  }

  /** The exchange is over. */
  close(): void {
    this.#pool.giveBack(this.#window - this.#limits.windowBytes);
    this.#window = this.#limits.windowBytes;
  }
}
