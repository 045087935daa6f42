/**
 * `npm run bench autoscaling`: what autoscalers and those who read metrics take of one scheduler process. Hollow nodes
 * (tools/hollow-nodes) pretend instances that get requests all the time; everything else is real. WHERRY_BENCH_NODES and
 * WHERRY_BENCH_AUTOSCALERS (1,000 each) say how many there are.
 */
import { Gauge, Registry } from "prom-client";
import { parse } from "yaml";
import type { ApiClient } from "../cli/client/api-client.ts";
import { decide } from "../scheduler/core/autoscaling/decide.ts";
import { emptyAutoscalerMemory } from "../scheduler/core/autoscaling/memory.ts";
import {
  autoscaler as autoscalerOf,
  startMs,
  wallMs,
} from "../scheduler/core/autoscaling/testing/autoscalers.ts";
import { autoscaler, average } from "../test/support/autoscaling.ts";
import { TestCluster } from "../test/support/cluster.ts";
import { HollowNodes } from "../test/support/hollow-nodes.ts";
import { deployment } from "../test/support/manifests.ts";
import { type Figure, median } from "./figure.ts";
import { cpuMsOf } from "./processes.ts";

const nodes = Number(process.env["WHERRY_BENCH_NODES"] ?? 1_000);
const count = Number(process.env["WHERRY_BENCH_AUTOSCALERS"] ?? 1_000);
const image = "https://registry.invalid/nothing.wasm";
const resources = { requests: { cpu: "10m", memory: "16Mi" } };
/** Kubernetes' HPA looks at each of them once in this time. */
const cycleSeconds = 15;
const measuredSeconds = 2 * cycleSeconds;
const scrapes = 10;
const createdAtOnce = 32;
/** Of each instance; and what each is meant to get. */
const load = { perSecond: 4, target: "10", lessTarget: "2", replicasMax: 3 } as const;

export async function* run(): AsyncIterable<Figure> {
  await using cluster = await TestCluster.start([]);
  const traffic = ["--requests-per-second", String(load.perSecond), "--metrics"];
  await using hollow = await HollowNodes.start(cluster, nodes, traffic);
  await using api = cluster.api();
  const names = Array.from({ length: count }, (_, index) => `w-${index}`);
  await inTurns(names, (name) =>
    create(api, "wasmdeployments", deployment(1, { name, image, template: { resources } })),
  );
  await until(async () => (await readyOf(api)) === count);
  const page = () => scrape(api, "/metrics");
  yield {
    name: `${count} deployments on ${nodes} hollow nodes, each with ${load.perSecond} requests/s`,
    value: count * load.perSecond,
    unit: "requests/s",
  };
  const withoutMs = await cpuMsPerCycle(cluster.schedulerPid);
  yield { name: "CPU time of the scheduler without autoscalers", value: withoutMs / 1_000, unit: "s/cycle" };
  yield* await decisions(cluster, api, names, withoutMs);
  yield* await pages(cluster, hollow, api, await page());
}

