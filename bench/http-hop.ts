/**
 * What a request costs that a gateway sends on to another node, over mutual TLS, beside the same one at that node's own gateway.
 * Both nodes are on this machine, so the network takes no part.
 */
import { TestCluster } from "../test/support/cluster.ts";
import { freePort } from "../test/support/free-port.ts";
import { median, type Figure } from "./figure.ts";
import { findLoadGenerator, type Load, type LoadGenerator } from "./http/load.ts";
import { untilAnswered } from "./http/server.ts";
import { httpWorkload } from "../test/support/http-workload.ts";
import { cpuMsOf } from "./processes.ts";

const rounds = 3;
const warmUpSeconds = 2;
const measuredSeconds = 5;

interface Measurement extends Load {
  /** Of a request, in all processes of both nodes. */
  readonly cpuMicros: number;
}

export async function run(): Promise<readonly Figure[]> {
  await using cluster = await TestCluster.start([]);
  const urls = [await startNode(cluster, "near"), await startNode(cluster, "far")] as const;
  const http = { handler: "wasi-http" };
  const instance = { nodeSelector: { "kubernetes.io/hostname": "near" } };
  await cluster.apply(
    httpWorkload({ name: "hello", image: "file://examples/http/hello.wasm", http, instance }),
  );
  const generator = await findLoadGenerator();
  for (const url of urls) {
    await untilAnswered(url, () => cluster.isSchedulerRunning);
    await generator.run(url, warmUpSeconds);
  }
  const near: Measurement[] = [];
  const far: Measurement[] = [];
  for (let round = 0; round < rounds; round++) {
    near.push(await measure(cluster, generator, urls[0]));
    far.push(await measure(cluster, generator, urls[1]));
  }
  const ratio = median(far.map(({ cpuMicros }, round) => cpuMicros / (near[round]?.cpuMicros ?? Number.NaN)));
  return [
    ...figuresOf("at the gateway of the instance's node", near),
    ...figuresOf("at the gateway of another node", far),
    { name: "  processor time against the former", value: ratio, unit: "ratio" },
  ];
}

async function startNode(cluster: TestCluster, name: string): Promise<string> {
  const port = await freePort();
  await cluster.startNode(name, ["--gateway-http", `127.0.0.1:${port}`]);
  return `http://127.0.0.1:${port}/`;
}

async function measure(cluster: TestCluster, generator: LoadGenerator, url: string): Promise<Measurement> {
  const pids = cluster.pids().filter((pid) => pid !== cluster.schedulerPid);
  const usedBeforeMs = cpuMsOf(pids);
  const load = await generator.run(url, measuredSeconds);
  const usedMs = cpuMsOf(pids) - usedBeforeMs;
  return { ...load, cpuMicros: (usedMs * 1_000) / (load.requestsPerSecond * measuredSeconds) };
}

function* figuresOf(name: string, measurements: readonly Measurement[]): Iterable<Figure> {
  const of = (value: (measurement: Measurement) => number) => median(measurements.map(value));
  yield { name, value: of(({ requestsPerSecond }) => requestsPerSecond), unit: "1/s" };
  yield { name: "  p50", value: of(({ p50Ms }) => p50Ms), unit: "ms" };
  yield { name: "  p99", value: of(({ p99Ms }) => p99Ms), unit: "ms" };
  yield {
    name: "  processor time of a request, both nodes",
    value: of(({ cpuMicros }) => cpuMicros),
    unit: "µs",
  };
  yield {
    name: "  requests that failed",
    value: Math.max(...measurements.map(({ failed }) => failed)),
    unit: "",
  };
}
