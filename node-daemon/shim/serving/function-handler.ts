import { suspendingFunctionsFor } from "../../wasi/signatures.ts";
import type { Needs } from "../budget.ts";
import { tableElementsMin } from "../footprint.ts";
import { heap, pageBytes } from "../limits.ts";
import type { LoadedModule } from "../module-store.ts";
import { Refusal } from "../refusal.ts";
import { type Allocator, allocatorOf, callableNames, functionsFault } from "./function-exports.ts";
import { FunctionServant } from "./function-servant.ts";
import type { Handler, HandlerParts, Servant, ServantEvents } from "./handler.ts";
import { needsOf } from "./module-needs.ts";

/** A core module whose exported functions are called with bytes and answer with bytes. */
export class FunctionHandler implements Handler {
  readonly #parts: HandlerParts;
  readonly #loaded: LoadedModule;
  readonly #suspending: ReadonlySet<string>;
  readonly #names: ReadonlySet<string>;
  readonly #allocator: Allocator;
  readonly needs: Needs;
  readonly memoryBytesMin: number;
  readonly requestsPerServant: number;

  constructor(parts: HandlerParts, loaded: LoadedModule) {
    const { facts } = loaded;
    const allocator = allocatorOf(facts);
    const fault = functionsFault(facts);
    if (fault !== undefined || allocator === undefined) {
      throw new Refusal("HandlerRefused", `make the functions of the module callable: ${fault}`, false);
    }
    this.#parts = parts;
    this.#loaded = loaded;
    this.#suspending = suspendingFunctionsFor(parts);
    this.#names = new Set(callableNames(facts));
    this.#allocator = allocator;
    this.needs = needsOf(loaded, parts.spec);
    const pages = facts.memories.reduce((sum, { minPages }) => sum + minPages, 0);
    this.memoryBytesMin = pages * pageBytes + tableElementsMin(facts) * heap.perTableElement;
    // What a call leaves behind would make the next one another one.
    this.requestsPerServant = parts.spec.deterministic ? 1 : parts.serving.requestsPerInstance;
  }

  servant(events: ServantEvents): Servant {
    return new FunctionServant(this.#parts, this.#loaded, this.#suspending, {
      events,
      names: this.#names,
      allocator: this.#allocator,
    });
  }
}
