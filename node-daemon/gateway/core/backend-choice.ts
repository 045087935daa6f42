import type { BackendEntry } from "../../../api/route-table.ts";

/** In proportion to the weights; `fraction` is random, in [0, 1). Undefined: there is none, or none has a weight. */
export function chooseBackend(backends: readonly BackendEntry[], fraction: number): BackendEntry | undefined {
  const [first] = backends;
  if (backends.length === 1) return first !== undefined && first.weight > 0 ? first : undefined;
  let total = 0;
  for (const { weight } of backends) total += weight;
  let left = fraction * total;
  for (const backend of backends) {
    left -= backend.weight;
    if (left < 0) return backend;
  }
  return undefined;
}
