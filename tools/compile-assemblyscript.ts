/** AssemblyScript to WASI preview 1: npm's assemblyscript, and its shim that replaces the Web's interfaces by WASI's. */
import { readFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { root } from "./gate.ts";
import { runCompiler } from "./run-compiler.ts";
import { withFolder } from "./with-folder.ts";

const compiler = join("node_modules", "assemblyscript", "bin", "asc.js");
const shim = join("node_modules", "@assemblyscript", "wasi-shim", "asconfig.json");

export function compileAssemblyScript(sourceFile: string): Promise<Uint8Array> {
  return withFolder(async (folder) => {
    const target = join(folder, "guest.wasm");
    // The compiler wants paths that are relative to where it runs.
    const args = [relative(root, sourceFile), "--config", shim, "--outFile", relative(root, target), "-O3s"];
    await runCompiler(process.execPath, [compiler, ...args], root);
    return readFile(target);
  });
}
