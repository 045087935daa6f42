/**
 * `npm run bench hollow-nodes`: one scheduler process under hollow nodes (tools/hollow-nodes), which are all that is
 * pretended. From one `apply` to all instances Running, a `kill -9` of the scheduler with all of them there, and their
 * end. WHERRY_BENCH_INSTANCES and WHERRY_BENCH_NODES (100,000 on 1,000) say how many there are in the second round.
 */
import { TestCluster } from "../test/support/cluster.ts";
import { HollowNodes } from "../test/support/hollow-nodes.ts";
import { deployment } from "../test/support/manifests.ts";
import type { Figure } from "./figure.ts";
import { ApiProbe, type Lateness } from "./hollow/api-probe.ts";
import { echoesPerSecond } from "./hollow/echo.ts";
import { cpuMsOf, memoryBytesOf } from "./processes.ts";

const small = { nodes: 100, instances: 10_000 };
const large = {
  nodes: Number(process.env["WHERRY_BENCH_NODES"] ?? 1_000),
  instances: Number(process.env["WHERRY_BENCH_INSTANCES"] ?? 100_000),
};
/** As few as fit on the nodes by any of their resources. */
const resources = { requests: { cpu: "10m", memory: "16Mi" } };
const image = "https://registry.invalid/nothing.wasm";
/** Nomad's and the better end of kube-scheduler's, measured elsewhere. */
const anchors = { nomad: 1_500, kubeScheduler: 200 } as const;
const memorySampleMs = 500;

export async function* run(): AsyncIterable<Figure> {
  const echoes = await echoesPerSecond(100_000);
  yield { name: "baseline: gRPC messages there and back, nothing behind them", value: echoes, unit: "/s" };
  for (const size of [small, large]) yield* rounds(size, echoes);
}

async function* rounds(size: typeof small, echoes: number): AsyncIterable<Figure> {
  const { nodes, instances } = size;
  await using cluster = await TestCluster.start([]);
  const begin = performance.now();
  await using hollow = await HollowNodes.start(cluster, nodes);
  const title = `${instances} instances on ${nodes} hollow nodes`;
  yield { name: `${title}: all nodes connected`, value: (performance.now() - begin) / 1_000, unit: "s" };
  yield* start(cluster, hollow, instances, echoes);
  yield* await restart(cluster, instances);
  yield* end(cluster);
}

async function* start(
  cluster: TestCluster,
  hollow: HollowNodes,
  instances: number,
  echoes: number,
): AsyncIterable<Figure> {
  const { schedulerPid } = cluster;
  const idleBytes = memoryBytesOf([schedulerPid]);
  const idleMs = cpuMsOf([schedulerPid]);
  const hollowIdleMs = cpuMsOf([hollow.pid]);
  const probe = new ApiProbe(cluster);
  const memory = new PeakMemory(schedulerPid);
  const client = cluster.client();
  const begin = performance.now();
  await client.create(deployment(instances, { name: "many", image, template: { resources } }));
  await client.until("many", (status) => status["readyReplicas"] === instances);
  const seconds = (performance.now() - begin) / 1_000;
  const cpuMs = cpuMsOf([schedulerPid]) - idleMs;
  const hollowMs = cpuMsOf([hollow.pid]) - hollowIdleMs;
  const { list, create } = await probe.stop();
  const peakBytes = memory.stop();
  const perSecond = instances / seconds;
  yield { name: "  from apply to all Running", value: seconds, unit: "s" };
  yield { name: "  instances per second", value: perSecond, unit: "/s" };
  yield { name: "    against the baseline", value: perSecond / echoes, unit: "times" };
  yield {
    name: `    against Nomad's ${anchors.nomad}/s, elsewhere`,
    value: perSecond / anchors.nomad,
    unit: "times",
  };
  yield {
    name: `    against kube-scheduler's ${anchors.kubeScheduler}/s, elsewhere`,
    value: perSecond / anchors.kubeScheduler,
    unit: "times",
  };
  yield { name: "  CPU time of the scheduler, each", value: (cpuMs * 1_000) / instances, unit: "µs" };
  yield { name: "  CPU time of the hollow nodes, each", value: (hollowMs * 1_000) / instances, unit: "µs" };
  yield { name: "  the scheduler before (PSS)", value: idleBytes / 2 ** 20, unit: "MiB" };
  yield { name: "  at its peak", value: peakBytes / 2 ** 20, unit: "MiB" };
  yield { name: "  of which each instance", value: (peakBytes - idleBytes) / instances / 1_024, unit: "KiB" };
  yield* lateness("meanwhile, a list of 100 nodes", list);
  yield* lateness("meanwhile, a create", create);
}

/** From the kill to when the API has as many instances as before, and all nodes have reported. */
async function restart(cluster: TestCluster, instances: number): Promise<readonly Figure[]> {
  const begin = performance.now();
  await cluster.killScheduler();
  await cluster.startScheduler();
  const upSeconds = (performance.now() - begin) / 1_000;
  const client = cluster.client();
  while ((await client.countInstances()) < instances) await new Promise((settle) => setTimeout(settle, 100));
  const seconds = (performance.now() - begin) / 1_000;
  // What a controller would make that has missed some of them, it makes before it writes another status.
  await client.scale("many", instances + 1);
  await client.until("many", (status) => status["readyReplicas"] === instances + 1);
  const count = await client.countInstances();
  if (count !== instances + 1) throw new Error(`${count} instances are there, not ${instances + 1}`);
  return [
    { name: "  kill -9 of the scheduler: it is back", value: upSeconds, unit: "s" },
    { name: "  all instances are adopted again", value: seconds, unit: "s" },
    {
      name: "  the scheduler then (PSS)",
      value: memoryBytesOf([cluster.schedulerPid]) / 2 ** 20,
      unit: "MiB",
    },
  ];
}

/** In the foreground, so that the deployment goes after the last of its instances. */
async function* end(cluster: TestCluster): AsyncIterable<Figure> {
  const probe = new ApiProbe(cluster);
  const begin = performance.now();
  const client = cluster.client();
  await client.delete("many");
  const left = await client.countInstances();
  if (left > 0) throw new Error(`the deployment has gone before ${left} of its instances`);
  yield { name: "  deleted: all are gone after", value: (performance.now() - begin) / 1_000, unit: "s" };
  const { list, create } = await probe.stop();
  yield* lateness("meanwhile, a list of 100 nodes", list);
  yield* lateness("meanwhile, a create", create);
}

function* lateness(what: string, { p50, p99, max }: Lateness): Iterable<Figure> {
  yield { name: `  ${what}, p50`, value: p50, unit: "ms" };
  yield { name: `  ${what}, p99`, value: p99, unit: "ms" };
  yield { name: `  ${what}, the slowest`, value: max, unit: "ms" };
}

class PeakMemory {
  readonly #pid: number;
  readonly #timer: NodeJS.Timeout;
  #bytes = 0;

  constructor(pid: number) {
    this.#pid = pid;
    this.#timer = setInterval(() => this.#look(), memorySampleMs);
  }

  stop(): number {
    clearInterval(this.#timer);
    this.#look();
    return this.#bytes;
  }

  #look(): void {
    this.#bytes = Math.max(this.#bytes, memoryBytesOf([this.#pid]));
  }
}
