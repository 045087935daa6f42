/** What the gateway takes of a request: hello world behind it, beside a plain Node server, under the same load in the same run. */
import { type ChildProcess, fork, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TestAuthority } from "../node-daemon/testing/certificates.ts";
import { type Figure, median } from "./figure.ts";

const rounds = 3;
const seconds = 4;
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
    await writeIdentities(folder);
    const there = await start("there", folder);
    const here = await start("here", folder, `${there.port}`);
    // In turns, so that what else the machine does hits each of them.
    const loads: { readonly plain: Load; readonly gateway: Load; readonly hop: Load }[] = [];
    for (let round = 0; round < rounds; round++) {
      loads.push({ plain: await load(plain), gateway: await load(gateway), hop: await load(here, there) });
    }
    const plainLoad = medianOf(loads.map((one) => one.plain));
    const gatewayLoad = medianOf(loads.map((one) => one.gateway));
    const hopLoad = medianOf(loads.map((one) => one.hop));
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
    yield {
      name: "gateway, and that of another node behind it",
      value: hopLoad.perSecond,
      unit: "requests/s",
    };
    yield { name: "  processor time of both", value: hopLoad.cpuUs, unit: "µs" };
    yield { name: "  99th percentile", value: hopLoad.p99Ms, unit: "ms" };
    yield {
      name: "  the hop: processor time beyond that of one gateway",
      value: median(loads.map(({ gateway, hop }) => hop.cpuUs - gateway.cpuUs)),
      unit: "µs",
    };
  } catch (thrown) {
    yield { name: "gateway", notMeasured: String(thrown) };
  } finally {
    for (const child of children) child.kill();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What the two nodes show each other. */
async function writeIdentities(folder: string): Promise<void> {
  const authority = await TestAuthority.make();
  for (const node of ["here", "there"]) {
    const { ca, cert, key } = await authority.issue(`system:node:${node}`);
    const identity = { caPem: ca.toString(), certPem: cert.toString(), keyPem: key.toString() };
    writeFileSync(join(folder, `${node}.json`), JSON.stringify(identity), { mode: 0o600 });
  }
}

interface Load {
  readonly perSecond: number;
  readonly cpuUs: number;
  readonly p99Ms: number;
}

function medianOf(loads: readonly Load[]): Load {
  return {
    perSecond: median(loads.map(({ perSecond }) => perSecond)),
    cpuUs: median(loads.map(({ cpuUs }) => cpuUs)),
    p99Ms: median(loads.map(({ p99Ms }) => p99Ms)),
  };
}

interface Server {
  readonly child: ChildProcess;
  readonly port: number;
}

/** `behind`: what counts as well. */
async function load(server: Server, ...behind: readonly Server[]): Promise<Load> {
  const cpu = async () => {
    const used = await Promise.all([server, ...behind].map(({ child }) => cpuOf(child)));
    return used.reduce((sum, one) => sum + one, 0);
  };
  const { port } = server;
  await wrk(port, 1);
  const before = await cpu();
  const { requests, p99Ms } = await wrk(port, seconds);
  const cpuUs = (await cpu()) - before;
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
