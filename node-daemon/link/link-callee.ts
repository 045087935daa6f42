import type { Duplex } from "node:stream";
import type { Timer } from "../../kit/clock.ts";
import type { CalleeExchange, RequestHead } from "./exchange.ts";
import { frameType, headLength, headLengthBytes, LinkViolation, upgradeFlag } from "./frame.ts";
import { readRequest } from "./head-codec.ts";
import { LinkConnection, type LinkEnd, type LinkOptions, type LinkSide } from "./link-connection.ts";
import { OutgoingBody } from "./outgoing-body.ts";
import { CalleeStream } from "./callee-stream.ts";
import { SendWindow } from "./windows.ts";
import { StreamTable } from "./stream-table.ts";

export interface CalleeEvents {
  /** A request. It is either listened to or ended at once. */
  request(exchange: CalleeExchange): void;
  over(end: LinkEnd): void;
}

/** The answering side of a connection. */
export class LinkCallee {
  readonly #connection: LinkConnection;
  readonly #events: CalleeEvents;
  readonly #exchanges = new StreamTable<CalleeStream>();
  /** Those that have more to send than they may. */
  readonly #waiting = new Set<CalleeStream>();
  /** The last that was taken, and the last that was seen. */
  #lastStream = 0;
  #lastSeen = 0;
  #windowBytes = 0;
  readonly #options: LinkOptions;
  #leaving = false;
  #leaveTimer: Timer | undefined;

  constructor(duplex: Duplex, events: CalleeEvents, options: LinkOptions) {
    this.#events = events;
    this.#options = options;
    const side: LinkSide = {
      role: "callee",
      greeted: ({ windowBytes }) => (this.#windowBytes = windowBytes),
      take: (type, flags, stream, bytes, start, end) => this.#take(type, flags, stream, bytes, start, end),
      giveUp: (stream) =>
        this.#exchanges
          .get(stream)
          ?.fault({ kind: "failed", reason: "stopped", message: "a fault of the host" }),
      drained: () => {
        for (const stream of this.#waiting) stream.pump();
      },
      over: (end) => this.#over(end),
    };
    this.#connection = new LinkConnection(duplex, side, options);
  }

  /** Exchanges under way. */
  get count(): number {
    return this.#exchanges.size;
  }

  /** Gives the system what was said in this turn. */
  flush(): void {
    this.#connection.writer.flush();
  }

  /** Takes no more requests, finishes those it has, as far as they end in time, and ends. */
  leave(): void {
    if (this.#leaving || this.#connection.state === "over") return;
    this.#leaving = true;
    this.#connection.writer.signal(frameType.goaway, this.#lastStream);
    const { clock, limits } = this.#options;
    this.#leaveTimer = clock.setTimer(limits.leaveMsMax, () => this.destroy("it has left long ago"));
    this.#endIfIdle();
  }

  destroy(message: string): void {
    this.#connection.destroy({ reason: "lost", message });
  }

  #take(type: number, flags: number, id: number, bytes: Buffer, start: number, end: number): void {
    if (type === frameType.request) {
      this.#begin(flags, id, bytes, start, end);
      return;
    }
    const stream = this.#exchanges.get(id);
    if (stream) stream.take(type, flags, bytes, start, end);
    else if (id === 0 || id > this.#lastSeen) throw new LinkViolation(`exchange ${id} was not begun`);
    else this.#connection.late();
  }

  #begin(flags: number, id: number, bytes: Buffer, start: number, end: number): void {
    if (id <= this.#lastSeen) throw new LinkViolation(`exchange ${id} after ${this.#lastSeen}`);
    this.#lastSeen = id;
    if (this.#leaving) {
      // The caller knows from our goaway, or will, that nobody has begun it.
      this.#connection.expectLate();
      return;
    }
    if (this.#exchanges.size >= this.#connection.limits.exchangesMax) {
      throw new LinkViolation(`more than ${this.#exchanges.size} exchanges at once`);
    }
    this.#lastStream = id;
    const headAt = start + headLengthBytes;
    const bodyAt = headAt + headLength(bytes, start, end);
    const said = readRequest(bytes, headAt, bodyAt);
    const head: RequestHead = (flags & upgradeFlag) === 0 ? said : { ...said, upgrade: "websocket" };
    const { writer, encoder } = this.#connection;
    const body = new OutgoingBody(writer, encoder, id, new SendWindow(this.#windowBytes));
    const stream = new CalleeStream(id, head, this.#connection, body, this.#waiting, this.#forget);
    this.#exchanges.add(stream);
    stream.takePiece(flags, bytes, bodyAt, end);
    this.#events.request(stream);
  }

  readonly #forget = (stream: CalleeStream): void => {
    this.#exchanges.delete(stream.id);
    this.#connection.expectLate();
    this.#endIfIdle();
  };

  #endIfIdle(): void {
    if (this.#leaving && this.#exchanges.size === 0) this.#connection.finish("as agreed");
  }

  #over(end: LinkEnd): void {
    this.#leaveTimer?.cancel();
    for (const stream of this.#exchanges.values()) stream.cancelled();
    this.#events.over(end);
  }
}
