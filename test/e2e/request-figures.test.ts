/** Requests of real clients, as the scheduler hears of them from the gateways: what autoscalers are told. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { stringify } from "yaml";
import type { WasmAutoscalerStatus } from "../../api/gen/kinds.gen.ts";
import { parseQuantity } from "../../api/quantity.ts";
import { eventually, TestCluster } from "../support/cluster.ts";
import { HttpLoad } from "../support/http-load.ts";
import { askedOf, hostOf, route, served, wagi } from "../support/loaded-handlers.ts";
import { ask } from "../support/requests.ts";

const nodes = ["one", "two"];
const name = "counted";
let cluster: TestCluster;

/** It looks, and never has a reason to change anything. */
const watcher = {
  apiVersion: "wherry.dev/v1alpha1",
  kind: "WasmAutoscaler",
  metadata: { name },
  spec: {
    scaleTargetRef: { kind: "WasmDeployment", name },
    minReplicas: 1,
    maxReplicas: 1,
    metrics: ["perSecond", "inFlight"].map((metric) => ({
      type: "Requests",
      requests: { metric, target: { type: "Value", value: "1000" } },
    })),
  },
};

beforeAll(async () => {
  cluster = await TestCluster.start(nodes, { gateways: true });
  await cluster.apply([served(wagi, name, 1), route(name), stringify(watcher)].join("---\n"));
  await cluster.client().settled(name, 1, 1);
  for (const node of nodes)
    await eventually(async () =>
      expect((await ask(cluster.url(node), { host: hostOf(name) })).status).toBe(200),
    );
});
afterAll(async () => {
  await cluster[Symbol.asyncDispose]();
});

/** Requests per second, as the autoscaler knows it. */
async function perSecond(): Promise<number> {
  const { status } = await cluster.json<{ status?: WasmAutoscalerStatus }>("wasmautoscaler", name);
  const value = status?.currentMetrics?.[0]?.current?.value;
  const parsed = parseQuantity(value ?? "none");
  return parsed.kind === "ok" ? Number(parsed.milli) / 1_000 : Number.NaN;
}

test("requests are counted where they come from clients, each once, whichever node answers them", async () => {
  const load = new HttpLoad({
    urls: nodes.map((node) => cluster.url(node)),
    asked: askedOf(wagi, name),
    isRight: wagi.isRight,
    requestsPerSecond: 20,
  });
  // One of two comes to the node that has no instance: if they were counted at both, there would be 30.
  await eventually(async () => {
    const found = await perSecond();
    expect(found).toBeGreaterThan(15);
    expect(found).toBeLessThan(25);
  });
  const { failures } = await load.stop();
  expect(failures).toEqual([]);
  await eventually(async () => expect(await perSecond()).toBe(0));
});
