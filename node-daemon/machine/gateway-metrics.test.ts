import { expect, test } from "vitest";
import { durationBoundsMs } from "../gateway/control.ts";
import type { SummedFigures } from "../serving/figures.ts";
import type { ServedWorkload } from "../serving/node-serving.ts";
import { ProcessBook } from "../serving/process-figures.ts";
import { createMetrics } from "./metrics.ts";
import { noMetricSources } from "./test-metric-sources.ts";

const options = { perInstance: false, workloadsMax: 10 };
/** `told`: of workloads of which nothing was counted. */
const counts = (served: () => readonly ServedWorkload[], told: () => readonly string[] = () => []) => ({
  figures: served,
  uncounted: told,
  workload: (uid: string) => ({ ...workload, uid, name: uid }),
});
const page = (served: readonly ServedWorkload[], told: readonly string[] = []) =>
  createMetrics(
    {
      ...noMetricSources,
      served: counts(
        () => served,
        () => told,
      ),
    },
    options,
  ).metrics();

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
});

test("createMetrics: of a workload that nobody has asked for, everything but durations is zero", async () => {
  const of = (text: string) =>
    text
      .split("\n")
      .filter((line) => line.startsWith("wherry_gateway_") && line.includes('namespace="shop"'))
      .map((line) => line.split(" "));
  const asked = of(await page([{ workload, figures }]));
  const told = of(await page([], ["web"]));
  const series = asked.flatMap(([name = ""]) => (name.includes("_duration_seconds") ? [] : [name]));
  expect(told.map(([name]) => name)).toEqual(series);
  expect(new Set(told.map(([, value]) => value))).toEqual(new Set(["0"]));
  expect(series).toContain(
    'wherry_gateway_requests_total{namespace="shop",workload="WasmDeployment/web",code="5xx"}',
  );
});

test("createMetrics: workloads that nobody has asked for have the names that are left", async () => {
  const tell = (names: readonly string[]) =>
    names.map((name) => ({ workload: { ...workload, uid: name, name }, figures }));
  const named = (from: number, to: number) => Array.from({ length: to - from }, (_, at) => `w${at + from}`);
  let served = tell(named(0, 4));
  let told = named(4, 20);
  const metrics = createMetrics(
    {
      ...noMetricSources,
      served: counts(
        () => served,
        () => told,
      ),
    },
    options,
  );
  const workloads = async () =>
    (await metrics.metrics()).split("\n").flatMap((line) => {
      const [, name] =
        /^wherry_gateway_retries_total\{.*workload="(?:WasmDeployment\/)?(\w+)"/.exec(line) ?? [];
      return name === undefined ? [] : [name];
    });
  expect(await workloads()).toEqual(named(0, 10));
  // Whoever is asked has one, though it had none.
  served = tell([...named(0, 4), "w19"]);
  told = named(4, 19);
  expect(await workloads()).toEqual([...named(0, 4), "w19", ...named(4, 9)]);
  // With names for the asked only, nothing is summed up of the others.
  served = tell([...named(0, 9), "w19"]);
  told = named(9, 19);
  expect(await workloads()).toEqual([...named(0, 9), "w19"]);
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
  const metrics = createMetrics({ ...noMetricSources, served: counts(() => served) }, options);
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

test("createMetrics: without workloads none has series", async () => {
  expect((await page([])).split("\n").filter((line) => line.includes("workload="))).toEqual([]);
});
