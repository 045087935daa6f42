/** JavaScript and an engine for it make a component. jco has two engines; `docs/GUESTS.md` compares them. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { runCompiler } from "./run-compiler.ts";
import { jcoFolder, wasiPackages, wasiVersion, type WasiPackage } from "./wasi-packages.ts";
import { withFolder } from "./with-folder.ts";

const program = join(jcoFolder, "dist", "jco.js");

/**
 * With QuickJS: the component is an eighth the size of the one with StarlingMonkey, is built in seconds, and starts faster.
 * It has the language and what the world imports.
 */
export async function componentOfJavaScript(sourceFile: string, witFile: string): Promise<Uint8Array> {
  const packages = await wasiPackages();
  return componentize(await readFile(sourceFile, "utf8"), await readFile(witFile, "utf8"), packages, [
    "--backend=quickjs",
    "--backend-qjs-disable-async",
  ]);
}

/** The version of wasi:http that StarlingMonkey was linked with: it answers under this name only. */
export const starlingMonkeyHttp = "0.2.10";

/**
 * With StarlingMonkey. `fetch`: the script listens to the event of that name, as Web workers do; each instance can answer one
 * request only. `handle`: it exports `incomingHandler` and uses wasi:http itself; its instances answer one after the other.
 */
export async function componentOfHttpHandler(source: string, style: "fetch" | "handle"): Promise<Uint8Array> {
  // Of WASI's packages the engine has its own, older ones: here may only be what it lacks, and no worlds.
  const needed = new Set(["wasi-http", "wasi-io", "wasi-clocks"]);
  const packages = (await wasiPackages())
    .filter(({ name }) => needed.has(name))
    .map(({ name, text }) => ({
      name,
      text: withoutWorlds(text).replaceAll(wasiVersion, starlingMonkeyHttp),
    }));
  const world = [
    "package examples:handlers;",
    "world handler {",
    `  import wasi:http/types@${starlingMonkeyHttp};`,
    `  export wasi:http/incoming-handler@${starlingMonkeyHttp};`,
    "}",
  ].join("\n");
  const flags = style === "fetch" ? [] : ["--disable", "fetch-event"];
  return componentize(source, world, packages, flags);
}

function withoutWorlds(text: string): string {
  return text.replaceAll(/^(@since\([^)]*\)\n)?world [\w-]+ \{.*?^\}$/gms, "");
}

function componentize(
  source: string,
  world: string,
  packages: readonly WasiPackage[],
  flags: readonly string[],
): Promise<Uint8Array> {
  return withFolder(async (folder) => {
    for (const { name, text } of packages) {
      await mkdir(join(folder, "wit", "deps", name), { recursive: true });
      await writeFile(join(folder, "wit", "deps", name, "package.wit"), text);
    }
    await writeFile(join(folder, "wit", "world.wit"), world);
    await writeFile(join(folder, "guest.js"), source);
    await writeFile(join(folder, "open-files.mjs"), openFiles());
    const args = ["--import", "./open-files.mjs", program, "componentize", "guest.js", "--wit", "wit"];
    await runCompiler(process.execPath, [...args, "--out", "guest.wasm", ...flags], folder);
    return readFile(join(folder, "guest.wasm"));
  });
}

/** jco's tools, themselves components, see no files but those that are opened to them, each copy of the shim by itself. */
function openFiles(): string {
  const ofJco = createRequire(program);
  const users = [program, ofJco.resolve("@bytecodealliance/jco-transpile")];
  const shims = users.map((user) =>
    createRequire(user).resolve("@bytecodealliance/preview2-shim/filesystem"),
  );
  return [
    `import { isMainThread } from "node:worker_threads";`,
    `const shims = ${JSON.stringify(shims.map((file) => pathToFileURL(file)))};`,
    `if (isMainThread) for (const shim of shims) (await import(shim))._setPreopens({ "/": "/" });`,
  ].join("\n");
}
