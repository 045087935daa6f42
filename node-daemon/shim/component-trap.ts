import type { ComponentFacts } from "../components/component-facts.ts";
import type { RunEnd } from "../runtimes/runtime-driver.ts";
import { MemoryExceeded } from "./component-guest.ts";
import { pageBytes } from "./limits.ts";
import { describeTrap } from "./trap.ts";

interface Memory {
  readonly memoryBytes: number;
  readonly memoryBytesMax: number;
}

type Trapped = RunEnd & { readonly kind: "trapped" };

/** What a component died of: traps of its core modules, and what the generated code says was wrong. */
export function describeComponentFault(thrown: unknown, _facts: ComponentFacts, memory: Memory): Trapped {
  if (thrown instanceof MemoryExceeded) {
    const message = `its memories have grown to ${memory.memoryBytes} bytes together, its limit is ${memory.memoryBytesMax}`;
    return { kind: "trapped", reason: "OutOfMemory", message };
  }
  const trapped = describeTrap(thrown, Number.MAX_SAFE_INTEGER);
  if (memory.memoryBytes + pageBytes <= memory.memoryBytesMax) return trapped;
  const hint =
    `its memory could not grow: ${memory.memoryBytes} bytes of ${memory.memoryBytesMax} are in use; ` +
    "set resources.limits.memory to more";
  return { ...trapped, message: `${trapped.message}\n${hint}` };
}
