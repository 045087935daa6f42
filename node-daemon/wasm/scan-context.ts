import type { AtomicWait } from "./atomic-instructions.ts";
import type { AggregateTypes } from "./gc-instructions.ts";
import type { LengthUnit } from "./length-units.ts";
import type { VirtualMemory } from "./virtual-pages.ts";
import type { Arity } from "./operand-stack.ts";

/** What a scan asks of the rest of the module: the new index of a function, and the helpers it may call. */
export interface ScanContext extends AggregateTypes {
  readonly functionCount: number;
  /** The start function if nothing but the start section names it: no code may refer to it. */
  readonly undeclaredFunction: number | undefined;
  readonly globalCount: number;
  /** Most values that all branches of a function together may find. */
  readonly branchValuesMax: number;
  newFunctionIndex(index: number): number;
  /** Whether vectors can come from functions, globals, structs or arrays. */
  readonly vectorTypes: boolean;
  /** Whether results must be the same on every machine. */
  readonly deterministic: boolean;
  /** See `CallDepth`. */
  pathOf(index: number): number;
  /** Each answers the index of a helper function, which is added to the module when first asked for. */
  memoryGrowLimiter(memory: number, at: number): number;
  /** Instead of `memory.grow`, where that may not depend on the machine. */
  certainMemoryGrow(memory: number, at: number): number;
  /** Instead of `memory.size` and `memory.grow`, where that is not the size of the engine's memory; undefined where it is. */
  readonly virtualMemory: VirtualMemory | undefined;
  tableGrowLimiter(table: number, at: number): number;
  lengthCharger(is64: boolean, unit: LengthUnit): number;
  memoryFill(memory: number, at: number): number;
  memoryCopy(destination: number, source: number, at: number): number;
  /** Undefined if there are too many already: the instruction stays as it is. */
  atomicWait(wait: AtomicWait, at: number): number | undefined;
  isMemory64(memory: number, at: number): boolean;
  isTable64(table: number, at: number): boolean;
  /** Each answers no values for what does not exist, which is the engine's to refuse. */
  arityOfType(type: number): Arity;
  arityOfFunction(index: number): Arity;
  arityOfTag(index: number): Arity;
}
