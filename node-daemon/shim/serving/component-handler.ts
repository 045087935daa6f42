/** `handler: wasi-http`: components that export `wasi:http/incoming-handler` of WASI 0.2. */
import { httpContext } from "../../wasi/preview2/http-context.ts";
import { IncomingRequest } from "../../wasi/preview2/http-incoming.ts";
import { ResponseOutparam } from "../../wasi/preview2/http-outparam.ts";
import type { Needs } from "../budget.ts";
import { componentMemoryMin, componentNeeds } from "../component-needs.ts";
import type { LoadedComponent } from "../module-store.ts";
import { noHandler } from "../refusal.ts";
import { ComponentExchange } from "./component-exchange.ts";
import { ComponentServant } from "./component-servant.ts";
import type { Handler, HandlerParts, Servant, Served, ServantEvents, ServedRequest } from "./handler.ts";

export class ComponentHandler implements Handler {
  readonly #parts: HandlerParts;
  readonly #loaded: LoadedComponent;
  readonly #handler: string;
  /** It was found that an instance of it answers one request only, as those do that listen for a FetchEvent. */
  #once = false;

  constructor(parts: HandlerParts, loaded: LoadedComponent) {
    const { handler } = loaded.facts;
    if (handler === undefined) throw noHandler(loaded.facts);
    this.#handler = handler;
    this.#parts = parts;
    this.#loaded = loaded;
  }

  get needs(): Needs {
    return componentNeeds(this.#loaded.facts, this.#parts.spec);
  }

  get memoryBytesMin(): number {
    return componentMemoryMin(this.#loaded.facts);
  }

  get requestsPerServant(): number {
    return this.#once ? 1 : this.#parts.serving.requestsPerInstance;
  }

  servant(events: ServantEvents): Servant {
    return new HttpServant(this.#parts, this.#loaded, this.#handler, events, () => (this.#once = true));
  }
}

type Handle = ((...args: unknown[]) => unknown) | undefined;

class HttpServant extends ComponentServant {
  readonly #handler: string;
  readonly #onlyOnce: () => void;
  #answered = 0;
  #handle: Handle;
  #exchange: ComponentExchange | undefined;

  constructor(
    parts: HandlerParts,
    loaded: LoadedComponent,
    handler: string,
    events: ServantEvents,
    onlyOnce: () => void,
  ) {
    super(parts, loaded, events);
    this.#handler = handler;
    this.#onlyOnce = onlyOnce;
  }

  protected async answer(request: ServedRequest): Promise<Served> {
    const { guest } = this;
    this.limitMemory(request.memoryBytesMax);
    guest.allowFuel(request.fuelMax);
    this.#handle ??= (await this.instantiate())?.[this.#handler]?.["handle"];
    if (guest.killed) return this.failure();
    const exchange = new ComponentExchange(request);
    this.#exchange = exchange;
    const context = httpContext(this.host);
    const answer = new ResponseOutparam(context, exchange);
    const outcome = await guest.call(this.#handle, [new IncomingRequest(context, exchange), answer]);
    if (outcome.kind === "ended") {
      await guest.end();
      return this.failure();
    }
    answer.returned();
    const served = await exchange.over;
    this.#exchange = undefined;
    if (guest.killed) return this.failure();
    if (served.kind === "failed" && !request.answer.began && this.#answered === 1) {
      this.#onlyOnce();
      return {
        ...served,
        message: `${served.message}: its instances may answer one request only; from now on each has a fresh one`,
      };
    }
    this.#answered++;
    return this.isWorn && served.reusable ? { ...served, reusable: false } : served;
  }

  override kill(): void {
    super.kill();
    this.#exchange?.stop();
  }
}
