/**
 * Proposals that a module may use and still share a process with others: whoever uses them can neither stop the thread that
 * all run on nor take what all have in common. Anything else gets a process of its own.
 */
const sharedFeatures: ReadonlySet<string> = new Set([
  "bulk-memory",
  "exceptions",
  "extended-const",
  "legacy-exceptions",
  "memory64",
  "multi-memory",
  "multi-value",
  "reference-types",
  "relaxed-simd",
  "simd",
  "tail-call",
  "typed-function-references",
]);

/** Of a module's features, those that need a process of their own; in order, each once. */
export function needsProcess(features: readonly string[]): readonly string[] {
  return [...new Set(features)].filter((feature) => !sharedFeatures.has(feature)).sort();
}
