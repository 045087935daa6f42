/** Requests through all gateways of a cluster whose nodes are drained, and whose processes are replaced or killed: none fails. */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { TestClient } from "../support/client.ts";
import { eventually, TestCluster } from "../support/cluster.ts";
import { guestFolder } from "../support/guests.ts";
import { HttpLoad } from "../support/http-load.ts";
import {
  askedOf,
  type LoadedHandler,
  loadedHandlers,
  route,
  served,
  slowHandlers,
} from "../support/loaded-handlers.ts";
import { type Asked, ask } from "../support/requests.ts";

const nodes = ["one", "two", "three"];
const replicas = 3;
let handlers: readonly LoadedHandler[];
let asked: readonly Asked[];
let cluster: TestCluster;
let client: TestClient;

beforeAll(async () => {
  handlers = [...loadedHandlers, ...(await slowHandlers())];
  asked = handlers.flatMap((handler) => askedOf(handler, handler.name));
  cluster = await TestCluster.start(nodes, {
    gateways: true,
    hostPaths: [guestFolder()],
    listen: ["127.0.0.1:1024-65535"],
    nodeArgs: ["--keep-instances-on-exit"],
  });
  client = cluster.client();
  const manifests = handlers.flatMap((handler) => [
    served(handler, handler.name, replicas),
    route(handler.name),
  ]);
  await cluster.apply(manifests.join("---\n"));
  for (const { name } of handlers) await client.settled(name, 1, replicas);
  await eventually(async () => {
    for (const url of urls()) for (const one of asked) expect((await ask(url, one)).status).toBe(200);
  });
});
afterAll(async () => {
  await cluster[Symbol.asyncDispose]();
});

const urls = () => nodes.map((name) => cluster.url(name));

/** Each client kind at each gateway. */
async function underLoad(what: string, change: (load: HttpLoad) => Promise<void>): Promise<void> {
  const isRight = (body: string) => handlers.some((handler) => handler.isRight(body));
  const load = new HttpLoad({ urls: urls(), asked, isRight, clients: 9 });
  await load.more(50);
  await change(load);
  await load.more(100);
  const { requests, failures, p50Ms, p99Ms, worstMs } = await load.stop();
  console.log(`${what}: ${requests} requests, p50 ${p50Ms} ms, p99 ${p99Ms} ms, worst ${worstMs} ms`);
  expect(failures).toEqual([]);
}

async function allReady(): Promise<void> {
  for (const { name } of handlers) {
    await client.until(
      name,
      (status) => status["readyReplicas"] === replicas && status["replicas"] === replicas,
    );
  }
}

test("one of three nodes is drained, and its gateway goes on", async () => {
  await underLoad("drain", async (load) => {
    const { code, stdout, stderr } = await cluster.wherry("drain", "one", "--timeout", "60s");
    expect(code, stdout + stderr).toBe(0);
    expect((await cluster.instances()).filter(({ spec }) => spec.nodeName === "one")).toEqual([]);
    await load.more(100);
    await cluster.wherry("uncordon", "one");
    await allReady();
  });
});

test("each daemon in turn goes and leaves its instances, and another comes", async () => {
  const before = nodes.flatMap((name) => cluster.gateways(name));
  await underLoad("daemons, SIGTERM", async (load) => {
    for (const name of nodes) {
      await cluster.stopNode(name);
      await load.more(30);
      await cluster.startNode(name);
    }
  });
  expect(nodes.flatMap((name) => cluster.gateways(name))).toEqual(before);
});

test("each daemon in turn is killed, and another comes", async () => {
  const before = nodes.flatMap((name) => cluster.gateways(name));
  await underLoad("daemons, kill -9", async (load) => {
    for (const name of nodes) {
      await cluster.killNode(name);
      await load.more(30);
      await cluster.startNode(name);
    }
  });
  expect(nodes.flatMap((name) => cluster.gateways(name))).toEqual(before);
});

test("the gateways are replaced, one node after the other", async () => {
  const before = nodes.flatMap((name) => cluster.gateways(name));
  const at = urls();
  await underLoad("gateways handed over", async (load) => {
    for (const name of nodes) {
      const old = cluster.gateways(name);
      await cluster.stopNode(name);
      // Any other flag makes another gateway.
      await cluster.startNode(name, ["--gateway-trust-forwarded"]);
      await eventually(() => {
        expect(cluster.gateways(name).filter((pid) => old.includes(pid))).toEqual([]);
        return Promise.resolve();
      });
      await load.more(30);
    }
  });
  const after = nodes.flatMap((name) => cluster.gateways(name));
  expect(after.length).toBe(before.length);
  expect(urls()).toEqual(at);
});

test("the scheduler is killed in the middle of an update, and another carries it on", async () => {
  await underLoad("scheduler, kill -9", async (load) => {
    for (const { name } of handlers) {
      await client.patch(name, { template: { metadata: { labels: { revision: "second" } } } });
    }
    await cluster.killScheduler();
    await load.more(100);
    await cluster.startScheduler();
    for (const { name } of handlers) await client.settled(name, 2, replicas);
  });
});
