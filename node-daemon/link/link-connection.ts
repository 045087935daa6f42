/**
 * One connection between a caller and a callee, from its hello to its end. What the frames between mean is the business of the
 * two sides (link-caller.ts, link-callee.ts).
 *
 *   greeting ── hello of the other end ──▶ open ──▶ over
 *      │  no hello in time, another version       ▲   the other end has gone, is silent (keepalive), or has sent what
 *      └──────────────────────────────────────────┘   it may not: then all exchanges end with the connection
 *
 * - Each end begins with a hello: what it speaks, which side it is, how much each exchange may send it, how many there may be.
 * - What is sent is written once per turn of the event loop, or a few times, and is bounded: bodies wait while the system takes no more; a callee
 *   whose answers are not read reads no more requests; a caller does not begin any.
 * - What arrives is checked. A {@link LinkViolation} ends the connection; an error of a listener is a bug of ours, which ends
 *   the one exchange.
 */
import type { Duplex } from "node:stream";
import type { Clock, Timer } from "../../kit/clock.ts";
import { errorMessage } from "../../kit/errors.ts";
import type { Log } from "../../kit/log.ts";
import { FrameReader } from "./frame-reader.ts";
import { FrameWriter, putWord } from "./frame-writer.ts";
import { frameType, LinkViolation } from "./frame.ts";
import { HeadEncoder } from "./head-codec.ts";
import {
  chunkBytesKept,
  creditBytesMax,
  keepalive,
  lateFrames,
  type LinkLimits,
  linkVersion,
  linkVersionMin,
} from "./limits.ts";
import { GrowthPool } from "./windows.ts";

export interface LinkOptions {
  readonly limits: LinkLimits;
  readonly clock: Clock;
  readonly log: Log;
  /** Asks a silent end whether it is there: for links between machines, where nobody says that it has gone. */
  readonly keepalive: boolean;
}

export interface LinkEnd {
  /** closed: as agreed; lost: the other end has gone; protocol: it has sent what it may not. */
  readonly reason: "closed" | "lost" | "protocol";
  readonly message: string;
}

/** What the other end has said. */
export interface Greeting {
  /** The latest that both ends speak. */
  readonly version: number;
  readonly windowBytes: number;
  readonly exchangesMax: number;
}

export interface LinkSide {
  readonly role: keyof typeof roles;
  greeted(greeting: Greeting): void;
  /** Throws a {@link LinkViolation} for what may not come. */
  take(type: number, flags: number, stream: number, bytes: Buffer, start: number, end: number): void;
  /** A listener has thrown while it was told about this exchange. */
  giveUp(stream: number): void;
  /** The system takes more again. */
  drained(): void;
  /** Once, and nothing follows. */
  over(end: LinkEnd): void;
}

const roles = { caller: 1, callee: 2 } as const;
const magic = 0x4b_4e_4c_57;
/** Magic, side, version, oldest version, window, exchanges. Longer ones are from later versions. */
const helloBytes = 4 + 1 + 2 + 2 + 4 + 4;