async function decisions(
  cluster: TestCluster,
  api: ApiClient,
  names: readonly string[],
  withoutMs: number,
): Promise<readonly Figure[]> {
  await inTurns(names, (name) => create(api, "wasmautoscalers", manifestOf(name, load.target)));
  await until(async () => (await sumOf(api, "wherry_autoscalers")) === count);
  // What it takes to begin is not what it takes to go on.
  await pause(cycleSeconds * 1_000);
  const before = await sumOf(api, "wherry_autoscaler_decision_duration_seconds_count");
  const writesBefore = await sumOf(api, "wherry_autoscaler_status_writes_total");
  const withMs = await cpuMsPerCycle(cluster.schedulerPid);
  const perCycle = measuredSeconds / cycleSeconds;
  const decided =
    ((await sumOf(api, "wherry_autoscaler_decision_duration_seconds_count")) - before) / perCycle;
  const writes = ((await sumOf(api, "wherry_autoscaler_status_writes_total")) - writesBefore) / perCycle;
  const ownMs = Math.max(0, withMs - withoutMs);
  const aloneUs = decisionUsAlone();
  const began = performance.now();
  await inTurns(names, (name) => retarget(api, name, load.lessTarget));
  await until(async () => (await readyOf(api)) === count * load.replicasMax);
  return [
    { name: `the same with ${count} autoscalers`, value: withMs / 1_000, unit: "s/cycle" },
    { name: "  of which they", value: ownMs / 1_000, unit: "s/cycle" },
    { name: "  decisions", value: decided, unit: "/cycle" },
    { name: "  statuses written", value: writes, unit: "/cycle" },
    { name: "  CPU time of each decision, all told", value: (ownMs * 1_000) / decided, unit: "µs" },
    { name: "baseline: the decision alone", value: aloneUs, unit: "µs" },
    { name: "  all told against the baseline", value: (ownMs * 1_000) / decided / aloneUs, unit: "times" },
    {
      name: "  of one processor, decisions alone",
      value: (decided * aloneUs) / cycleSeconds / 1e4,
      unit: "%",
    },
    {
      name: `lower targets: ${count} deployments from 1 to ${load.replicasMax}, all ready after`,
      value: (performance.now() - began) / 1_000,
      unit: "s",
    },
  ];
}

async function pages(
  cluster: TestCluster,
  hollow: HollowNodes,
  api: ApiClient,
  page: string,
): Promise<readonly Figure[]> {
  const { schedulerPid } = cluster;
  const series = page.split("\n").filter((line) => line !== "" && !line.startsWith("#")).length;
  const idle = (await cpuMsPerCycle(schedulerPid)) / cycleSeconds;
  const each = async (pid: number, idleMsPerSecond: number, times: number, ask: () => Promise<unknown>) => {
    const beforeMs = cpuMsOf([pid]);
    const began = performance.now();
    for (let turn = 0; turn < times; turn++) await ask();
    const seconds = (performance.now() - began) / 1_000;
    return Math.max(0, cpuMsOf([pid]) - beforeMs - idleMsPerSecond * seconds) / times;
  };
  const pageMs = await each(schedulerPid, idle, scrapes, () => scrape(api, "/metrics"));
  const discoveryMs = await each(schedulerPid, idle, scrapes, () => scrape(api, "/sd/prometheus"));
  const groups = JSON.parse(await scrape(api, "/sd/prometheus")) as readonly {
    readonly targets: readonly string[];
    readonly labels: Readonly<Record<string, string>>;
  }[];
  const targets = groups.flatMap((group) =>
    group.labels["__meta_wherry_role"] === "node" ? group.targets : [],
  );
  const hollowIdle = (await cpuMsPerCycle(hollow.pid)) / cycleSeconds;
  const allNodesMs = await each(hollow.pid, hollowIdle, 1, () =>
    inTurns(targets, async (target) => {
      const response = await fetch(`http://${target}/metrics`);
      if (!response.ok) throw new Error(`${target} answered ${response.status}`);
      await response.text();
    }),
  );
  const baseline = await serializationMs(series);
  return [
    { name: `the scheduler's page of ${series} series, each time`, value: pageMs, unit: "ms" },
    { name: "baseline: prom-client with as many gauges", value: baseline, unit: "ms" },
    { name: "  the page against the baseline", value: pageMs / baseline, unit: "times" },
    { name: `discovery of ${targets.length} nodes, each time`, value: discoveryMs, unit: "ms" },
    { name: "pages of all hollow nodes, each", value: allNodesMs / targets.length, unit: "ms" },
  ];
}

const manifestOf = (name: string, target: string) =>
  autoscaler(name, [{ type: "Requests", requests: { metric: "perSecond", target: average(target) } }], {
    minReplicas: 1,
    maxReplicas: load.replicasMax,
  });

