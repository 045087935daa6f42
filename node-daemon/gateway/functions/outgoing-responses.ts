import { constants, type ServerHttp2Stream } from "node:http2";
import type { Clock, Timer } from "../../../kit/clock.ts";
import { gatewayLimits } from "../limits.ts";
import type { ByteBudget } from "../core/byte-budget.ts";

/**
 * Responses of one stream on their way to its client: those of one turn leave in one write, and their outputs count until the client has
 * taken them. Who takes nothing for too long is cut off, as the room is everybody's.
 */
export class OutgoingResponses {
  readonly #stream: ServerHttp2Stream;
  readonly #outputs: ByteBudget;
  readonly #clock: Clock;
  #chunks: Uint8Array[] = [];
  /** Of outputs: in what waits to be written, and in all that the client has not taken. */
  #waitingBytes = 0;
  #heldBytes = 0;
  #writes = 0;
  #unread: Timer | undefined;
  #isClosed = false;

  constructor(stream: ServerHttp2Stream, outputs: ByteBudget, clock: Clock) {
    this.#stream = stream;
    this.#outputs = outputs;
    this.#clock = clock;
    stream.once("close", () => {
      this.#isClosed = true;
      this.#unread?.cancel();
      outputs.give(this.#heldBytes);
    });
  }

  /** `outputBytes`: taken from the budget for it. */
  add(chunks: readonly Uint8Array[], outputBytes: number): void {
    if (this.#isClosed) {
      this.#outputs.give(outputBytes);
      return;
    }
    this.#chunks.push(...chunks);
    this.#waitingBytes += outputBytes;
    this.#heldBytes += outputBytes;
  }

  flush(): void {
    if (this.#chunks.length === 0) return;
    const chunks = this.#chunks;
    const outputBytes = this.#waitingBytes;
    this.#chunks = [];
    this.#waitingBytes = 0;
    this.#writes++;
    this.#watch();
    this.#stream.write(Buffer.concat(chunks), () => this.#taken(outputBytes));
  }

  #taken(outputBytes: number): void {
    if (this.#isClosed) return;
    this.#writes--;
    this.#heldBytes -= outputBytes;
    this.#outputs.give(outputBytes);
    this.#unread?.cancel();
    this.#unread = undefined;
    if (this.#writes > 0) this.#watch();
  }

  #watch(): void {
    this.#unread ??= this.#clock.setTimer(gatewayLimits.unreadMs, () =>
      this.#stream.close(constants.NGHTTP2_CANCEL),
    );
  }
}
