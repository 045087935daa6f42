import { suspendingFunctionsFor } from "../../wasi/signatures.ts";
import type { Needs } from "../budget.ts";
import { componentMemoryMin, componentNeeds } from "../component-needs.ts";
import { tableElementsMin } from "../footprint.ts";
import { heap, pageBytes } from "../limits.ts";
import type { Loaded, LoadedComponent, LoadedModule } from "../module-store.ts";
import { noFunctions, Refusal } from "../refusal.ts";
import { ComponentFunctionServant } from "./component-function-servant.ts";
import { ComponentFunctions } from "./component-functions.ts";
import { allocatorOf, callableNames, functionsFault } from "./function-exports.ts";
import { FunctionServant } from "./function-servant.ts";
import type { Handler, HandlerParts, Servant, ServantEvents } from "./handler.ts";
import { needsOf } from "./module-needs.ts";

/** What is different between the two kinds of modules. */
type Callee = Pick<Handler, "needs" | "memoryBytesMin" | "servant">;

/** Exported functions, of a core module or a component, that are called with bytes and answer with bytes. */
export class FunctionHandler implements Handler {
  readonly #callee: Callee;
  readonly requestsPerServant: number;

  constructor(parts: HandlerParts, loaded: Loaded) {
    this.#callee = loaded.kind === "module" ? moduleCallee(parts, loaded) : componentCallee(parts, loaded);
    // What a call leaves behind would make the next one another one.
    this.requestsPerServant = parts.spec.deterministic ? 1 : parts.serving.requestsPerInstance;
  }

  get needs(): Needs {
    return this.#callee.needs;
  }

  get memoryBytesMin(): number {
    return this.#callee.memoryBytesMin;
  }

  servant(events: ServantEvents): Servant {
    return this.#callee.servant(events);
  }
}

function moduleCallee(parts: HandlerParts, loaded: LoadedModule): Callee {
  const { facts } = loaded;
  const allocator = allocatorOf(facts);
  const fault = functionsFault(facts);
  if (fault !== undefined || allocator === undefined) {
    throw new Refusal("HandlerRefused", `make the functions of the module callable: ${fault}`, false);
  }
  const suspending = suspendingFunctionsFor(parts);
  const names = new Set(callableNames(facts));
  const pages = facts.memories.reduce((sum, { minPages }) => sum + minPages, 0);
  return {
    needs: needsOf(loaded, parts.spec),
    memoryBytesMin: pages * pageBytes + tableElementsMin(facts) * heap.perTableElement,
    servant: (events) => new FunctionServant(parts, loaded, suspending, { events, names, allocator }),
  };
}

function componentCallee(parts: HandlerParts, loaded: LoadedComponent): Callee {
  const { facts } = loaded;
  if (facts.functions.length === 0) throw noFunctions(facts);
  const functions = new ComponentFunctions(facts);
  return {
    needs: componentNeeds(facts, parts.spec),
    memoryBytesMin: componentMemoryMin(facts),
    servant: (events) => new ComponentFunctionServant(parts, loaded, functions, events),
  };
}
