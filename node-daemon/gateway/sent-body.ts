/** The body of a request on its way: how much of it there was, and what is kept of it so that it can be sent again. */
import type { CallerExchange, HeaderList } from "../link/exchange.ts";
import { gatewayLimits } from "./limits.ts";

export class SentBody {
  bytes = 0;
  /** Trailers, once it has ended. */
  ended: HeaderList | undefined;
  readonly #keptMax: number;
  #kept: Buffer[] | undefined = [];

  /** `keptMax`: of what has been sent, so many bytes are kept. */
  constructor(keptMax: number = gatewayLimits.replayBytesMax) {
    this.#keptMax = keptMax;
  }

  /** Whether all of it so far is still here. */
  get isReplayable(): boolean {
    return this.#kept !== undefined;
  }

  /** `isSent`: it has gone somewhere, so that it need not be kept when that becomes too much. */
  take(bytes: Buffer, isSent: boolean): void {
    this.bytes += bytes.length;
    if (this.#kept === undefined) return;
    if (isSent && this.bytes > this.#keptMax) this.#kept = undefined;
    else this.#kept.push(bytes);
  }

  /** Once the answer has begun, nothing is sent again. */
  forget(): void {
    this.#kept = undefined;
  }

  /** Sends what is there. False: the exchange takes no more for now. */
  replay(exchange: CallerExchange): boolean {
    let hasRoom = true;
    for (const bytes of this.#kept ?? []) hasRoom = exchange.write(bytes);
    if (this.ended !== undefined) exchange.end(this.ended);
    return hasRoom;
  }
}
