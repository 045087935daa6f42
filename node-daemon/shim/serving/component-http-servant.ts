import { httpContext } from "../../wasi/preview2/http-context.ts";
import { IncomingRequest } from "../../wasi/preview2/http-incoming.ts";
import { ResponseOutparam } from "../../wasi/preview2/http-outparam.ts";
import type { LoadedComponent } from "../module-store.ts";
import { ComponentExchange } from "./component-exchange.ts";
import type { ComponentInstance } from "./component-instance.ts";
import { ComponentServant, type InstanceLife } from "./component-servant.ts";
import type { HandlerParts, Served, ServedRequest, ServantEvents } from "./handler.ts";

export interface HttpLife extends InstanceLife {
  /** It was found that an instance answers one request only. */
  onlyOnce(): void;
}

/** Answers requests of HTTP, by the export `handle` of an interface. */
export class ComponentHttpServant extends ComponentServant {
  readonly #handler: string;
  readonly #life: HttpLife;
  #exchange: ComponentExchange | undefined;

  constructor(
    parts: HandlerParts,
    loaded: LoadedComponent,
    handler: string,
    events: ServantEvents,
    life: HttpLife,
  ) {
    super(parts, loaded, events, life);
    this.#handler = handler;
    this.#life = life;
  }

  protected async answer(instance: ComponentInstance, request: ServedRequest): Promise<Served> {
    const { guest } = instance;
    this.limitMemory(request.memoryBytesMax);
    guest.allowFuel(request.fuelMax);
    const exports = await this.exportsOf(instance);
    if (guest.killed) return this.failure(guest);
    const exchange = new ComponentExchange(request);
    this.#exchange = exchange;
    const context = httpContext(instance.host);
    const answer = new ResponseOutparam(context, exchange);
    const handle = exports?.[this.#handler]?.["handle"];
    const outcome = await guest.call(handle, [new IncomingRequest(context, exchange), answer]);
    if (outcome.kind === "ended") {
      await guest.end();
      return this.failure(guest);
    }
    answer.returned();
    const served = await exchange.over;
    this.#exchange = undefined;
    if (guest.killed) return this.failure(guest);
    if (served.kind === "failed" && !request.answer.began && instance.answered === 1) {
      this.#life.onlyOnce();
      return {
        ...served,
        message: `${served.message}: its instances may answer one request only; from now on each has a fresh one`,
      };
    }
    return served;
  }

  override kill(): void {
    super.kill();
    this.#exchange?.stop();
  }
}
