/** WASI's interfaces as text, as npm's jco has them. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { root } from "./gate.ts";

export const jcoFolder = join(root, "node_modules", "@bytecodealliance", "jco");
export const wasiVersion = "0.2.12";

export interface WasiPackage {
  /** For example wasi-http. */
  readonly name: string;
  readonly text: string;
}

export async function wasiPackages(): Promise<readonly WasiPackage[]> {
  const folder = join(jcoFolder, "lib", "wit", "builtin", wasiVersion);
  const names = (await readdir(folder)).sort();
  return Promise.all(
    names.map(async (name) => ({ name, text: await readFile(join(folder, name, "package.wit"), "utf8") })),
  );
}
