import { Bug } from "../../kit/errors.ts";
import type {
  CalleeExchange,
  ExchangeEnd,
  ExchangeFault,
  HeaderList,
  RequestHead,
  RequestListener,
  ResponseHead,
} from "./exchange.ts";
import { frameType, headLengthBytes, lastFlag, LinkViolation } from "./frame.ts";
import { putWord } from "./frame-writer.ts";
import { isAnswerStatus, readEnd } from "./head-codec.ts";
import { frameLimits } from "./limits.ts";
import { type LinkConnection, pieceOf } from "./link-connection.ts";
import type { OutgoingBody } from "./outgoing-body.ts";
import { ReceiveWindow } from "./windows.ts";

const noHeaders: HeaderList = [];

/** One exchange at its callee. */
export class CalleeStream implements CalleeExchange {
  readonly id: number;
  readonly head: RequestHead;
  readonly #connection: LinkConnection;
  readonly #body: OutgoingBody;
  readonly #window: ReceiveWindow;
  readonly #waiting: Set<CalleeStream>;
  readonly #forget: (stream: CalleeStream) => void;
  #listener: RequestListener | undefined;
  /** What came before anybody listened. */
  #early: Buffer[] = [];
  /** With the end of the request. */
  #trailers: HeaderList | undefined;
  #answered = false;
  #over = false;

  constructor(
    id: number,
    head: RequestHead,
    connection: LinkConnection,
    body: OutgoingBody,
    waiting: Set<CalleeStream>,
    forget: (stream: CalleeStream) => void,
  ) {
    this.id = id;
    this.head = head;
    this.#connection = connection;
    this.#body = body;
    this.#window = new ReceiveWindow(connection.limits, connection.growth);
    this.#waiting = waiting;
    this.#forget = forget;
  }

  listen(listener: RequestListener): void {
    if (this.#listener) throw new Bug("a second listener of one request");
    this.#listener = listener;
    const early = this.#early;
    this.#early = [];
    for (const piece of early) if (!this.#over) listener.data(piece);
    if (this.#trailers && !this.#over) listener.end(this.#trailers);
  }

  consumed(bytes: number): void {
    if (this.#over || this.#trailers) return;
    const credit = this.#window.consume(bytes);
    if (credit > 0) this.#connection.writer.credit(this.id, credit);
  }

  respond(head: ResponseHead): void {
    if (this.#over) return;
    if (this.#answered) throw new Bug("a second answer to one request");
    const { encoder, writer } = this.#connection;
    const headBytes = encoder.measureAnswer(head);
    if (headBytes > frameLimits.headBytesMax || encoder.tooManyStrings) {
      this.#invalid(
        `the head of the answer has ${headBytes} bytes; ${frameLimits.headBytesMax} are the most`,
      );
      return;
    }
    if (!isAnswerStatus(head.status, this.head.upgrade !== undefined)) {
      this.#invalid(`the answer has status ${head.status}, which is none for this request`);
      return;
    }
    if (head.headers.length % 2 !== 0) throw new Bug("a header without a value");
    this.#answered = true;
    const at = writer.begin(frameType.answer, 0, this.id, headLengthBytes + headBytes);
    putWord(writer.slab, at, headBytes);
    encoder.writeAnswer(head, writer.slab, at + headLengthBytes);
    writer.keepOpen(this.id, at, 0);
  }

  write(bytes: Uint8Array): boolean {
    if (this.#over) return true;
    if (!this.#answered || this.#body.ended) throw new Bug("a body before its head or after its end");
    const all = this.#body.write(bytes);
    if (!all) this.#waiting.add(this);
    return all;
  }

  end(end: ExchangeEnd): void {
    if (this.#over) return;
    if (!this.#answered || this.#body.ended) throw new Bug("an end before its head or after its end");
    if (!this.#body.finish(end))
      this.#invalid("the trailers of the answer are larger than what is passed on");
    else if (this.#body.sent) this.#close();
  }

  fault(fault: ExchangeFault): void {
    if (this.#over) return;
    if (fault.kind === "refused" && this.#answered) throw new Bug("a refusal after the answer has begun");
    // Whoever has cancelled knows it.
    if (fault.kind !== "cancelled") {
      const { encoder, writer } = this.#connection;
      const at = writer.begin(frameType.fault, 0, this.id, encoder.measureFault(fault));
      encoder.writeFault(fault, writer.slab, at);
    }
    this.#close();
  }

  pump(): void {
    const { waiting } = this.#body;
    this.#body.pump();
    if (!waiting || this.#body.waiting) return;
    this.#waiting.delete(this);
    if (this.#body.sent) this.#close();
    else this.#listener?.drain();
  }

  /** The caller has gone, or wants no answer any more. */
  cancelled(): void {
    if (this.#over) return;
    const toTell = !this.#body.ended;
    this.#close();
    if (toTell) this.#listener?.cancelled();
  }

  take(type: number, flags: number, bytes: Buffer, start: number, end: number): void {
    switch (type) {
      case frameType.data:
        if (start === end && (flags & lastFlag) === 0) throw new LinkViolation("a piece of nothing");
        this.takePiece(flags, bytes, start, end);
        return;
      case frameType.end:
        this.#takeEnd(readEnd(bytes, start, end).trailers);
        return;
      case frameType.credit:
        if (end - start !== 4) throw new LinkViolation("a credit of nothing");
        this.#body.grant(bytes.readUInt32LE(start));
        this.pump();
        return;
      case frameType.cancel:
        this.cancelled();
        return;
      default:
        throw new LinkViolation(`a frame of type ${type} from a caller`);
    }
  }

  takePiece(flags: number, bytes: Buffer, start: number, end: number): void {
    if (end > start) {
      if (this.#trailers) throw new LinkViolation("more of a request after its end");
      this.#window.receive(end - start);
      this.#keepOrTell(bytes, start, end);
    }
    if ((flags & lastFlag) !== 0) this.#takeEnd(noHeaders);
  }

  #keepOrTell(bytes: Buffer, start: number, end: number): void {
    // Whoever has said everything wants nothing any more.
    if (this.#over || this.#body.ended) return;
    const piece = pieceOf(bytes, start, end);
    if (this.#listener) this.#listener.data(piece);
    else this.#early.push(piece);
  }

  #takeEnd(trailers: HeaderList): void {
    if (this.#trailers) throw new LinkViolation("a second end of a request");
    this.#trailers = trailers;
    if (!this.#over && !this.#body.ended) this.#listener?.end(trailers);
  }

  #invalid(message: string): void {
    this.fault({ kind: "failed", reason: "invalid", message });
  }

  #close(): void {
    this.#over = true;
    this.#early = [];
    this.#window.close();
    this.#waiting.delete(this);
    this.#forget(this);
  }
}
