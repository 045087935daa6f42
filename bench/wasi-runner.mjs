/**
 * `node [FLAGS] bench/wasi-runner.mjs FILE`: a WASI preview 1 command in the engine alone, neither metered nor limited. In
 * JavaScript, as Node's translator of TypeScript is WebAssembly itself, and slow to start without a baseline tier.
 */
import { readFileSync } from "node:fs";
import { WASI } from "node:wasi";

const [, , file = ""] = process.argv;
const wasi = new WASI({ version: "preview1", args: [file], returnOnExit: true });
const module = new WebAssembly.Module(readFileSync(file));
process.exitCode = wasi.start(new WebAssembly.Instance(module, wasi.getImportObject()));
