import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { componentsVersion } from "./component-facts.ts";
import type { Offer } from "./check-imports.ts";

/**
 * What a translated component depends on beside its own bytes and the rewriter: jco, how we call it, and which functions
 * are offered and may suspend.
 */
export function componentsKey(offer: Offer): string {
  const hash = createHash("sha256");
  hash.update(JSON.stringify([componentsVersion, jcoVersion()]));
  for (const { name, functions, suspending } of [...offer.values()].sort((a, b) =>
    a.name < b.name ? -1 : 1,
  )) {
    hash.update(JSON.stringify([name, functions, suspending]));
  }
  return hash.digest("hex").slice(0, 12);
}

function jcoVersion(): string {
  const entry = fileURLToPath(import.meta.resolve("@bytecodealliance/jco-transpile/component"));
  const manifest = readFileSync(new URL("../package.json", `file://${entry}`), "utf8");
  return (JSON.parse(manifest) as { readonly version: string }).version;
}
