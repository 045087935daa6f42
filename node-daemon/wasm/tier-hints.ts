/**
 * Chooses the functions that the optimizing compiler should have ready before a guest starts.
 *
 * The engine starts every function in its baseline tier and optimizes it once it was called often or has looped much; but
 * it never replaces the frame of a call that is under way. So a function that is entered once and loops for long stays in
 * the baseline tier for ever, several times slower. Those are what is looked for here:
 *
 *   exports, start section, tables ──calls outside loops──▶ reached in few ways, without recursion
 *        ──▶ has loops itself ──▶ nobody calls it, or what calls it, within a loop ──▶ hinted, the deepest loops first,
 *                                                                                      up to a budget
 *
 * All else is entered again if it matters, and is optimized then: a library's printf or malloc, whatever a loop calls.
 * Guesses cost little either way: a wrong hint some milliseconds of one background thread, a missing one what it costs
 * everywhere else.
 *
 * Invariants: at most `hintLimits` whatever the module, so that neither the time nor the memory of its compilation is up to
 * the guest. The section names functions, not offsets, and engines that do not know it skip it.
 */
import { BinaryWriter } from "./binary-writer.ts";
import { CallGraph } from "./call-graph.ts";
import type { ModuleModel } from "./module-model.ts";
import { section } from "./module-model.ts";

/** Measured: the optimizing compiler takes 0.5 to 8 µs for a byte, and up to 2 kB of memory. */
export const hintLimits = {
  /**
   * Of one function: a main function has some hundreds to thousands, an interpreter's loop 16,000. What is reached in two
   * ways has another chance to be entered when it is optimized: a quarter is enough for it, a ninth for what has three.
   */
  functionBytesMax: 16_384,
  /** Of all hinted functions that exports lead to, and of all others. Tables hold much that is hardly ever called. */
  bytesMax: { exported: 24_576, other: 8_192 },
  /** Of those others each, times the depth of its loops: what is smaller writes out a buffer or compares two types. */
  otherBytesMin: 512,
  functionsMax: 64,
  /** Calls that are remembered, 4 bytes each. The largest modules known have 3 million. */
  callsMax: 8 * 2 ** 20,
} as const;

export interface TierHints {
  /** Of the section; empty if there is nothing to say. */
  readonly contents: Uint8Array;
  /** Of the hinted functions, as they were. */
  readonly bytes: number;
}

export const noTierHints: TierHints = { contents: new Uint8Array(), bytes: 0 };

export function createCallGraph(model: ModuleModel): CallGraph {
  return new CallGraph(model.functionsDefined, model.functionImports, hintLimits.callsMax);
}

/** `indexOf` gives the index that a defined function has in the rewritten module. */
export function tierHints(
  model: ModuleModel,
  graph: CallGraph,
  indexOf: (defined: number) => number,
): TierHints {
  const hinted = chooseHinted(model, graph);
  if (hinted.length === 0) return noTierHints;
  const out = new BinaryWriter().u32(hinted.length);
  let bytes = 0;
  for (const defined of hinted) {
    // At offset 0, which is the function itself; two bytes: compile it first, and optimize it first.
    out.u32(indexOf(defined)).raw(0, 2, 0, 0);
    bytes += graph.bodyBytes[defined] ?? 0;
  }
  return { contents: out.view(), bytes };
}

/** Defined functions, counted without the imported ones, in rising order. */
function chooseHinted(model: ModuleModel, graph: CallGraph): readonly number[] {
  if (graph.incomplete) return [];
  const repeated = graph.findRepeated();
  const fromExports = graph.countWays(rootsOf(model, graph, "exports"));
  const fromAnywhere = graph.countWays(rootsOf(model, graph, "all"));
  const bytesOf = (i: number) => graph.bodyBytes[i] ?? 0;
  const depthOf = (i: number) => graph.loopDepths[i] ?? 0;
  const isExported = (i: number) => (fromExports[i] ?? 0) > 0;
  const candidates: number[] = [];
  for (const [i, ways] of fromAnywhere.entries()) {
    if (ways === 0 || repeated[i] === 1 || graph.loopDepths[i] === 0) continue;
    if (bytesOf(i) * ways ** 2 > hintLimits.functionBytesMax) continue;
    if (isExported(i) || bytesOf(i) * depthOf(i) >= hintLimits.otherBytesMin) candidates.push(i);
  }
  candidates.sort((a, b) => depthOf(b) - depthOf(a) || bytesOf(a) - bytesOf(b));
  const left: { exported: number; other: number } = { ...hintLimits.bytesMax };
  const chosen = candidates.filter((candidate) => {
    const kind = isExported(candidate) ? "exported" : "other";
    if (bytesOf(candidate) > left[kind]) return false;
    left[kind] -= bytesOf(candidate);
    return true;
  });
  return chosen.slice(0, hintLimits.functionsMax).sort((a, b) => a - b);
}

/** How often each function is referred to from outside the code: a start section, exports, elements of tables. */
function rootsOf(model: ModuleModel, graph: CallGraph, which: "exports" | "all"): Uint8Array {
  const roots = new Uint8Array(graph.functions);
  const mark = (index: number) => {
    const defined = index - model.functionImports;
    if (defined >= 0) roots[defined] = Math.min(255, (roots[defined] ?? 0) + 1);
  };
  const exports = model.find(section.export);
  const references = model.functionReferences;
  for (let i = 0; i < references.length; i += 3) {
    const from = references[i] ?? 0;
    const exported = exports !== undefined && from >= exports.start && from < exports.end;
    if (exported || which === "all") mark(references[i + 2] ?? 0);
  }
  if (model.start !== undefined) mark(model.start);
  return roots;
}
