import { Bug } from "../../kit/errors.ts";
import type { AnswerListener, CallerExchange, ExchangeFault, HeaderList } from "./exchange.ts";
import { frameType, headLength, headLengthBytes, lastFlag, LinkViolation } from "./frame.ts";
import { isAnswerStatus, readAnswer, readEnd, readFault } from "./head-codec.ts";
import { type LinkConnection, pieceOf } from "./link-connection.ts";
import type { OutgoingBody } from "./outgoing-body.ts";
import { ReceiveWindow } from "./windows.ts";

const trailersTooLarge: ExchangeFault = {
  kind: "failed",
  reason: "tooLarge",
  message: "the trailers of the request are larger than what is passed on",
};
/** It would be sent elsewhere, and answered twice. */
const afterAnswer = "a refusal after an answer";
const noEnd = { trailers: [] } as const;

/** One exchange at its caller. */
export class CallerStream implements CallerExchange {
  readonly id: number;
  /** How many writes came before its head. */
  readonly openedAt: number;
  readonly #connection: LinkConnection;
  readonly #body: OutgoingBody;
  readonly #window: ReceiveWindow;
  readonly #listener: AnswerListener;
  readonly #isUpgrade: boolean;
  readonly #waiting: Set<CallerStream>;
  readonly #forget: (stream: CallerStream) => void;
  #answered = false;
  #over = false;

  constructor(
    id: number,
    connection: LinkConnection,
    body: OutgoingBody,
    listener: AnswerListener,
    isUpgrade: boolean,
    waiting: Set<CallerStream>,
    forget: (stream: CallerStream) => void,
  ) {
    this.id = id;
    this.openedAt = connection.writer.writes;
    this.#connection = connection;
    this.#body = body;
    this.#window = new ReceiveWindow(connection.limits, connection.growth);
    this.#listener = listener;
    this.#isUpgrade = isUpgrade;
    this.#waiting = waiting;
    this.#forget = forget;
  }

  get isAnswered(): boolean {
    return this.#answered;
  }

  write(bytes: Uint8Array): boolean {
    if (this.#over) return true;
    if (this.#body.ended) throw new Bug("more of a request's body after its end");
    const all = this.#body.write(bytes);
    if (!all) this.#waiting.add(this);
    return all;
  }

  end(trailers: HeaderList): void {
    if (this.#over || this.#body.ended) return;
    if (this.#body.finish(trailers.length === 0 ? noEnd : { trailers })) return;
    this.cancel();
    queueMicrotask(() => this.#listener.fault(trailersTooLarge));
  }

  consumed(bytes: number): void {
    if (this.#over) return;
    const credit = this.#window.consume(bytes);
    if (credit > 0) this.#connection.writer.credit(this.id, credit);
  }

  cancel(): void {
    if (this.#over) return;
    this.#connection.writer.signal(frameType.cancel, this.id);
    this.#connection.expectLate();
    this.#close();
  }

  pump(): void {
    const { waiting } = this.#body;
    this.#body.pump();
    if (!waiting || this.#body.waiting) return;
    this.#waiting.delete(this);
    if (!this.#body.ended) this.#listener.drain();
  }

  /** Nobody has begun it. */
  refuse(reason: "draining" | "broken", message: string): void {
    if (this.#answered) throw new LinkViolation(afterAnswer);
    this.fail({ kind: "refused", reason, message, retryAfterMs: 0 });
  }

  fail(fault: ExchangeFault): void {
    if (this.#over) return;
    this.#close();
    this.#listener.fault(fault);
  }

  take(type: number, flags: number, bytes: Buffer, start: number, end: number): void {
    switch (type) {
      case frameType.answer:
        this.#takeAnswer(flags, bytes, start, end);
        return;
      case frameType.data:
        if (!this.#answered) throw new LinkViolation("a body before its head");
        if (start === end && (flags & lastFlag) === 0) throw new LinkViolation("a piece of nothing");
        this.#takePiece(flags, bytes, start, end);
        return;
      case frameType.end: {
        if (!this.#answered) throw new LinkViolation("an end before its head");
        const said = readEnd(bytes, start, end);
        this.#close();
        this.#listener.end(said);
        return;
      }
      case frameType.credit:
        if (end - start !== 4) throw new LinkViolation("a credit of nothing");
        this.#body.grant(bytes.readUInt32LE(start));
        this.pump();
        return;
      case frameType.fault: {
        const fault = readFault(bytes, start, end);
        if (fault.kind === "refused" && this.#answered) throw new LinkViolation(afterAnswer);
        this.fail(fault);
        return;
      }
      default:
        throw new LinkViolation(`a frame of type ${type} from a callee`);
    }
  }

  #takeAnswer(flags: number, bytes: Buffer, start: number, end: number): void {
    if (this.#answered) throw new LinkViolation("a second answer");
    this.#answered = true;
    const headAt = start + headLengthBytes;
    const bodyAt = headAt + headLength(bytes, start, end);
    const head = readAnswer(bytes, headAt, bodyAt);
    if (!isAnswerStatus(head.status, this.#isUpgrade))
      throw new LinkViolation(`an answer of status ${head.status}`);
    this.#listener.head(head);
    this.#takePiece(flags, bytes, bodyAt, end);
  }

  #takePiece(flags: number, bytes: Buffer, start: number, end: number): void {
    if (end > start) {
      // Also of what was cancelled just now: it has come within the window or not.
      this.#window.receive(end - start);
      if (!this.#over) this.#listener.data(pieceOf(bytes, start, end));
    }
    if ((flags & lastFlag) === 0 || this.#over) return;
    this.#close();
    this.#listener.end(noEnd);
  }

  #close(): void {
    this.#over = true;
    this.#window.close();
    this.#waiting.delete(this);
    this.#forget(this);
  }
}
