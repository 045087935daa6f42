import { readFileSync } from "node:fs";
import { mappings, type ShimLimits } from "./limits.ts";

/** Linux's default of vm.max_map_count. */
const mappingsDefault = 65_530;

export function systemMappingsMax(): number {
  try {
    const value = Number.parseInt(readFileSync("/proc/sys/vm/max_map_count", "utf8"), 10);
    return Number.isSafeInteger(value) && value > 0 ? value : mappingsDefault;
  } catch {
    return mappingsDefault;
  }
}

/**
 * What the process can hold. Running out of mappings is a fatal abort inside V8, for all instances at once, so starts
 * are refused well before. Reserved before an instance is made, unreserved when it is torn down.
 */
export class ShimBudget {
  readonly #instancesMax: number;
  readonly #mappingsMax: number;
  #instances = 0;
  #mappings = 0;

  constructor(limits: ShimLimits, mappingsMax: number) {
    this.#instancesMax = limits.instancesMax;
    this.#mappingsMax = mappingsMax - limits.mappingsReserved;
  }

  get instances(): number {
    return this.#instances;
  }

  /** Undefined when there is no room; otherwise how to give it back, to be called once. */
  reserve(memories: number): (() => void) | undefined {
    const needed = mappings.perInstance + memories * mappings.perMemory;
    if (this.#instances >= this.#instancesMax || this.#mappings + needed > this.#mappingsMax) return undefined;
    this.#instances++;
    this.#mappings += needed;
    return () => {
      this.#instances--;
      this.#mappings -= needed;
    };
  }
}
