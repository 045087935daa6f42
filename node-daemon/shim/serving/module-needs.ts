import type { RunSpec } from "../../runtimes/runtime-driver.ts";
import type { Needs } from "../budget.ts";
import { heapBytesOf } from "../footprint.ts";
import type { LoadedModule } from "../module-store.ts";

/** What one instance of a core module takes of the process, beside its memory. */
export function needsOf({ facts }: LoadedModule, spec: RunSpec): Needs {
  const { memories } = facts;
  const memories64 = memories.filter(({ memory64 }) => memory64).length;
  return { memories: memories.length, memories64, heapBytes: heapBytesOf(facts, spec) };
}
