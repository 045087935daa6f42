/** Load from another process: Debian's wrk where it is installed, otherwise autocannon from npm. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { cachedPackage } from "../../tools/cached-package.ts";

export interface Load {
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Answers that were no success, and connections that broke. */
  readonly failed: number;
}

/** `prefix0.localhost`, `prefix1.localhost` and so on, each request to the next. */
export interface Hosts {
  readonly count: number;
  readonly prefix: string;
}

export interface LoadGenerator {
  readonly name: string;
  /** Rejects where it cannot do `hosts`. */
  readonly run: (url: string, seconds: number, hosts?: Hosts) => Promise<Load>;
}

const connections = 64;
const autocannonVersion = "9.0.0";
const execute = promisify(execFile);

export async function findLoadGenerator(): Promise<LoadGenerator> {
  try {
    await execute("wrk", ["--version"]);
  } catch (thrown) {
    // It prints its version and ends with 1.
    if ((thrown as NodeJS.ErrnoException).code === "ENOENT") return autocannon();
  }
  return { name: "wrk", run: wrk };
}

async function wrk(url: string, seconds: number, hosts?: Hosts): Promise<Load> {
  const script = fileURLToPath(new URL("programs/load.lua", import.meta.url));
  const args = ["-t", "1", "-c", String(connections), "-d", `${seconds}s`, "--timeout", "30s"];
  args.push("-s", script, url);
  if (hosts) args.push("--", String(hosts.count), hosts.prefix);
  const { stdout } = await execute("wrk", args);
  return JSON.parse(stdout.slice(stdout.indexOf("{"))) as Load; // As load.lua writes it.
}

async function autocannon(): Promise<LoadGenerator> {
  const folder = await cachedPackage("autocannon", autocannonVersion);
  const program = join(folder, "node_modules", "autocannon", "autocannon.js");
  const run = async (url: string, seconds: number, hosts?: Hosts): Promise<Load> => {
    if (hosts) throw new Error("autocannon asks one host only; install wrk");
    const args = [program, "--json", "-c", String(connections), "-d", String(seconds), url];
    const { stdout } = await execute(process.execPath, args, { maxBuffer: 2 ** 24 });
    const result = JSON.parse(stdout) as AutocannonResult; // Its documented output.
    return {
      requestsPerSecond: result.requests.average,
      p50Ms: result.latency.p50,
      p99Ms: result.latency.p99,
      failed: result.errors + result.non2xx,
    };
  };
  return { name: "autocannon", run };
}

interface AutocannonResult {
  readonly requests: { readonly average: number };
  readonly latency: { readonly p50: number; readonly p99: number };
  readonly errors: number;
  readonly non2xx: number;
}
