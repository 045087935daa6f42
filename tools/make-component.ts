/** Components out of what is none yet: npm's jco has the tools as WebAssembly. */
import { componentEmbed, componentNew } from "@bytecodealliance/jco-transpile/wasm-tools";
import { cp, mkdir, readdir, readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { root } from "./gate.ts";
import { runCompiler } from "./run-compiler.ts";
import { withFolder } from "./with-folder.ts";

const jco = join(root, "node_modules", "@bytecodealliance", "jco");
const wasiVersion = "0.2.12";

/** A command of WASI preview 1 with the adapter to WASI 0.2 in front of it. */
export async function componentOf(command: Uint8Array): Promise<Uint8Array> {
  const adapter = await readFile(join(jco, "lib", "wasi_snapshot_preview1.command.wasm"));
  return componentNew(command, [["wasi_snapshot_preview1", adapter]]);
}

/** A library whose imports and exports are named as those of `wit`, which may use WASI's interfaces. */
export async function componentOfLibrary(library: Uint8Array, wit: string): Promise<Uint8Array> {
  return componentNew(await componentEmbed({ binary: library, witSource: await withInterfaces(wit) }), []);
}

/** One text: the tools see no files. A package inside of a file has braces around it. */
async function withInterfaces(wit: string): Promise<string> {
  const folder = join(jco, "lib", "wit", "builtin", wasiVersion);
  const packages = await readdir(folder);
  const texts = packages.map(async (name) => {
    const text = await readFile(join(folder, name, "package.wit"), "utf8");
    return `${text.replace(/^package (\S+);/m, "package $1 {")}}\n`;
  });
  return [wit, ...(await Promise.all(texts))].join("\n");
}

/**
 * JavaScript and a JavaScript engine. Of the two engines that jco has it is QuickJS: the component is an eighth the size of
 * the one with StarlingMonkey, is built in seconds, and starts faster. `docs/GUESTS.md` has the figures.
 */
export function componentOfJavaScript(sourceFile: string, witFile: string): Promise<Uint8Array> {
  return withFolder(async (folder) => {
    await mkdir(join(folder, "wit"));
    await cp(witFile, join(folder, "wit", basename(witFile)));
    await cp(join(jco, "lib", "wit", "builtin", wasiVersion), join(folder, "wit", "deps"), {
      recursive: true,
    });
    await cp(sourceFile, join(folder, "guest.js"));
    // jco's tools see the folder that they run in, and nothing else.
    const args = ["componentize", "guest.js", "--wit", "wit", "--out", "guest.wasm"];
    const engine = ["--backend", "quickjs", "--backend-qjs-disable-async"];
    await runCompiler(process.execPath, [await programOf(jco), ...args, ...engine], folder);
    return readFile(join(folder, "guest.wasm"));
  });
}

async function programOf(packageFolder: string): Promise<string> {
  const { bin } = JSON.parse(await readFile(join(packageFolder, "package.json"), "utf8")) as {
    readonly bin: Readonly<Record<string, string>>;
  };
  return join(packageFolder, bin["jco"] ?? "");
}
