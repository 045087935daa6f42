import type { Duplex } from "node:stream";
import { Bug } from "../../kit/errors.ts";
import type { AnswerListener, CallerExchange, RequestHead } from "./exchange.ts";
import { frameType, headLengthBytes, LinkViolation, upgradeFlag } from "./frame.ts";
import { putWord } from "./frame-writer.ts";
import { frameLimits, upgradeVersion } from "./limits.ts";
import {
  type Greeting,
  LinkConnection,
  type LinkEnd,
  type LinkOptions,
  type LinkSide,
} from "./link-connection.ts";
import { OutgoingBody } from "./outgoing-body.ts";
import { CallerStream } from "./caller-stream.ts";
import { SendWindow } from "./windows.ts";
import { StreamTable } from "./stream-table.ts";

export interface CallerEvents {
  /** The other end has said hello: exchanges may be opened. */
  ready(): void;
  /** It takes no new ones. Those under way go on, then the connection ends. */
  leaving(): void;
  over(end: LinkEnd): void;
}

const streamMax = 0xff_ff_ff_ff;

/** The calling side of a connection. */
export class LinkCaller {
  readonly #connection: LinkConnection;
  readonly #events: CallerEvents;
  readonly #exchanges = new StreamTable<CallerStream>();
  /** Those that have more to send than they may. */
  readonly #waiting = new Set<CallerStream>();
  #lastStream = 0;
  #greeting: Greeting | undefined;
  #leaving = false;
  #closing = false;

  constructor(duplex: Duplex, events: CallerEvents, options: LinkOptions) {
    this.#events = events;
    const side: LinkSide = {
      role: "caller",
      greeted: (greeting) => {
        this.#greeting = greeting;
        events.ready();
      },
      take: (type, flags, stream, bytes, start, end) => this.#take(type, flags, stream, bytes, start, end),
      giveUp: (stream) => this.#exchanges.get(stream)?.cancel(),
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

  /** Whether another exchange may be opened now. */
  get accepts(): boolean {
    return (
      this.#greeting !== undefined &&
      !this.#leaving &&
      !this.#closing &&
      this.#connection.state === "open" &&
      this.#exchanges.size < Math.min(this.#greeting.exchangesMax, this.#connection.limits.exchangesMax) &&
      this.#lastStream < streamMax &&
      !this.#connection.backlogged
    );
  }

  /** Whether the other end knows what an upgrade is. */
  get carriesUpgrades(): boolean {
    return this.#greeting !== undefined && this.#greeting.version >= upgradeVersion;
  }

  /**
   * Begins an exchange. Only while `accepts`, and upgrades only where it `carriesUpgrades`. Undefined when the head is larger than a link carries. The listener hears nothing
   * before this has returned.
   */
  open(head: RequestHead, listener: AnswerListener): CallerExchange | undefined {
    const greeting = this.#greeting;
    if (!greeting || !this.accepts) throw new Bug("an exchange on a link that takes none");
    const isUpgrade = head.upgrade !== undefined;
    if (isUpgrade && !this.carriesUpgrades) throw new Bug("an upgrade on a link that carries none");
    if (head.headers.length % 2 !== 0) throw new Bug("a header without a value");
    const { encoder, writer } = this.#connection;
    const headBytes = encoder.measureRequest(head);
    if (headBytes > frameLimits.headBytesMax || encoder.tooManyStrings) return undefined;
    const id = ++this.#lastStream;
    const at = writer.begin(frameType.request, isUpgrade ? upgradeFlag : 0, id, headLengthBytes + headBytes);
    putWord(writer.slab, at, headBytes);
    encoder.writeRequest(head, writer.slab, at + headLengthBytes);
    writer.keepOpen(id, at, 0);
    const body = new OutgoingBody(writer, encoder, id, new SendWindow(greeting.windowBytes));
    const stream = new CallerStream(
      id,
      this.#connection,
      body,
      listener,
      isUpgrade,
      this.#waiting,
      this.#forget,
    );
    this.#exchanges.add(stream);
    return stream;
  }

  /** Gives the system what was said in this turn. */
  flush(): void {
    this.#connection.writer.flush();
  }

  /** Takes no more; ends with the last exchange. */
  close(): void {
    this.#closing = true;
    this.#endIfIdle();
  }

  destroy(message: string): void {
    this.#connection.destroy({ reason: "lost", message });
  }

  #take(type: number, flags: number, id: number, bytes: Buffer, start: number, end: number): void {
    if (type === frameType.goaway) {
      this.#goAway(id);
      return;
    }
    const stream = this.#exchanges.get(id);
    if (stream) stream.take(type, flags, bytes, start, end);
    else if (id === 0 || id > this.#lastStream) throw new LinkViolation(`exchange ${id} was not begun`);
    else this.#connection.late();
  }

  /** What the callee has not taken, it has not seen. */
  #goAway(last: number): void {
    if (last > this.#lastStream) throw new LinkViolation(`exchange ${last} was not begun`);
    if (this.#leaving) throw new LinkViolation("a second goaway");
    this.#leaving = true;
    for (const stream of this.#exchanges.values()) {
      if (stream.id > last) stream.refuse("draining", "the other end takes no more requests");
    }
    this.#events.leaving();
    this.#endIfIdle();
  }

  readonly #forget = (stream: CallerStream): void => {
    this.#exchanges.delete(stream.id);
    this.#endIfIdle();
  };

  #endIfIdle(): void {
    if ((this.#leaving || this.#closing) && this.#exchanges.size === 0) this.#connection.finish("as agreed");
  }

  #over(end: LinkEnd): void {
    const { writes } = this.#connection.writer;
    for (const stream of this.#exchanges.values()) {
      // What never left this process was begun by nobody, unless somebody says that it has: who knows what that is. Of all else
      // nobody knows.
      if (stream.openedAt === writes && !stream.isAnswered) stream.refuse("broken", end.message);
      else {
        const reason = end.reason === "protocol" ? "protocol" : "lost";
        stream.fail({ kind: "failed", reason, message: end.message });
      }
    }
    this.#events.over(end);
  }
}
