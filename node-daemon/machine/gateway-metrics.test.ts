import { expect, test } from "vitest";
import { durationBoundsMs, type WorkloadFigures } from "../gateway/control.ts";
import type { ServedWorkload } from "../serving/node-serving.ts";
import { createMetrics } from "./metrics.ts";

const nothing = () => [];
const page = (served: readonly ServedWorkload[]) =>
  createMetrics({
    instances: nothing,
    conditions: nothing,
    processes: () => ({}),
    evictions: () => ({}),
    cacheBytes: () => ({}),
    served: () => served,
  }).metrics();

const figures: WorkloadFigures = {
  uid: "w",
  arrived: 9,
  inFlight: 3,
  waiting: 2,
  queued: 2,
  requests: { "1xx": 0, "2xx": 5, "3xx": 0, "4xx": 0, "5xx": 1 },
  // Two within a millisecond, three within ten, one beyond all bounds.
  durations: [...durationBoundsMs.map((ms) => (ms === 1 ? 2 : ms === 10 ? 3 : 0)), 1],
  durationSumMs: 12_500,
  wakeUps: 1,
  wakeUpSumMs: 40,
  retries: 4,
};
const workload = { uid: "w", namespace: "shop", kind: "WasmDeployment", name: "web", wakes: true, nodes: [] };

test("createMetrics: what gateways have counted, by workload", async () => {
  const lines = (await page([{ workload, figures }])).split("\n");
  const of = 'namespace="shop",workload="WasmDeployment/web"';
  for (const line of [
    `wherry_gateway_requests_total{${of},code="2xx"} 5`,
    `wherry_gateway_requests_total{${of},code="5xx"} 1`,
    `wherry_gateway_requests_in_flight{${of}} 3`,
    `wherry_gateway_requests_waiting{${of}} 2`,
    `wherry_gateway_retries_total{${of}} 4`,
    `wherry_gateway_wakeups_total{${of}} 1`,
    `wherry_gateway_wakeup_seconds_total{${of}} 0.04`,
    "# TYPE wherry_gateway_request_duration_seconds histogram",
    `wherry_gateway_request_duration_seconds_bucket{le="0.001",${of}} 2`,
    `wherry_gateway_request_duration_seconds_bucket{le="0.005",${of}} 2`,
    `wherry_gateway_request_duration_seconds_bucket{le="0.01",${of}} 5`,
    `wherry_gateway_request_duration_seconds_bucket{le="10",${of}} 5`,
    `wherry_gateway_request_duration_seconds_bucket{le="+Inf",${of}} 6`,
    `wherry_gateway_request_duration_seconds_sum{${of}} 12.5`,
    `wherry_gateway_request_duration_seconds_count{${of}} 6`,
  ])
    expect(lines).toContain(line);
  expect(lines.some((line) => line.includes('code="1xx"'))).toBe(false);
});

test("createMetrics: without requests no workload has series", async () => {
  expect((await page([])).split("\n").filter((line) => line.includes("workload="))).toEqual([]);
});
