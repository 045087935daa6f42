import { copyFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compileC } from "../../../tools/compile-c.ts";
import { cachedPackage } from "../../../tools/cached-package.ts";
import { startProgram, type RunningServer, type Server } from "../server.ts";

const version = "1.20261117.1";
const programs = new URL("../programs/", import.meta.url);
let greeting: Promise<Uint8Array> | undefined;

export function workerd({ fresh }: { readonly fresh: boolean }): Server {
  return {
    name: `workerd, ${fresh ? "a fresh instance per request" : "one instance"}`,
    start: () => start(fresh),
  };
}

async function start(fresh: boolean): Promise<RunningServer> {
  const machine = process.arch === "arm64" ? "linux-arm64" : "linux-64";
  const packages = await cachedPackage(`@cloudflare/workerd-${machine}`, version);
  const program = join(packages, "node_modules", "@cloudflare", `workerd-${machine}`, "bin", "workerd");
  const folder = await mkdtemp(join(tmpdir(), "wherry-workerd-"));
  try {
    greeting ??= compileGreeting();
    await writeFile(join(folder, "greeting.wasm"), await greeting);
    await copyFile(new URL("worker.mjs", programs), join(folder, "worker.mjs"));
    await copyFile(new URL("workerd.capnp", programs), join(folder, "config.capnp"));
    await writeFile(join(folder, "options.mjs"), `export const fresh = ${fresh};\n`);
    const server = await startProgram(program, (port) => [
      "serve",
      join(folder, "config.capnp"),
      `--socket-addr=http=127.0.0.1:${port}`,
    ]);
    return { ...server, stop: () => server.stop().then(() => remove(folder)) };
  } catch (thrown) {
    await remove(folder);
    throw thrown;
  }
}

async function compileGreeting(): Promise<Uint8Array> {
  const source = await readFile(new URL("greeting.c", programs), "utf8");
  return compileC(source, ["-nostdlib", "-Wl,--no-entry"]);
}

const remove = (folder: string) => rm(folder, { recursive: true, force: true });
