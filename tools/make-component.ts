/** Components out of what is none yet: npm's jco has the tools as WebAssembly. */
import { componentEmbed, componentNew } from "@bytecodealliance/jco-transpile/wasm-tools";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { jcoFolder, wasiPackages } from "./wasi-packages.ts";

/** A command of WASI preview 1 with the adapter to WASI 0.2 in front of it. */
export async function componentOf(command: Uint8Array): Promise<Uint8Array> {
  const adapter = await readFile(join(jcoFolder, "lib", "wasi_snapshot_preview1.command.wasm"));
  return componentNew(command, [["wasi_snapshot_preview1", adapter]]);
}

/** A library whose imports and exports are named as those of the world in `wit`, which may use WASI's packages. */
export async function componentOfLibrary(library: Uint8Array, wit: string): Promise<Uint8Array> {
  // The tools see no files, so all packages are in one text, where each but the first has braces around it.
  const packages = (await wasiPackages()).map(({ text }) => `${text.replace(/^(package \S+);/m, "$1 {")}}\n`);
  const witSource = [wit, ...packages].join("\n");
  return componentNew(await componentEmbed({ binary: library, witSource }), []);
}
