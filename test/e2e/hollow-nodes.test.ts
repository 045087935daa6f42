import { expect, test } from "vitest";
import type { WasmAutoscalerStatus } from "../../api/gen/kinds.gen.ts";
import { parseQuantity } from "../../api/quantity.ts";
import { eventually, TestCluster } from "../support/cluster.ts";
import { HollowNodes } from "../support/hollow-nodes.ts";
import { jobEnd } from "../support/jobs.ts";
import { deployment, job } from "../support/manifests.ts";

const image = "https://registry.invalid/nothing.wasm";

interface NodeObject {
  readonly metadata: { readonly name: string; readonly labels: Readonly<Record<string, string>> };
  readonly status: { readonly phase: string };
}

async function nodesOf(cluster: TestCluster): Promise<readonly NodeObject[]> {
  return (await cluster.json<{ items: readonly NodeObject[] }>("wasmnodes")).items;
}

async function uidsOf(cluster: TestCluster): Promise<readonly string[]> {
  return (await cluster.instances()).map(({ metadata }) => metadata.uid).toSorted();
}

test("hollow nodes: ten of them take, run and end what a real scheduler gives them", async () => {
  await using cluster = await TestCluster.start([]);
  await using hollow = await HollowNodes.start(cluster, 10, ["--zones", "3", "--workers", "2"]);
  await eventually(async () => {
    const nodes = await nodesOf(cluster);
    expect(nodes.map(({ status }) => status?.phase)).toEqual(Array.from({ length: 10 }, () => "Ready"));
    const zones = nodes.map(({ metadata }) => metadata.labels["topology.kubernetes.io/zone"]);
    expect(new Set(zones)).toEqual(new Set(["zone-1", "zone-2", "zone-3"]));
  });
  const client = cluster.client();
  await client.create(deployment(50, { name: "many", image }));
  await client.until("many", (status) => status["readyReplicas"] === 50);
  const placed = await cluster.instances();
  expect(new Set(placed.map(({ spec }) => spec.nodeName)).size).toBe(10);
  const log = await cluster.wherry("logs", placed[0]?.metadata.name ?? "");
  expect(log.stdout).toContain("is pretended by a hollow node");
  await cluster.wherry("delete", "wasmdeployment", "many");
  await eventually(async () => expect(await cluster.instances()).toEqual([]));
  expect(await hollow.end("SIGINT")).toBe(0);
});

test("hollow nodes: a scheduler that was killed gets back what they hold, and makes nothing twice", async () => {
  await using cluster = await TestCluster.start([]);
  await using _ = await HollowNodes.start(cluster, 10);
  const client = cluster.client();
  await client.create(deployment(50, { name: "many", image }));
  await client.until("many", (status) => status["readyReplicas"] === 50);
  const before = await uidsOf(cluster);
  await cluster.killScheduler();
  await cluster.startScheduler();
  await eventually(async () => expect(await uidsOf(cluster)).toEqual(before));
  // Another look of the controller, which would make what it missed.
  await cluster.wherry("scale", "wasmdeployment", "many", "--replicas", "51");
  await client.until("many", (status) => status["readyReplicas"] === 51);
  expect(await uidsOf(cluster)).toEqual(expect.arrayContaining([...before]));
  expect(await cluster.instances()).toHaveLength(51);
});

test("hollow nodes: what they say of usage and traffic moves an autoscaler", async () => {
  await using cluster = await TestCluster.start([]);
  const load = ["--usage-interval", "2s", "--instance-cpu", "300m", "--requests-per-second", "40"];
  await using _ = await HollowNodes.start(cluster, 4, [...load, "--metrics"]);
  const client = cluster.client();
  await client.create(deployment(4, { name: "loaded", image }));
  const metrics = [
    {
      type: "Requests",
      requests: { metric: "perSecond", target: { type: "AverageValue", averageValue: "40" } },
    },
    { type: "Resource", resource: { name: "cpu", target: { type: "AverageValue", averageValue: "100m" } } },
  ];
  await cluster.apply(
    JSON.stringify({
      apiVersion: "wherry.dev/v1alpha1",
      kind: "WasmAutoscaler",
      metadata: { name: "loaded" },
      spec: {
        scaleTargetRef: { kind: "WasmDeployment", name: "loaded" },
        minReplicas: 4,
        maxReplicas: 6,
        metrics,
      },
    }),
  );
  // The requests are as many as there should be; of cpu they use three times what they should.
  await client.until("loaded", ({ readyReplicas }) => readyReplicas === 6);
  await eventually(async () => {
    const { status } = await cluster.json<{ status?: WasmAutoscalerStatus }>("wasmautoscaler", "loaded");
    const [perSecond, cpu] = status?.currentMetrics ?? [];
    const requests = parseQuantity(perSecond?.current?.averageValue ?? "none");
    expect(requests.kind === "ok" && Number(requests.milli)).toBeGreaterThan(38_000);
    expect(requests.kind === "ok" && Number(requests.milli)).toBeLessThan(42_000);
    const used = parseQuantity(cpu?.current?.averageValue ?? "none");
    expect(used.kind === "ok" && Number(used.milli)).toBeGreaterThan(270);
    expect(used.kind === "ok" && Number(used.milli)).toBeLessThan(330);
  });
});

test("hollow nodes: runs of jobs end, and fail as often as asked for", async () => {
  await using cluster = await TestCluster.start([]);
  await using hollow = await HollowNodes.start(cluster, 3, ["--run-for", "10ms"]);
  await cluster.apply(job({ name: "well", image, spec: { completions: 20, parallelism: 10 } }));
  await jobEnd(cluster, "well");
  await hollow.end("SIGINT");
  await using _ = await HollowNodes.start(cluster, 3, ["--run-for", "10ms", "--fail-share", "1"]);
  await cluster.apply(job({ name: "ill", image, spec: { backoffLimit: 1 } }));
  await jobEnd(cluster, "ill", "Failed");
});
