/** Many different workloads on one node, each with a module, a route and a host of its own, asked in turn under load. */
import { join } from "node:path";
import type { ApiClient } from "../cli/client/api-client.ts";
import { checkout, TestCluster } from "../test/support/cluster.ts";
import { freePort } from "../test/support/free-port.ts";
import type { Figure } from "./figure.ts";
import { writeDistinct } from "./http/distinct-module.ts";
import { findLoadGenerator } from "./http/load.ts";
import { httpObjects } from "../test/support/http-workload.ts";
import { cpuMsOf, memoryBytesOf } from "./processes.ts";

const count = Number(process.env["WHERRY_BENCH_WORKLOADS"] ?? 1_000);
const appliedTogether = 16;
const pollMs = 500;
const readyMsMax = 600_000;
const seconds = 10;
const group = "/apis/wherry.dev/v1alpha1/namespaces/default";

const handlers = [
  { name: "wasi-http, C component", kind: "wasi-http", module: "hello.wasm" },
  { name: "WAGI, C", kind: "wagi", module: "tally.wasm" },
] as const;

type Handler = (typeof handlers)[number];

export async function* run(): AsyncIterable<Figure> {
  for (const handler of handlers) yield* await measure(handler);
}

async function measure(handler: Handler): Promise<readonly Figure[]> {
  const generator = await findLoadGenerator();
  const port = await freePort();
  const nodeArgs = ["--gateway-http", `127.0.0.1:${port}`, "--max-instances", String(count + 10)];
  await using cluster = await TestCluster.start(["one"], { nodeArgs });
  await using api = cluster.api();
  const pids = () => [cluster.nodePid("one"), ...cluster.gateways("one"), ...cluster.shims("one")];
  const idleBytes = memoryBytesOf(pids());
  const beganMs = performance.now();
  await applyAll(cluster, api, handler);
  await untilReady(api);
  const readyMs = performance.now() - beganMs;
  const readyBytes = memoryBytesOf(pids());
  const url = `http://127.0.0.1:${port}/`;
  const hosts = { count, prefix: "many-" };
  // Each is asked at least once before it counts.
  await generator.run(url, seconds, hosts);
  const usedMs = cpuMsOf(pids());
  const load = await generator.run(url, seconds, hosts);
  const cpuMicros = ((cpuMsOf(pids()) - usedMs) * 1_000) / (load.requestsPerSecond * seconds);
  const loadedBytes = memoryBytesOf(pids());
  return [
    { name: `${count} workloads, ${handler.name}: from apply to ready`, value: readyMs / 1_000, unit: "s" },
    { name: "  memory of the node, each", value: (readyBytes - idleBytes) / count / 1_024, unit: "KiB" },
    { name: "  requests to all in turn", value: load.requestsPerSecond, unit: "1/s" },
    { name: "  p50", value: load.p50Ms, unit: "ms" },
    { name: "  p99", value: load.p99Ms, unit: "ms" },
    { name: "  requests that failed", value: load.failed, unit: "" },
    { name: "  processor time of a request", value: cpuMicros, unit: "µs" },
    { name: "  memory then, each", value: (loadedBytes - idleBytes) / count / 1_024, unit: "KiB" },
  ];
}

async function applyAll(cluster: TestCluster, api: ApiClient, handler: Handler): Promise<void> {
  let next = 0;
  const applyNext = async (): Promise<void> => {
    while (next < count) {
      const name = `many-${next}`;
      const module = join(cluster.folder, `${name}.wasm`);
      writeDistinct(join(checkout, "examples/http", handler.module), module, next++);
      const workload = { name, image: `file://${module}`, http: { handler: handler.kind }, memory: "16Mi" };
      const [deployment, route] = httpObjects({ ...workload, host: `${name}.localhost` });
      await api.request({ method: "POST", path: `${group}/wasmdeployments`, body: deployment });
      await api.request({ method: "POST", path: `${group}/wasmroutes`, body: route });
    }
  };
  await Promise.all(Array.from({ length: appliedTogether }, applyNext));
}

interface Deployments {
  readonly items: readonly { readonly status?: { readonly readyReplicas?: number } }[];
}

async function untilReady(api: ApiClient): Promise<void> {
  const beganMs = performance.now();
  for (;;) {
    const { items } = await api.request<Deployments>({ path: `${group}/wasmdeployments` });
    const ready = items.filter(({ status }) => status?.readyReplicas === 1).length;
    if (ready === count) return;
    if (performance.now() - beganMs > readyMsMax) throw new Error(`only ${ready} of ${count} became ready`);
    await new Promise((settle) => setTimeout(settle, pollMs));
  }
}
