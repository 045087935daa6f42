/** What an instance of a component takes, before it runs. */
import { type ComponentFacts, componentBytesMin, ownOf, sumOf } from "../components/component-facts.ts";
import type { RunSpec } from "../runtimes/runtime-driver.ts";
import type { Needs } from "./budget.ts";
import { componentHeapBytes, tableElementsMin } from "./footprint.ts";
import { heap } from "./limits.ts";

export function componentNeeds(facts: ComponentFacts, strings: Pick<RunSpec, "args" | "env">): Needs {
  return {
    memories: sumOf(facts, ({ memories }) => ownOf(memories).length),
    memories64: sumOf(facts, ({ memories }) => ownOf(memories).filter(({ memory64 }) => memory64).length),
    heapBytes: componentHeapBytes(facts, strings),
  };
}

/** Linear memory and tables. */
export function componentMemoryMin(facts: ComponentFacts): number {
  const elements = sumOf(facts, ({ tables }) => tableElementsMin({ tables: ownOf(tables) }));
  return componentBytesMin(facts) + elements * heap.perTableElement;
}
