import { readFileSync } from "node:fs";
import { join } from "node:path";
import { checkout } from "./cluster.ts";

/** The manifests of a file below examples/, each text of `changes` replaced by its value. */
export function exampleManifest(file: string, changes: Readonly<Record<string, string>> = {}): string {
  let manifest = readFileSync(join(checkout, "examples", file), "utf8");
  for (const [from, to] of Object.entries(changes)) {
    if (!manifest.includes(from)) throw new Error(`examples/${file} has no ${from} to replace`);
    manifest = manifest.replaceAll(from, to);
  }
  return manifest;
}
