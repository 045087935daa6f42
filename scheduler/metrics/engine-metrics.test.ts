import { expect, test } from "vitest";
import { FakeBackend } from "../testing/fake-backend.ts";
import { deployment, job, startEngine } from "../testing/test-engine.ts";
import { SessionFigures } from "../nodes/session-figures.ts";
import { collectedRegistry } from "./collected-registry.ts";
import { engineMetrics, workloadsMax } from "./engine-metrics.ts";
import { sessionMetrics } from "./session-metrics.ts";

async function samplesOf(definitions: Parameters<typeof collectedRegistry>[0]) {
  const text = await collectedRegistry(definitions).metrics();
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(" ")), Number(line.split(" ").at(-1))]));
}

test("engineMetrics: what a deployment's instances, their places and their nodes come to", async () => {
  const cluster = await startEngine();
  await using _engine = cluster.engine;
  const { backend, engine, node, pass } = cluster;
  const machine = node("n1");
  backend.put("wasmdeployments", deployment(3));
  backend.put("wasmdeployments", {
    ...deployment(2, { resources: { requests: { cpu: "100" } } }),
    metadata: { name: "huge", namespace: "default" },
  });
  backend.put("wasmjobs", job());
  await pass(1_000);
  machine.runAll();
  await pass(1_000);
  const samples = await samplesOf(engineMetrics(engine.figures));
  expect(Object.fromEntries(samples)).toMatchObject({
    'wherry_instances{kind="WasmDeployment",phase="Running"}': 3,
    'wherry_instances{kind="WasmDeployment",phase="Pending"}': 2,
    'wherry_instances{kind="WasmJob",phase="Running"}': 1,
    'wherry_instances_ready{kind="WasmDeployment"}': 3,
    wherry_placement_duration_seconds_count: 4,
    'wherry_placement_duration_seconds_bucket{le="+Inf"}': 4,
    'wherry_placement_attempts_total{result="placed"}': 4,
    'wherry_placement_waiting_instances{queue="unschedulable"}': 2,
    'wherry_placement_waiting_instances{queue="active"}': 0,
    wherry_instances_start_duration_seconds_count: 4,
    'wherry_nodes{session="connected"}': 1,
    'wherry_nodes{session="lost"}': 0,
    wherry_mass_silence: 0,
    'wherry_workloads{kind="WasmDeployment"}': 2,
    'wherry_workload_replicas{namespace="default",workload="WasmDeployment/huge"}': 2,
    'wherry_workload_replicas_ready{namespace="default",workload="WasmDeployment/huge"}': 0,
    'wherry_workload_replicas_ready{namespace="default",workload="WasmDeployment/app"}': 3,
    wherry_workloads_held: 0,
    'wherry_evictions_total{reason="Preempted"}': 0,
  });
  expect(samples.get('wherry_placement_attempts_total{result="unschedulable"}')).toBeGreaterThan(0);
  expect(samples.get("wherry_placement_longest_wait_seconds")).toBeGreaterThanOrEqual(1);
  expect(samples.get("wherry_engine_turn_duration_seconds_count")).toBeGreaterThan(0);
  expect(samples.get('wherry_reconcile_duration_seconds_count{kind="WasmDeployment"}')).toBeGreaterThan(1);
});

test("engineMetrics: a node that falls silent is counted as such", async () => {
  const cluster = await startEngine();
  await using _engine = cluster.engine;
  const { engine, node, pass } = cluster;
  node("n1");
  const gone = node("n2");
  node("n3");
  await pass(1_000);
  gone.disconnect();
  await pass(1_000);
  expect(Object.fromEntries(await samplesOf(engineMetrics(engine.figures)))).toMatchObject({
    'wherry_nodes{session="connected"}': 2,
    'wherry_nodes{session="suspect"}': 1,
  });
});

test("engineMetrics: so many workloads have series of their own, and no more", async () => {
  const backend = new FakeBackend();
  for (let i = 0; i < workloadsMax + 50; i++)
    backend.put("wasmdeployments", { ...deployment(0), metadata: { name: `d${i}`, namespace: "default" } });
  const cluster = await startEngine(backend);
  await using _engine = cluster.engine;
  const samples = await samplesOf(engineMetrics(cluster.engine.figures));
  const own = [...samples.keys()].filter((name) => name.startsWith("wherry_workload_replicas{"));
  expect(own).toHaveLength(workloadsMax);
  expect(samples.get('wherry_workloads{kind="WasmDeployment"}')).toBe(workloadsMax + 50);
});

test("sessionMetrics: messages by kind, refusals by why", async () => {
  const figures = new SessionFigures();
  figures.messageSent({ welcome: {} });
  figures.messageSent({ heartbeatAnswer: {} });
  figures.messageSent({ heartbeatAnswer: {} });
  figures.refused.contract++;
  expect(Object.fromEntries(await samplesOf(sessionMetrics(figures)))).toMatchObject({
    'wherry_node_messages_sent_total{message="heartbeatAnswer"}': 2,
    'wherry_node_messages_sent_total{message="welcome"}': 1,
    'wherry_node_sessions_refused_total{reason="contract"}': 1,
    'wherry_node_sessions_refused_total{reason="duplicate"}': 0,
  });
});
