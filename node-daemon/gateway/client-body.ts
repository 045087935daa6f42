/**
 * The body of a client's request on its way to an instance.
 *
 *   unread ── gather ─▶ gathering ── all, or enough of it, or no room: gathered ─▶ kept ── an instance: send ─▶ sending
 *      └───────────────────────────────── an instance: send ──────────────────────────────────────────────────▶ ┘
 *
 * - It is gathered first, so that whoever sends it slowly keeps no instance waiting. Where there is no room for that an instance gets it
 *   as it comes.
 * - Of an upgrade it is what the client says by the other protocol: sent after the answer, however long that takes, and never waited for.
 * - What was sent of it is kept until the answer begins, up to a bound: without it nothing is sent elsewhere.
 */
import type { CallerExchange, HeaderList } from "../link/exchange.ts";
import type { ClientRequest } from "./client-side.ts";
import type { ByteBudget } from "./core/byte-budget.ts";
import { gatewayLimits } from "./limits.ts";
import { SentBody } from "./sent-body.ts";

const never = Number.POSITIVE_INFINITY;

export class ClientBody {
  readonly #request: ClientRequest;
  readonly #room: ByteBudget;
  readonly #sent: SentBody;
  /** Of the room, while it is gathered. */
  #roomBytes = 0;
  #isGathering = false;
  #isOpened = false;
  #isPaused = false;
  /** When something of it came last, or could have. */
  #lastMs = 0;

  /** `room`: for what all clients together have sent and no instance has got. */
  constructor(request: ClientRequest, room: ByteBudget) {
    this.#request = request;
    this.#room = room;
    // The input of a call is in memory anyhow.
    this.#sent = new SentBody(request.call === undefined ? undefined : never);
    if (request.bodyLength === 0) this.#sent.ended = [];
  }

  get bytes(): number {
    return this.#sent.bytes;
  }

  get hasEnded(): boolean {
    return this.#sent.ended !== undefined;
  }

  /** As far as it is known; at least as long as what has come. */
  get length(): number {
    return this.#request.bodyLength ?? this.#sent.bytes;
  }

  get isReplayable(): boolean {
    return this.#sent.isReplayable;
  }

  /** When it counts as given up by its sender. */
  get dueMs(): number {
    if (this.hasEnded || this.#isPaused || !this.#isOpened || this.#isUpgrade) return never;
    return this.#lastMs + gatewayLimits.bodySilenceMs;
  }

  /** For how long to wait for it; undefined: not at all. Who has not said how long it is may want an answer to a part of it. */
  get gatherMs(): number | undefined {
    if (this.hasEnded || this.#request.call !== undefined || this.#isUpgrade) return undefined;
    const { gather } = gatewayLimits;
    return this.#request.bodyLength === undefined ? gather.unknownMs : gather.ms;
  }

  get #isUpgrade(): boolean {
    return this.#request.upgrade !== undefined;
  }

  /** It is read though nobody is to have it yet: else nobody would hear that its client has gone. */
  listen(nowMs: number): void {
    this.#read(nowMs);
  }

  gather(nowMs: number): void {
    this.#isGathering = true;
    this.#read(nowMs);
  }

  /** It is asked for no more until it is sent somewhere; what has come is kept. */
  gathered(): void {
    this.#leaveRoom();
    if (!this.hasEnded) this.pause();
  }

  /** To an instance, from the beginning. */
  send(exchange: CallerExchange, nowMs: number): void {
    this.#lastMs = nowMs;
    const hasRoom = this.#sent.replay(exchange);
    if (this.hasEnded) return;
    if (hasRoom) this.#read(nowMs);
    else this.pause();
  }

  /** A part has come. "gathered": there is enough of it, or no room for more. */
  take(bytes: Buffer, exchange: CallerExchange | undefined, nowMs: number): "fine" | "gathered" {
    this.#lastMs = nowMs;
    this.#sent.take(bytes, exchange !== undefined);
    if (!this.#isGathering) return "fine";
    if (!this.#room.take(bytes.length)) return "gathered";
    this.#roomBytes += bytes.length;
    return this.#sent.bytes >= gatewayLimits.gather.bytes ? "gathered" : "fine";
  }

  end(trailers: HeaderList, exchange: CallerExchange | undefined): void {
    this.#sent.ended = trailers;
    exchange?.end(trailers);
  }

  pause(): void {
    if (this.#isPaused || !this.#isOpened) return;
    this.#isPaused = true;
    this.#request.pauseBody();
  }

  resume(nowMs: number): void {
    if (!this.#isPaused || this.hasEnded) return;
    this.#isPaused = false;
    this.#lastMs = nowMs;
    this.#request.resumeBody();
  }

  /** Nothing is sent elsewhere any more. */
  forget(): void {
    this.#leaveRoom();
    this.#sent.forget();
  }

  #leaveRoom(): void {
    this.#isGathering = false;
    this.#room.give(this.#roomBytes);
    this.#roomBytes = 0;
  }

  #read(nowMs: number): void {
    if (this.#isOpened) return this.resume(nowMs);
    this.#isOpened = true;
    this.#lastMs = nowMs;
    this.#request.openBody();
  }
}
