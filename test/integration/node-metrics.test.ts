/** The node daemon's page of metrics, as Prometheus' own tool judges it. */
import { expect, test } from "vitest";
import { durationBoundsMs } from "../../node-daemon/gateway/control.ts";
import { createMetrics } from "../../node-daemon/machine/metrics.ts";
import { noMetricSources } from "../../node-daemon/machine/test-metric-sources.ts";
import { hasPrometheus, promtool } from "../support/prometheus-tools.ts";

/** A node that has some of everything, and more workloads than have names. */
function fullPage(): Promise<string> {
  const names = ["web", "api", "third"];
  const usage = { cpuUs: 1_500_000, memoryBytes: 65_536, fuel: 42, throttledUs: 10 };
  const listeners = { http: 3, https: 2, peer: 1, functions: 0 };
  const sources = {
    ...noMetricSources,
    instances: () =>
      names.map((name) => ({
        namespace: "default",
        name: `${name}-1`,
        workloadUid: name,
        workload: `WasmDeployment/${name}`,
        phase: "Running",
        restarts: 1,
        usage,
      })),
    counters: () => ({ cpuUs: 1, fuel: 2, throttledUs: 3, restarts: 4 }),
    conditions: () => [
      { type: "MemoryPressure", status: false, reason: "Fine", message: "", transitionMs: 0 },
    ],
    processes: () => ({ shared: 1, own: 0, spare: 1 }),
    evictions: () => ({ memory: 1, disk: 0 }),
    cacheBytes: () => ({ module: 10, translation: 20 }),
    served: {
      uncounted: () => [],
      workload: () => undefined,
      figures: () =>
        names.map((name) => ({
          workload: { uid: name, namespace: "default", kind: "WasmDeployment", name, wakes: true, nodes: [] },
          figures: {
            uid: name,
            arrived: 5,
            inFlight: 1,
            waiting: 1,
            queued: 1,
            requests: { "1xx": 0, "2xx": 3, "3xx": 0, "4xx": 1, "5xx": 1 },
            durations: [...durationBoundsMs.map(() => 1), 1],
            durationSumMs: 99,
            wakeUps: 1,
            wakeUpSumMs: 5,
            retries: 1,
          },
        })),
    },
    gateways: () => ({
      count: 1,
      connections: listeners,
      accepted: listeners,
      connectionsRefused: { perClient: 1, inAll: 0 },
      handshakesFailed: 1,
      refusals: { NoRoute: 2 },
      droppedLogLines: 0,
      traceSpans: { exported: 0, dropped: 0, failed: 0 },
      cpuSeconds: 1.5,
      residentBytes: 2 ** 20,
      loopDelayMs: 3,
      loopUtilization: 0.1,
    }),
  };
  return createMetrics(sources, { perInstance: true, workloadsMax: 2 }).metrics();
}

test.skipIf(!hasPrometheus)("the node daemon's metrics: promtool finds nothing wrong with them", async () => {
  const page = await fullPage();
  expect(promtool(["check", "metrics"], page)).toBe("");
  expect(() => promtool(["check", "metrics"], page.replaceAll("_total", "_count"))).toThrow("promtool");
});

test("the node daemon's metrics: no series comes twice", async () => {
  const series = (await fullPage()).split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  const names = series.map((line) => line.slice(0, line.lastIndexOf(" ")));
  expect(names.filter((name, at) => names.indexOf(name) !== at)).toEqual([]);
  expect(names.length).toBeGreaterThan(100);
});
