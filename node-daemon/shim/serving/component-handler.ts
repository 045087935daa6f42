/** `handler: wasi-http`: components that export `wasi:http/incoming-handler` of WASI 0.2. */
import type { Needs } from "../budget.ts";
import { componentMemoryMin, componentNeeds } from "../component-needs.ts";
import type { LoadedComponent } from "../module-store.ts";
import { noHandler } from "../refusal.ts";
import { ComponentHttpServant, type HttpLife } from "./component-http-servant.ts";
import type { Handler, HandlerParts, Servant, ServantEvents } from "./handler.ts";

export class ComponentHandler implements Handler, HttpLife {
  readonly #parts: HandlerParts;
  readonly #loaded: LoadedComponent;
  readonly #handler: string;
  /** Each counts the requests of its instance by itself. */
  readonly requestsPerServant = Number.POSITIVE_INFINITY;
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

  get requestsPerInstance(): number {
    return this.#once ? 1 : this.#parts.serving.requestsPerInstance;
  }

  onlyOnce(): void {
    this.#once = true;
  }

  servant(events: ServantEvents): Servant {
    return new ComponentHttpServant(this.#parts, this.#loaded, this.#handler, events, this);
  }
}
