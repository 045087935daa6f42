/**
 * Autoscalers by what the gateways count, without anything beside Wherry: from zero by requests, through the death of the scheduler and
 * the silence of half of the nodes, back to zero. No request is lost.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import { autoscaler, average, ReplicasWatch, replicasAre, saysOf, trustMs } from "../support/autoscaling.ts";
import { eventually, TestCluster } from "../support/cluster.ts";
import { guestFolder, guestImage } from "../support/guests.ts";
import { HttpLoad, type LoadReport } from "../support/http-load.ts";
import { askedOf, hostOf, type LoadedHandler, route, served, wagi } from "../support/loaded-handlers.ts";
import { ask } from "../support/requests.ts";

const nodes = ["one", "two"];
let cluster: TestCluster;
let slow: LoadedHandler;
const handlerOf: Record<string, LoadedHandler> = {};

beforeAll(async () => {
  cluster = await TestCluster.start(nodes, { gateways: true, lostAfter: "60s", hostPaths: [guestFolder()] });
  const image = await guestImage("dawdler");
  slow = {
    name: "slow",
    image,
    template: { ...wagi.template, env: [{ name: "DAWDLE_MS", value: "200" }] },
    asked: [{ path: "/" }],
    isRight: (body) => body === "begun\ndone\n",
  };
  handlerOf["arriving"] = wagi;
  handlerOf["in-flight"] = slow;
});
afterAll(async () => {
  await cluster[Symbol.asyncDispose]();
});

const counted = (metric: string, averageValue: string) => ({
  type: "Requests",
  requests: { metric, target: average(averageValue) },
});
const metrics: Readonly<Record<string, object>> = {
  arriving: counted("perSecond", "10"),
  "in-flight": counted("inFlight", "2"),
};
const names = Object.keys(metrics);
const each = (replicas: number) => Object.fromEntries(names.map((name) => [name, replicas]));

function loads(requestsPerSecond: number): readonly HttpLoad[] {
  return names.map((name) => {
    const handler = handlerOf[name] ?? wagi;
    return new HttpLoad({
      urls: nodes.map((node) => cluster.url(node)),
      asked: askedOf(handler, name),
      isRight: handler.isRight,
      clients: 12,
      requestsPerSecond,
    });
  });
}

async function nothingLost(running: readonly HttpLoad[]): Promise<void> {
  const reports = await Promise.all(running.map((load) => load.stop()));
  expect(reports.flatMap((report: LoadReport) => report.failures)).toEqual([]);
}

test("by requests: from zero to many, kept while the scheduler is new and nodes are silent, to one and to zero", async () => {
  const manifests = names.flatMap((name) => [
    served(handlerOf[name] ?? wagi, name, 0, { wakeOnRequest: true }),
    route(name),
    autoscaler(name, [metrics[name] ?? {}]),
  ]);
  await cluster.apply(manifests.join("---\n"));
  await using replicas = new ReplicasWatch(cluster);
  // The first ones find no route yet, or nothing that runs.
  for (const name of names)
    for (const node of nodes)
      await eventually(async () => {
        const { status, body } = await ask(cluster.url(node), { host: hostOf(name) });
        expect(`${name} at ${node}: ${status} ${body}`).toContain(": 200 ");
      });

  const peak = loads(60);
  await replicasAre(replicas, each(4));
  replicas.mark();
  await cluster.killScheduler();
  await Promise.all(peak.map((load) => load.more(30)));
  await cluster.startScheduler();
  await eventually(async () => {
    for (const name of names) expect(await saysOf(cluster, name, "AbleToScale")).not.toBe("");
    expect(await cluster.instances()).toHaveLength(8);
  });
  await nothingLost(peak);
  const few = loads(3);
  await eventually(async () => {
    for (const name of names)
      expect(await saysOf(cluster, name, "AbleToScale")).toMatch(
        /^ScaleDownHeld: .* nothing is taken away because .* has been known for less than 60 s/,
      );
  });

  // Its gateway goes on, and nobody hears of what it does.
  cluster.freezeNode("two");
  await eventually(async () => {
    for (const name of names)
      expect(await saysOf(cluster, name, "AbleToScale")).toMatch(
        /^ScaleDownHeld: .* because (.* is known in part only|the nodes of \d+ instances are silent)/,
      );
    expect(await saysOf(cluster, "arriving", "ScalingActive")).toMatch(/^PartialMetrics: /);
  });
  for (const name of names) expect(replicas.fewest(name)).toBe(4);
  const heardMs = performance.now();
  cluster.thawNode("two");
  await replicasAre(replicas, each(1));
  expect(performance.now() - heardMs).toBeGreaterThan(trustMs);
  await nothingLost(few);
  await replicasAre(replicas, each(0));
  await eventually(async () => expect(await cluster.instances()).toEqual([]));
  for (const name of names) {
    const { status } = await ask(cluster.url("two"), { host: hostOf(name) });
    expect(status).toBe(200);
  }
});
