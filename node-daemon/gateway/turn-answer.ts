/**
 * The answer to one request, whatever protocol carries it. Head and first bytes are kept to the end of the turn: what an instance answers
 * in one go is sent in one go, with its length.
 */
import type { HeaderList } from "./core/headers.ts";

export abstract class TurnAnswer {
  /** Waits for the end of the turn. */
  #list: string[] | undefined;
  #status = 0;
  #contentLength: number | undefined;
  #first: Buffer | undefined;

  protected abstract sendHead(status: number, list: string[], contentLength: number | undefined): void;
  /** False: `clientDrained` follows. */
  protected abstract sendBytes(bytes: Buffer): boolean;
  /** Head, body and end. `contentLength` undefined: there is no body, and its length is not known (HEAD). */
  protected abstract sendWhole(
    status: number,
    list: string[],
    contentLength: number | undefined,
    bytes: Buffer | undefined,
  ): void;
  protected abstract sendEnd(trailers: HeaderList): void;
  /** Of ours: the answer cannot be given. Ends the request. */
  protected abstract failed(thrown: unknown): void;
  protected abstract readonly isHead: boolean;

  respond(status: number, list: string[], contentLength: number | undefined): void {
    this.#status = status;
    this.#list = list;
    this.#contentLength = contentLength;
    flushLater(this);
  }

  write(bytes: Buffer): boolean {
    if (this.#list !== undefined) {
      if (this.#first === undefined) {
        this.#first = bytes;
        return true;
      }
      this.flush();
    }
    return this.sendBytes(bytes);
  }

  end(trailers: HeaderList): void {
    try {
      this.#end(trailers);
    } catch (thrown) {
      this.failed(thrown);
    }
  }

  #end(trailers: HeaderList): void {
    const list = this.#list;
    if (list === undefined || trailers.length > 0) {
      this.#flush();
      this.sendEnd(trailers);
      return;
    }
    this.#list = undefined;
    const bytes = this.#first;
    this.#first = undefined;
    const length = this.#contentLength ?? (this.isHead ? undefined : (bytes?.length ?? 0));
    this.sendWhole(this.#status, list, length, bytes);
  }

  /** Nothing of it is sent any more that has not been sent. */
  protected drop(): void {
    this.#list = undefined;
    this.#first = undefined;
  }

  /** The end of the turn in which the head has come. */
  flush(): void {
    try {
      this.#flush();
    } catch (thrown) {
      this.failed(thrown);
    }
  }

  #flush(): void {
    const list = this.#list;
    if (list === undefined) return;
    const bytes = this.#first;
    this.drop();
    this.sendHead(this.#status, list, this.#contentLength);
    if (bytes !== undefined) this.sendBytes(bytes);
  }
}

/** Those whose heads wait for the end of the turn. */
let waiting: TurnAnswer[] = [];

function flushLater(answer: TurnAnswer): void {
  if (waiting.push(answer) === 1) queueMicrotask(flushAll);
}

function flushAll(): void {
  const all = waiting;
  waiting = [];
  for (const answer of all) answer.flush();
}
