// Plain JavaScript that an old Node can read: finds the Node that Wherry runs on, and starts a program on it.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import module, { createRequire } from "node:module";
import { constants } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const wantedMajor = 26;

/** Whether this process itself may go on. */
export function isWantedNode() {
  return Number(process.versions.node.split(".")[0]) >= wantedMajor;
}

/**
 * Keeps compiled code between runs, beside the program: a third of a short command's time. Not for the services that this process
 * may start: they gain 50 ms, and each version of a checkout's would add 6 MB. Where the folder cannot be written nothing is kept.
 */
export function keepCompiledCode() {
  const folder = join(dirname(fileURLToPath(import.meta.url)), "..", ".cache", "compile");
  module.enableCompileCache(process.env.NODE_COMPILE_CACHE ?? folder);
}

/** The path of the Node that came with Wherry's dependencies, or undefined. */
export function findNode() {
  const require = createRequire(import.meta.url);
  try {
    const manifest = require.resolve(`node-${process.platform}-${process.arch}/package.json`);
    const program = join(dirname(manifest), "bin", "node");
    return existsSync(program) ? program : undefined;
  } catch {
    return undefined;
  }
}

/** Runs `node args…` with this terminal, hands on signals, and ends this process as that one ended. */
export function runOn(node, args, env = process.env) {
  const child = spawn(node, args, { stdio: "inherit", env });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"]) {
    process.on(signal, () => child.kill(signal));
  }
  child.on("error", (error) => {
    console.error(`error: cannot start ${node}: ${error.message}`);
    process.exit(1);
  });
  child.on("close", (code, signal) => {
    process.exit(code ?? 128 + (constants.signals[signal] ?? 0));
  });
}
