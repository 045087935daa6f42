/** What an instance takes, or may come to take, of the heap that all instances of a process share. */
import type { RunSpec } from "../runtimes/runtime-driver.ts";
import { type ComponentFacts, sumOf } from "../components/component-facts.ts";
import type { ModuleFacts } from "../wasm/module-facts.ts";
import { heap, tableElementsMax } from "./limits.ts";

/** All tables of an instance, when it starts. */
export function tableElementsMin({ tables }: Pick<ModuleFacts, "tables">): number {
  return tables.reduce((sum, table) => sum + table.minElements, 0);
}

/**
 * What all tables of an instance may grow to together. Tables of C, Rust and Go programs never grow, so that most
 * instances reserve no more than they start with: what no reference can be put into is not granted growth.
 */
export function tableElementsCap(facts: Pick<ModuleFacts, "tables" | "features">): number {
  const atStart = tableElementsMin(facts);
  const growable = facts.tables.some(
    ({ minElements, maxElements }) => maxElements === undefined || maxElements > minElements,
  );
  return growable && facts.features.includes("reference-types")
    ? Math.max(atStart, tableElementsMax)
    : atStart;
}

export function heapBytesOf(
  facts: Pick<ModuleFacts, "tables" | "features" | "exports" | "functions">,
  { args, env }: Pick<RunSpec, "args" | "env">,
): number {
  let bytes = tableElementsCap(facts) * heap.perTableElement;
  bytes += facts.exports.length * heap.perExport + facts.functions * heap.perFunction;
  for (const text of args) bytes += stringBytes(text);
  for (const [name, value] of env) bytes += stringBytes(name) + stringBytes(value);
  return bytes;
}

/** The closures of its generated code are most of what a small component takes. */
export function componentHeapBytes(
  component: Pick<ComponentFacts, "modules" | "scriptBytes">,
  strings: Pick<RunSpec, "args" | "env">,
): number {
  const bytes =
    heap.componentFixed +
    heap.componentKeeps +
    Math.ceil(component.scriptBytes * heap.perScriptByte) +
    sumOf(component, (facts) => heapBytesOf(facts, { args: [], env: [] }));
  return bytes + heapBytesOf({ tables: [], features: [], exports: [], functions: 0 }, strings);
}

function stringBytes(text: string): number {
  return heap.perString + text.length * 2;
}