export class LinkConnection {
  readonly writer: FrameWriter;
  readonly encoder = new HeadEncoder();
  readonly growth: GrowthPool;
  readonly #duplex: Duplex;
  readonly #side: LinkSide;
  readonly #options: LinkOptions;
  readonly #reader = new FrameReader((type, flags, stream, bytes, start, end) =>
    this.#dispatch(type, flags, stream, bytes, start, end),
  );
  #state: "greeting" | "open" | "over" = "greeting";
  #timer: Timer | undefined;
  #error = "";
  #lateAllowed: number = lateFrames.perExchange;
  #heard = false;
  #silences = 0;
  #pings = 0;

  constructor(duplex: Duplex, side: LinkSide, options: LinkOptions) {
    this.#duplex = duplex;
    this.#side = side;
    this.#options = options;
    this.writer = new FrameWriter(duplex);
    this.growth = new GrowthPool(options.limits.growthBytesMax);
    this.#timer = options.clock.setTimer(options.limits.helloMsMax, () =>
      this.destroy({ reason: "lost", message: "the other end has not said hello in time" }),
    );
    this.#sayHello();
    duplex.on("data", (chunk: Buffer) => this.#receive(chunk));
    duplex.on("drain", () => this.#drained());
    duplex.on("error", (error: Error) => (this.#error = error.message));
    duplex.on("end", () => this.#gone());
    duplex.on("close", () => this.#gone());
  }

  get state(): "greeting" | "open" | "over" {
    return this.#state;
  }

  /** Too much waits for the other end. */
  get backlogged(): boolean {
    return this.writer.waitingBytes > this.#options.limits.outputBytesMax;
  }

  get limits(): LinkLimits {
    return this.#options.limits;
  }

  /** A frame has come for an exchange that is over. */
  late(): void {
    if (--this.#lateAllowed < 0) throw new LinkViolation("too many frames for exchanges that are over");
  }

  /** An exchange is over, of which more may be on its way. */
  expectLate(): void {
    this.#lateAllowed = Math.min(lateFrames.max, this.#lateAllowed + lateFrames.perExchange);
  }

  /** As agreed: what was said is sent. */
  finish(message: string): void {
    if (this.#state === "over") return;
    this.writer.flush();
    const duplex = this.#duplex;
    // A callee reads on until the caller has read all and closes as well: else the system might throw away what was sent.
    const { helloMsMax: patienceMs } = this.#options.limits;
    const timer = this.#options.clock.setTimer(patienceMs, () => duplex.destroy());
    duplex.once("close", () => timer.cancel());
    duplex.end(this.#side.role === "caller" ? () => duplex.destroy() : undefined);
    duplex.resume();
    this.#end({ reason: "closed", message });
  }

  destroy(end: LinkEnd): void {
    if (this.#state === "over") return;
    this.#end(end);
    this.#duplex.destroy();
  }

  #sayHello(): void {
    const at = this.writer.begin(frameType.hello, 0, 0, helloBytes);
    const { slab } = this.writer;
    const { windowBytes, exchangesMax } = this.#options.limits;
    putWord(slab, at, magic);
    slab[at + 4] = roles[this.#side.role];
    slab.writeUInt16LE(linkVersion, at + 5);
    slab.writeUInt16LE(linkVersionMin, at + 7);
    putWord(slab, at + 9, windowBytes);
    putWord(slab, at + 13, exchangesMax);
  }

  #receive(chunk: Buffer): void {
    if (this.#state === "over") return;
    this.#heard = true;
    try {
      this.#reader.push(chunk);
    } catch (thrown) {
      if (!(thrown instanceof LinkViolation)) throw thrown;
      this.#options.log.warn("the other end of a link broke the protocol", { err: thrown.message });
      this.destroy({ reason: "protocol", message: thrown.message });
      return;
    }
    // Only the callee waits, so that not both ends wait for each other.
    if (this.#side.role === "callee" && this.backlogged) this.#duplex.pause();
  }

  #dispatch(type: number, flags: number, stream: number, bytes: Buffer, start: number, end: number): void {
    if (this.#state === "open") {
      if (type >= frameType.ping || type === frameType.hello) this.#takeSignal(type);
      else this.#tell(type, flags, stream, bytes, start, end);
    } else if (this.#state === "greeting") {
      if (type !== frameType.hello) throw new LinkViolation("no hello");
      this.#greet(bytes.subarray(start, end));
    }
  }

  #tell(type: number, flags: number, stream: number, bytes: Buffer, start: number, end: number): void {
    try {
      this.#side.take(type, flags, stream, bytes, start, end);
    } catch (thrown) {
      if (thrown instanceof LinkViolation) throw thrown;
      const err = thrown instanceof Error ? thrown.stack : errorMessage(thrown);
      this.#options.log.error("a listener of an exchange failed", { err });
      this.#side.giveUp(stream);
    }
  }

  #greet(hello: Buffer): void {
    if (hello.length < helloBytes || hello.readUInt32LE(0) !== magic) throw new LinkViolation("no hello");
    const version = hello.readUInt16LE(5);
    const oldest = hello.readUInt16LE(7);
    if (oldest > linkVersion || version < linkVersionMin) {
      throw new LinkViolation(
        `it speaks versions ${oldest} to ${version}, not ${linkVersionMin} to ${linkVersion}`,
      );
    }
    if (hello[4] === roles[this.#side.role]) throw new LinkViolation(`both ends are ${this.#side.role}s`);
    const windowBytes = hello.readUInt32LE(9);
    const exchangesMax = hello.readUInt32LE(13);
    if (windowBytes > creditBytesMax) throw new LinkViolation(`a window of ${windowBytes} bytes`);
    this.#state = "open";
    this.#timer?.cancel();
    this.#timer = undefined;
    if (this.#options.keepalive) this.#watch();
    this.#side.greeted({ version: Math.min(version, linkVersion), windowBytes, exchangesMax });
  }

  #takeSignal(type: number): void {
    if (type === frameType.hello) throw new LinkViolation("a second hello");
    if (!this.#options.keepalive || ++this.#pings > keepalive.pingsMax)
      throw new LinkViolation("too many pings");
    if (type === frameType.ping) this.writer.signal(frameType.pong, 0);
  }

  /** Counts looks, not time: a process that was stopped has not listened meanwhile. */
  #watch(): void {
    this.#timer = this.#options.clock.setTimer(keepalive.intervalMs, () => {
      this.#pings = 0;
      if (this.#heard) this.#silences = 0;
      else if (++this.#silences >= keepalive.silentMax) {
        this.destroy({ reason: "lost", message: "the other end is silent" });
        return;
      }
      if (!this.#heard) this.writer.signal(frameType.ping, 0);
      this.#heard = false;
      this.#watch();
    });
  }

  #drained(): void {
    this.writer.drained();
    if (this.#state !== "open") return;
    if (this.#duplex.isPaused()) this.#duplex.resume();
    this.#side.drained();
  }

  #gone(): void {
    if (this.#state === "over") {
      this.#duplex.end();
      return;
    }
    this.destroy({ reason: "lost", message: this.#error || "the other end has closed the connection" });
  }

  #end(end: LinkEnd): void {
    this.#state = "over";
    this.#timer?.cancel();
    this.#side.over(end);
  }
}

/** A piece of a body, which its listener may keep: then it keeps what it is a part of. */
export function pieceOf(bytes: Buffer, start: number, end: number): Buffer {
  if (bytes.length <= chunkBytesKept || (end - start) * 2 >= bytes.length) return bytes.subarray(start, end);
  const piece = Buffer.allocUnsafeSlow(end - start);
  bytes.copy(piece, 0, start, end);
  return piece;
}
