import { expect, test } from "vitest";
import { ApiMetrics } from "./api-metrics.ts";
import { configMap, configMapsPath } from "../testing/manifests.ts";
import { TestServer } from "../testing/test-server.ts";

const counters = { written: 1, dropped: 2, failures: 3 };

interface Family {
  readonly type: string;
  readonly help: string;
  /** By what stands before the value. */
  readonly samples: Map<string, number>;
}

/** Prometheus' text format. https://prometheus.io/docs/instrumenting/exposition_formats/ */
function parse(text: string): ReadonlyMap<string, Family> {
  const families = new Map<string, Family>();
  let help = "";
  let family: Family | undefined;
  for (const line of text.split("\n").filter((one) => one !== "")) {
    const comment = /^# (?<what>HELP|TYPE) (?<name>[a-zA-Z_:][\w:]*) (?<rest>.+)$/.exec(line)?.groups;
    const sample = /^(?<id>[a-zA-Z_:][\w:]*(?:\{(?:\w+="[^"]*",?)*\})?) (?<value>\S+)$/.exec(line)?.groups;
    if (comment?.["what"] === "HELP") help = comment["rest"] ?? "";
    else if (comment) {
      family = { type: comment["rest"] ?? "", help, samples: new Map() };
      families.set(comment["name"] ?? "", family);
    } else if (sample && family) family.samples.set(sample["id"] ?? "", Number(sample["value"]));
    else throw new Error(`neither a comment nor a sample: ${line}`);
  }
  return families;
}

test("GET /metrics: what an operator looks for, in Prometheus' format and by its conventions", async () => {
  await using server = await TestServer.start({ audit: { counters, write: () => {} } });
  await server.call("POST", configMapsPath, { body: configMap("a") });
  await server.call("GET", `${configMapsPath}/none`);
  const { text, headers } = await server.call("GET", "/metrics");
  expect(headers["content-type"]).toContain("text/plain; version=0.0.4");
  const families = parse(text);
  const sample = (id: string) => families.get(id.replace(/\{.*/, ""))?.samples.get(id);
  expect(sample('wherry_apiserver_objects{resource="configmaps"}')).toBe(1);
  expect(
    sample(
      'wherry_apiserver_requests_total{verb="get",group="",resource="configmaps",subresource="",code="404"}',
    ),
  ).toBe(1);
  expect(sample("wherry_audit_events_total")).toBe(1);
  expect(sample("wherry_audit_events_dropped_total")).toBe(2);
  expect(sample("wherry_audit_write_failures_total")).toBe(3);
  expect(sample("wherry_apiserver_watches_dropped_total")).toBe(0);
  expect(sample("wherry_store_commits_queued")).toBe(0);
  expect(sample("wherry_store_read_only")).toBe(0);
  expect(sample("wherry_store_size_bytes")).toBeGreaterThan(0);
  const commits = families.get("wherry_store_commit_duration_seconds");
  expect(
    commits?.samples.get('wherry_store_commit_duration_seconds_count{result="committed"}'),
  ).toBeGreaterThan(1);
  expect(families.has("nodejs_eventloop_lag_seconds")).toBe(true);
  expect(families.has("process_resident_memory_bytes")).toBe(true);
  const own = [...families].filter(([name]) => name.startsWith("wherry_"));
  expect(own.filter(([name, { type }]) => (type === "counter") !== name.endsWith("_total"))).toEqual([]);
  expect(own.filter(([, { help }]) => !help.endsWith("."))).toEqual([]);
});

test("GET /metrics: counters that are kept elsewhere do not add up from one look to the next", async () => {
  await using server = await TestServer.start({ audit: { counters, write: () => {} } });
  await server.call("GET", "/metrics");
  const { text } = await server.call("GET", "/metrics");
  expect(parse(text).get("wherry_audit_events_total")?.samples.get("wherry_audit_events_total")).toBe(1);
});

test("ApiMetrics.finished: has a bound for resources that come and go", async () => {
  const metrics = new ApiMetrics();
  for (let i = 0; i < 3_000; i++)
    metrics.finished(
      {
        kind: "resource",
        verb: "get",
        group: "example.com",
        version: "v1",
        resource: `kind${i}`,
        subresource: "",
        namespace: "",
        name: "",
      },
      200,
      0.01,
      { isKnown: true, isLongRunning: false },
    );
  const requests = parse(await metrics.text()).get("wherry_apiserver_requests_total");
  expect(requests?.samples.size).toBe(1_001);
});
