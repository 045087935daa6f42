/** Traces, as a collector gets them: from the write of a workload to its guests' first instructions. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { TestCluster } from "../support/cluster.ts";
import { route, served, wagi } from "../support/loaded-handlers.ts";
import { OtlpReceiver, type ReceivedSpan } from "../support/otlp-receiver.ts";

const nodes = ["one", "two"];
const name = "traced";
let receiver: OtlpReceiver;
let cluster: TestCluster;

beforeAll(async () => {
  receiver = await OtlpReceiver.start();
  const tracing = ["--otlp-endpoint", receiver.url];
  cluster = await TestCluster.start(nodes, {
    gateways: true,
    schedulerArgs: tracing,
    nodeArgs: [...tracing, "--otlp-sample-ratio", "0"],
  });
  await cluster.apply([served(wagi, name, 1), route(name)].join("---\n"));
  await cluster.client().settled(name, 1, 1);
});
afterAll(async () => {
  await cluster[Symbol.asyncDispose]();
  await receiver[Symbol.asyncDispose]();
});

/** Each span as the names from the root to it. */
function pathsOf(spans: readonly ReceivedSpan[]): readonly string[] {
  const byId = new Map(spans.map((span) => [span.spanId, span]));
  const path = (span: ReceivedSpan): string => {
    const parent = byId.get(span.parentSpanId);
    return parent ? `${path(parent)} > ${span.name}` : span.name;
  };
  return spans.map(path).toSorted();
}

test("a write of a workload is one trace, up to the first instruction of its instance on the node", async () => {
  const root = () => receiver.spans.find((span) => span.name === "create WasmDeployment");
  const assign = "create WasmDeployment > reconcile > place > assign";
  const start = `${assign} > start`;
  const expected = [
    "create WasmDeployment",
    "create WasmDeployment > reconcile",
    "create WasmDeployment > reconcile > place",
    assign,
    start,
    ...["fetch", "mount", "prepare", "run"].map((step) => `${start} > ${step}`),
  ];
  await expect.poll(() => pathsOf(receiver.trace(root()?.traceId ?? ""))).toEqual(expected);
  const spans = receiver.trace(root()?.traceId ?? "");
  const of = (wanted: string) => spans.find((span) => span.name === wanted)!;
  expect(root()).toMatchObject({
    parentSpanId: "",
    kind: 2,
    service: "wherry-scheduler",
    attributes: { "wherry.workload.name": name, "wherry.workload.namespace": "default" },
  });
  expect(of("start")).toMatchObject({ service: "wherry-node", status: 0 });
  expect(of("start").instance).toBe(of("assign").attributes["wherry.node.name"]);
  expect(of("start").endNs).toBe(of("run").endNs);
  for (const span of spans) expect(span.endNs).toBeGreaterThanOrEqual(span.startNs);
  const [instance] = await cluster.instances();
  expect(of("start").attributes["wherry.instance.uid"]).toBe(instance?.metadata.uid);
});

test("what is declared says nothing of traces", async () => {
  const stored = await cluster.json<object>("wasmdeployment", name);
  const { traceId } = receiver.spans[0]!;
  expect(JSON.stringify([stored, await cluster.instances()])).not.toContain(traceId);
});
