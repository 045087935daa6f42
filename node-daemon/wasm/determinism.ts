/** What a module may use and still do the same on every machine. Pure. */
import { Rejection } from "./binary-reader.ts";
import { featureNames } from "./value-types.ts";

const deterministicFeatures: ReadonlySet<string> = new Set([
  "bulk-memory",
  "exceptions",
  "extended-const",
  "large-functions",
  "large-functions",
  "legacy-exceptions",
  "memory64",
  "multi-memory",
  "multi-value",
  "reference-types",
  "simd",
  "tail-call",
  "typed-function-references",
]);

/** `features`: bits. Throws a {@link Rejection}. */
export function checkDeterministic(features: number): void {
  const refused = featureNames(features).filter((name) => !deterministicFeatures.has(name));
  if (refused.length === 0) return;
  throw new Rejection(
    "DeterministicRefused",
    `the module uses ${refused.join(", ")}, which differs from machine to machine or from run to run: compile it without, ` +
      "or run it without `deterministic`",
  );
}
