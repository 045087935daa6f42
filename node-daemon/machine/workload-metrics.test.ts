import { expect, test } from "vitest";
import { createMetrics } from "./metrics.ts";
import { noMetricSources } from "./test-metric-sources.ts";
import type { InstanceFigures } from "./workload-metrics.ts";

const instance = (name: string, workload: string, more: Partial<InstanceFigures> = {}): InstanceFigures => ({
  namespace: "shop",
  name,
  workloadUid: `uid of ${workload}`,
  workload: `WasmDeployment/${workload}`,
  phase: "Running",
  restarts: 2,
  usage: { cpuUs: 1_500_000, memoryBytes: 65_536, fuel: 42, throttledUs: 250_000 },
  ...more,
});
const counters = { cpuUs: 9_500_000, fuel: 700, throttledUs: 500_000, restarts: 5 };

const linesOf = async (
  instances: () => readonly InstanceFigures[],
  { perInstance = false, workloadsMax = 10 } = {},
  countersOf = (_uid: string): typeof counters | undefined => counters,
) => {
  const sources = { ...noMetricSources, instances, counters: countersOf };
  return (await createMetrics(sources, { perInstance, workloadsMax }).metrics()).split("\n");
};

test("createMetrics: what instances use, by workload", async () => {
  const lines = await linesOf(() => [
    instance("a", "web"),
    instance("b", "web", { phase: "Pending", usage: undefined }),
    instance("c", "web"),
  ]);
  const of = 'namespace="shop",workload="WasmDeployment/web"';
  for (const line of [
    `wherry_workload_cpu_seconds_total{${of}} 9.5`,
    `wherry_workload_fuel_total{${of}} 700`,
    `wherry_workload_throttled_seconds_total{${of}} 0.5`,
    `wherry_workload_restarts_total{${of}} 5`,
    `wherry_workload_memory_bytes{${of}} 131072`,
    `wherry_workload_instances{${of},phase="Running"} 2`,
    `wherry_workload_instances{${of},phase="Pending"} 1`,
    'wherry_node_instances{phase="Running"} 2',
  ])
    expect(lines).toContain(line);
  expect(lines.filter((line) => line.startsWith("wherry_instance"))).toEqual([]);
});

test("createMetrics: what each instance uses, on request", async () => {
  const lines = await linesOf(() => [instance("a", "web"), instance("b", "web", { usage: undefined })], {
    perInstance: true,
  });
  const of = 'namespace="shop",workload="WasmDeployment/web",instance="a"';
  for (const line of [
    `wherry_instance_cpu_seconds_total{${of}} 1.5`,
    `wherry_instance_fuel_total{${of}} 42`,
    `wherry_instance_throttled_seconds_total{${of}} 0.25`,
    `wherry_instance_memory_bytes{${of}} 65536`,
    `wherry_instance_restarts_total{${of}} 2`,
  ])
    expect(lines).toContain(line);
  expect(lines.filter((line) => line.includes('instance="b"'))).toHaveLength(1);
});

test("createMetrics: of more workloads than have names, the rest is one", async () => {
  const instances = ["one", "two", "three", "four"].map((name) => instance(name, name));
  const lines = await linesOf(() => instances, { workloadsMax: 2 });
  const other = 'namespace="",workload="other"';
  expect(lines.filter((line) => line.startsWith("wherry_workload_cpu_seconds_total{"))).toEqual([
    'wherry_workload_cpu_seconds_total{namespace="shop",workload="WasmDeployment/one"} 9.5',
    'wherry_workload_cpu_seconds_total{namespace="shop",workload="WasmDeployment/two"} 9.5',
    `wherry_workload_cpu_seconds_total{${other}} 19`,
  ]);
  expect(lines).toContain(`wherry_workload_memory_bytes{${other}} 131072`);
  expect(lines).toContain(`wherry_workload_instances{${other},phase="Running"} 2`);
});

test("createMetrics: a workload whose instances have not been counted yet has nothing but them", async () => {
  const lines = await linesOf(
    () => [instance("a", "web")],
    {},
    () => undefined,
  );
  expect(lines).toContain(
    'wherry_workload_cpu_seconds_total{namespace="shop",workload="WasmDeployment/web"} 0',
  );
});

test("createMetrics: a page is of one moment, and each page of another", async () => {
  let asked = 0;
  const instances = () => {
    asked++;
    return [instance("a", "web")];
  };
  const metrics = createMetrics({ ...noMetricSources, instances }, { perInstance: true, workloadsMax: 1 });
  await metrics.metrics();
  expect(asked).toBe(1);
  await metrics.metrics();
  expect(asked).toBe(2);
});

test("createMetrics: the daemon's own process", async () => {
  const lines = await linesOf(() => []);
  for (const name of [
    "process_cpu_seconds_total",
    "process_resident_memory_bytes",
    "process_start_time_seconds",
  ])
    expect(lines.some((line) => new RegExp(`^${name} [0-9.]+$`).test(line))).toBe(true);
});
