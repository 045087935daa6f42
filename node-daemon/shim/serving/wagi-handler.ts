import { suspendingFunctionsFor } from "../../wasi/signatures.ts";
import type { Needs } from "../budget.ts";
import { tableElementsMin } from "../footprint.ts";
import { heap, pageBytes, stackBytesMax } from "../limits.ts";
import type { LoadedModule } from "../module-store.ts";
import { Refusal } from "../refusal.ts";
import type { Handler, HandlerParts, Servant, ServantEvents } from "./handler.ts";
import { KeptStacks } from "./kept-stacks.ts";
import { needsOf } from "./module-needs.ts";
import { WagiServant } from "./wagi-servant.ts";

/** A preview 1 command that runs once for each request, with the request as CGI has it. */
export class WagiHandler implements Handler {
  readonly #parts: HandlerParts;
  readonly #loaded: LoadedModule;
  readonly #suspending: ReadonlySet<string>;
  readonly #stacks: KeptStacks;
  readonly needs: Needs;
  readonly memoryBytesMin: number;
  /** It makes a fresh instance for each by itself. */
  readonly requestsPerServant = Number.POSITIVE_INFINITY;
  /** Each keeps its own share of memory for its next instance: so all are used in turn. */
  readonly allAtOnce = true;

  constructor(parts: HandlerParts, loaded: LoadedModule) {
    const { facts } = loaded;
    if (!facts.exports.some(({ name, kind }) => name === "_start" && kind === "function")) {
      const message =
        "start a handler wagi: the module has no _start; build it as a command, with a main function";
      throw new Refusal("HandlerRefused", message, false);
    }
    this.#parts = parts;
    this.#loaded = loaded;
    this.#suspending = suspendingFunctionsFor(parts);
    this.#stacks = new KeptStacks(parts.pot, stackBytesMax(parts.spec.memoryBytesMax));
    this.needs = needsOf(loaded, parts.spec);
    const pages = facts.memories.reduce((sum, { minPages }) => sum + minPages, 0);
    this.memoryBytesMin = pages * pageBytes + tableElementsMin(facts) * heap.perTableElement;
  }

  servant(events: ServantEvents): Servant {
    return new WagiServant(this.#parts, this.#loaded, this.#suspending, this.#stacks, events);
  }

  spare(): void {
    this.#stacks.drop();
  }
}