function decisionUsAlone(): number {
  const metric = {
    type: "Requests" as const,
    requests: {
      metric: "perSecond" as const,
      target: { type: "AverageValue" as const, averageValue: load.target },
    },
  };
  const instance = {
    uid: "i",
    phase: "running" as const,
    isReady: true,
    startedMs: startMs,
    requests: { cpuMillis: 10, memoryBytes: 2 ** 24 },
    isHeardOf: true,
  };
  const target = { specReplicas: 1, statusReplicas: 1, instances: [instance] };
  const declared = autoscalerOf({ metrics: [metric] });
  let memory = emptyAutoscalerMemory;
  const turns = 20_000;
  let beforeUs = 0;
  // The first half is for the compiler.
  for (let turn = 0; turn < 2 * turns; turn++) {
    if (turn === turns) beforeUs = ownCpuUs();
    const nowMs = turn * 1_000;
    const reading = {
      kind: "value" as const,
      value: 4,
      isAtLeast: false,
      isActive: true,
      atMs: wallMs + nowMs,
    };
    const decided = decide({
      autoscaler: declared,
      target: { kind: "found", target },
      readings: [reading],
      fallbackReadings: [],
      memory,
      nowMs: wallMs + nowMs,
      monotonicMs: startMs + nowMs,
    });
    memory = decided.memory;
  }
  return (ownCpuUs() - beforeUs) / turns;
}

async function serializationMs(series: number): Promise<number> {
  const register = new Registry();
  const gauge = new Gauge({
    name: "baseline_replicas",
    help: "As many as there are.",
    labelNames: ["namespace", "workload"],
    registers: [register],
  });
  for (let index = 0; index < series; index++)
    gauge.set({ namespace: "default", workload: `WasmDeployment/w-${index}` }, index);
  const times: number[] = [];
  for (let turn = 0; turn < 2 * scrapes; turn++) {
    const beforeUs = ownCpuUs();
    await register.metrics();
    if (turn >= scrapes) times.push((ownCpuUs() - beforeUs) / 1_000);
  }
  return median(times);
}

function ownCpuUs(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

async function cpuMsPerCycle(pid: number): Promise<number> {
  const beforeMs = cpuMsOf([pid]);
  await pause(measuredSeconds * 1_000);
  return ((cpuMsOf([pid]) - beforeMs) * cycleSeconds) / measuredSeconds;
}

const pause = (ms: number) => new Promise((settle) => setTimeout(settle, ms));

async function until(check: () => Promise<boolean>): Promise<void> {
  while (!(await check())) await pause(500);
}

async function inTurns<T>(all: readonly T[], work: (one: T) => Promise<unknown>): Promise<void> {
  const left = all.values();
  const worker = async () => {
    for (const one of left) await work(one);
  };
  await Promise.all(Array.from({ length: createdAtOnce }, worker));
}

const path = "/apis/wherry.dev/v1alpha1/namespaces/default";

function create(api: ApiClient, plural: string, manifest: string): Promise<unknown> {
  return api.request({ method: "POST", path: `${path}/${plural}`, body: parse(manifest) as object });
}

function retarget(api: ApiClient, name: string, target: string): Promise<unknown> {
  const { spec } = parse(manifestOf(name, target)) as { readonly spec: object };
  return api.request({
    method: "PATCH",
    path: `${path}/wasmautoscalers/${name}`,
    body: { spec },
    contentType: "application/merge-patch+json",
  });
}

async function scrape(api: ApiClient, from: string): Promise<string> {
  const response = await api.open({ method: "GET", path: from });
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}

/** Of a metric on the scheduler's page, over all its labels. */
async function sumOf(api: ApiClient, name: string): Promise<number> {
  const lines = (await scrape(api, "/metrics")).split("\n");
  const own = lines.filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`));
  return own.reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0);
}

const readyOf = (api: ApiClient) => sumOf(api, "wherry_instances_ready");
