import { expect, test } from "vitest";
import { durationBoundsMs } from "../gateway/control.ts";
import type { SummedFigures } from "../serving/figures.ts";
import type { ServedWorkload } from "../serving/node-serving.ts";
import { ProcessBook } from "../serving/process-figures.ts";
import { createMetrics } from "./metrics.ts";
import { noMetricSources } from "./test-metric-sources.ts";

const options = { perInstance: false, workloadsMax: 10 };
const page = (served: readonly ServedWorkload[]) =>
  createMetrics({ ...noMetricSources, served: () => served }, options).metrics();

const figures: SummedFigures = {
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
    `wherry_gateway_requests_arrived_total{${of}} 9`,
    `wherry_gateway_requests_in_flight{${of}} 3`,
    `wherry_gateway_requests_queued{${of}} 2`,
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

test("createMetrics: gateway processes, what they have accepted, and what they have refused", async () => {
  const book = new ProcessBook<string>();
  book.note("g", {
    connections: { http: 7, https: 1, peer: 0, functions: 0 },
    accepted: { http: 70, https: 10, peer: 2, functions: 0 },
    connectionsRefused: { perClient: 3, inAll: 2 },
    handshakesFailed: 4,
    refusals: { NoRoute: 5 },
    droppedLogLines: 6,
    cpuSeconds: 1.5,
    residentBytes: 4_096,
    loopDelayMs: 20,
    loopUtilization: 0.25,
  });
  const text = await createMetrics({ ...noMetricSources, gateways: () => book.all() }, options).metrics();
  for (const line of [
    "wherry_gateway_processes 1",
    'wherry_gateway_connections{listener="http"} 7',
    'wherry_gateway_connections{listener="peer"} 0',
    'wherry_gateway_connections_accepted_total{listener="https"} 10',
    'wherry_gateway_connections_refused_total{reason="perClient"} 3',
    'wherry_gateway_connections_refused_total{reason="inAll"} 2',
    "wherry_gateway_tls_handshake_failures_total 4",
    'wherry_gateway_requests_refused_total{reason="NoRoute"} 5',
    "wherry_gateway_access_log_dropped_lines_total 6",
    "wherry_gateway_cpu_seconds_total 1.5",
    "wherry_gateway_resident_memory_bytes 4096",
    "wherry_gateway_event_loop_delay_seconds 0.02",
    "wherry_gateway_event_loop_utilization_ratio 0.25",
  ])
    expect(text.split("\n")).toContain(line);
});

test("createMetrics: of a node without gateways everything is zero", async () => {
  const lines = (await page([])).split("\n");
  const series = lines.filter((line) => line.startsWith("wherry_gateway_"));
  expect(series.every((line) => line.endsWith(" 0"))).toBe(true);
  expect(series).toContain("wherry_gateway_processes 0");
});

test("createMetrics: of more workloads than have names, the rest is one, whose counters never fall", async () => {
  let served = Array.from({ length: 12 }, (_, at) => {
    const uid = `w${at}`;
    return { workload: { ...workload, uid, name: uid }, figures: { ...figures, uid } };
  });
  const metrics = createMetrics({ ...noMetricSources, served: () => served }, options);
  const seriesOf = async (name: string) =>
    (await metrics.metrics()).split("\n").filter((line) => line.startsWith(`${name}{`));
  const retries = await seriesOf("wherry_gateway_retries_total");
  expect(retries).toHaveLength(11);
  expect(retries).toContain('wherry_gateway_retries_total{namespace="shop",workload="WasmDeployment/w9"} 4');
  const other = 'namespace="",workload="other"';
  expect(retries).toContain(`wherry_gateway_retries_total{${other}} 8`);
  expect(await seriesOf("wherry_gateway_requests_in_flight")).toContain(
    `wherry_gateway_requests_in_flight{${other}} 6`,
  );
  served = served.filter(({ workload: { uid } }) => uid !== "w11");
  expect(await seriesOf("wherry_gateway_retries_total")).toContain(
    `wherry_gateway_retries_total{${other}} 8`,
  );
  expect(await seriesOf("wherry_gateway_request_duration_seconds_count")).toContain(
    `wherry_gateway_request_duration_seconds_count{${other}} 12`,
  );
  expect(await seriesOf("wherry_gateway_requests_in_flight")).toContain(
    `wherry_gateway_requests_in_flight{${other}} 3`,
  );
});

test("createMetrics: without requests no workload has series", async () => {
  expect((await page([])).split("\n").filter((line) => line.includes("workload="))).toEqual([]);
});
