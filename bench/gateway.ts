/** What the gateway takes of a request: hello world behind it, beside a plain Node server, under the same load in the same run. */
import { type ChildProcess, fork, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Figure } from "./figure.ts";

const seconds = 5;
const connections = 32;

export async function* run(): AsyncIterable<Figure> {
  const folder = mkdtempSync(join(tmpdir(), "wherry-bench-"));
  const children: ChildProcess[] = [];
  const start = async (...args: readonly string[]) => {
    const child = fork(join(import.meta.dirname, "programs/gateway-server.ts"), args);
    children.push(child);
    const [{ port }] = (await once(child, "message")) as [{ readonly port: number }];
    return { child, port };
  };
  try {
    await start("echo", folder);
    const plain = await start("plain");
    const gateway = await start("gateway", folder);
    const plainLoad = await load(plain);
    const gatewayLoad = await load(gateway);
    yield { name: "plain Node HTTP", value: plainLoad.perSecond, unit: "requests/s" };
    yield { name: "  processor time of the server", value: plainLoad.cpuUs, unit: "µs" };
    yield { name: "gateway with an echo behind it", value: gatewayLoad.perSecond, unit: "requests/s" };
    yield { name: "  processor time of the gateway", value: gatewayLoad.cpuUs, unit: "µs" };
    yield { name: "  99th percentile", value: gatewayLoad.p99Ms, unit: "ms" };
    yield {
      name: "  gateway against the plain server",
      value: gatewayLoad.cpuUs / plainLoad.cpuUs,
      unit: "times",
    };
  } catch (thrown) {
    yield { name: "gateway", notMeasured: String(thrown) };
  } finally {
    for (const child of children) child.kill();
    rmSync(folder, { recursive: true, force: true });
  }
}

interface Load {
  readonly perSecond: number;
  readonly cpuUs: number;
  readonly p99Ms: number;
}

async function load({ child, port }: { readonly child: ChildProcess; readonly port: number }): Promise<Load> {
  await wrk(port, 2);
  const before = await cpuOf(child);
  const { requests, p99Ms } = await wrk(port, seconds);
  const cpuUs = (await cpuOf(child)) - before;
  return { perSecond: requests / seconds, cpuUs: cpuUs / requests, p99Ms };
}

async function cpuOf(child: ChildProcess): Promise<number> {
  const answer = once(child, "message");
  child.send("cpu");
  const [{ cpuUs }] = (await answer) as [{ readonly cpuUs: NodeJS.CpuUsage }];
  return cpuUs.user + cpuUs.system;
}

async function wrk(
  port: number,
  duration: number,
): Promise<{ readonly requests: number; readonly p99Ms: number }> {
  const child = spawn("wrk", [
    "-t1",
    `-c${connections}`,
    `-d${duration}s`,
    "--latency",
    `http://127.0.0.1:${port}/`,
  ]);
  let text = "";
  child.stdout.on("data", (bytes: Buffer) => (text += bytes.toString()));
  await new Promise<void>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", () => resolve());
  });
  if (/Non-2xx|Socket errors/.test(text)) throw new Error(text);
  const requests = Number(/(\d+) requests in/.exec(text)?.[1]);
  const [, value = "", unit = ""] = /99%\s+([\d.]+)(us|ms|s)/.exec(text) ?? [];
  const scale: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1_000 };
  return { requests, p99Ms: Number(value) * (scale[unit] ?? Number.NaN) };
}
