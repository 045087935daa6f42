/** Test support: somebody who sends requests to a shim, as a gateway does. */
import { systemClock } from "../../../kit/clock.ts";
import { silentLog } from "../../../kit/log.ts";
import { systemRandom } from "../../../kit/random.ts";
import type {
  AnswerListener,
  CallerExchange,
  ExchangeEnd,
  ExchangeFault,
  RequestHead,
  ResponseHead,
} from "../../link/exchange.ts";
import { dialShim } from "../../link/shim-requests.ts";
import { requestHead } from "../../shim/serving/fake-exchange.ts";

export type CallEnd = { readonly kind: "answered"; readonly end: ExchangeEnd } | ExchangeFault;

/** One request on its way, and what came back so far. */
export class Call implements AnswerListener {
  response: ResponseHead | undefined;
  readonly pieces: Buffer[] = [];
  exchange: CallerExchange | undefined;
  readonly #over = Promise.withResolvers<CallEnd>();
  #waiting: (() => void)[] = [];

  get ended(): Promise<CallEnd> {
    return this.#over.promise;
  }

  get text(): string {
    return Buffer.concat(this.pieces).toString("latin1");
  }

  /** Resolves once the condition holds, which is looked at whenever something has come. */
  until(holds: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = () => {
        if (holds()) resolve();
        else this.#waiting.push(look);
      };
      look();
    });
  }

  head(head: ResponseHead): void {
    this.response = head;
    this.#came();
  }

  data(bytes: Buffer): void {
    this.pieces.push(Buffer.from(bytes));
    this.exchange?.consumed(bytes.byteLength);
    this.#came();
  }

  end(end: ExchangeEnd): void {
    this.#over.resolve({ kind: "answered", end });
    this.#came();
  }

  fault(fault: ExchangeFault): void {
    this.#over.resolve(fault);
    this.#came();
  }

  drain(): void {
    this.#came();
  }

  #came(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const look of waiting) look();
  }
}

export class Caller {
  readonly #client: ReturnType<typeof dialShim>;

  constructor(folder: string) {
    this.#client = dialShim(folder, { clock: systemClock, log: silentLog, random: systemRandom });
  }

  /** Its body is to be sent, unless `bodyLength` is 0, as it is if nothing else is said. */
  open(uid: string, head: Partial<RequestHead> = {}): Call {
    const call = new Call();
    const whole = requestHead({ target: { kind: "instance", uid }, ...head });
    call.exchange = this.#client.open(whole, call);
    if (whole.bodyLength === 0) call.exchange.end([]);
    return call;
  }

  async ask(uid: string, head: Partial<RequestHead> = {}, body?: string): Promise<Call> {
    const call = this.open(uid, body === undefined ? head : { bodyLength: Buffer.byteLength(body), ...head });
    if (body !== undefined) {
      call.exchange?.write(Buffer.from(body));
      call.exchange?.end([]);
    }
    await call.ended;
    return call;
  }

  close(): void {
    this.#client.close();
  }
}
