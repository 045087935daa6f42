/** Deployments that sleep until a request comes: none is lost, however they are put to sleep, and only requests wake them. */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { TestClient } from "../support/client.ts";
import { eventually, TestCluster } from "../support/cluster.ts";
import { freePort } from "../support/free-port.ts";
import { HttpLoad } from "../support/http-load.ts";
import {
  askedOf,
  hostOf,
  type LoadedHandler,
  route,
  served,
  wagi,
  wasiHttp,
} from "../support/loaded-handlers.ts";
import { ask } from "../support/requests.ts";

let cluster: TestCluster;
let client: TestClient;
let metricsPort: number;

beforeAll(async () => {
  metricsPort = await freePort();
  cluster = await TestCluster.start(["one"], {
    gateways: true,
    nodeArgs: ["--metrics-address", `127.0.0.1:${metricsPort}`],
  });
  client = cluster.client();
});
afterAll(async () => {
  await cluster[Symbol.asyncDispose]();
});

async function serve(handler: LoadedHandler, name: string): Promise<void> {
  await cluster.apply([served(handler, name, 1, { wakeOnRequest: true }), route(name)].join("---\n"));
  await client.settled(name, 1, 1);
  await eventually(async () => {
    expect((await ask(cluster.url("one"), { host: hostOf(name) })).status).toBe(200);
  });
}

async function sleep(name: string): Promise<void> {
  await client.scale(name, 0);
  await client.until(name, ({ replicas = 0 }) => replicas === 0);
  // One that is stopping is not counted, and may still answer.
  await eventually(async () => expect(await client.countInstances()).toBe(0));
}

test.each([wagi, wasiHttp])("$name: from one to zero and back, fifty times", async (handler) => {
  const name = `sleeps-${handler.name}`;
  await serve(handler, name);
  const times: number[] = [];
  for (let round = 0; round < 50; round++) {
    await client.until(name, ({ readyReplicas }) => readyReplicas === 1);
    await sleep(name);
    const asked = performance.now();
    const headers = { "wherry-debug": "timing" };
    const answer = await ask(cluster.url("one"), { host: hostOf(name), path: "/?name=Ada", headers });
    times.push(performance.now() - asked);
    expect([answer.status, handler.isRight(answer.body)], answer.body).toEqual([200, true]);
    expect(answer.headers["server-timing"]).toMatch(/wake;dur=(?!0\.0)/);
  }
  times.sort((a, b) => a - b);
  const [p50, p99] = [0.5, 0.99].map((part) => (times[Math.floor(times.length * part)] ?? 0).toFixed(1));
  console.log(`${name}: a request that wakes is answered in ${p50} ms (p50), ${p99} ms (p99)`);
  await client.delete(name);
});

test("put to sleep again and again while requests come: none is lost", async () => {
  await serve(wagi, "restless");
  const load = new HttpLoad({
    urls: [cluster.url("one")],
    asked: askedOf(wagi, "restless"),
    isRight: wagi.isRight,
    requestsPerSecond: 60,
  });
  for (let round = 0; round < 50; round++) {
    await client.until("restless", ({ readyReplicas }) => readyReplicas === 1);
    await client.scale("restless", 0);
    // Some of these find it going, some gone.
    await load.more(4);
  }
  const { requests, failures, p50Ms, p99Ms, worstMs } = await load.stop();
  console.log(`restless: ${requests} requests, p50 ${p50Ms} ms, p99 ${p99Ms} ms, worst ${worstMs} ms`);
  expect(failures).toEqual([]);
  await client.delete("restless");
});

test("probes of load balancers and scrapes wake nothing", async () => {
  await serve(wagi, "quiet");
  await sleep("quiet");
  for (const agent of ["kube-probe/1.35", "Prometheus/3.0"]) {
    const answer = await ask(cluster.url("one"), { host: hostOf("quiet"), headers: { "user-agent": agent } });
    expect(answer.status).toBe(503);
  }
  const metrics = await fetch(`http://127.0.0.1:${metricsPort}/metrics`);
  expect(await metrics.text()).toContain("wherry_");
  const { spec } = await cluster.json<{ spec: { replicas: number } }>("wasmdeployment", "quiet");
  expect(spec.replicas).toBe(0);
  expect(await cluster.instances()).toEqual([]);
});

test("without the scheduler each node wakes what it ran, and nothing is lost when that is too much later", async () => {
  const nodes = ["one", "two"];
  await using own = await TestCluster.start(nodes, { gateways: true });
  const name = "orphaned";
  await own.apply([served(wagi, name, 2, { wakeOnRequest: true }), route(name)].join("---\n"));
  await own.client().settled(name, 1, 2);
  await eventually(async () => {
    for (const node of nodes) expect((await ask(own.url(node), { host: hostOf(name) })).status).toBe(200);
  });
  await own.client().scale(name, 0);
  await eventually(async () => expect(await own.client().countInstances()).toBe(0));
  await own.killScheduler();
  const urls = nodes.map((node) => own.url(node));
  const load = new HttpLoad({
    urls,
    asked: askedOf(wagi, name),
    isRight: wagi.isRight,
    requestsPerSecond: 60,
  });
  await load.more(60);
  await own.startScheduler();
  // Both nodes have woken it, and replicas is 1.
  await own.client().until(name, ({ replicas, readyReplicas }) => replicas === 1 && readyReplicas === 1);
  await eventually(async () => expect(await own.client().countInstances()).toBe(1));
  await load.more(60);
  const { requests, failures, worstMs } = await load.stop();
  console.log(`${name}: ${requests} requests, worst ${worstMs} ms`);
  expect(failures).toEqual([]);
  const { spec } = await own.json<{ spec: { replicas: number } }>("wasmdeployment", name);
  expect(spec.replicas).toBe(1);
});
