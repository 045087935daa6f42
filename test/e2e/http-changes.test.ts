/** Planned changes of what is served, under load: not one request fails, and none is tried again that was begun. */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { TestClient } from "../support/client.ts";
import { eventually, TestCluster } from "../support/cluster.ts";
import { guestFolder } from "../support/guests.ts";
import { HttpLoad, type LoadReport } from "../support/http-load.ts";
import {
  askedOf,
  hostOf,
  type LoadedHandler,
  loadedHandlers,
  route,
  served,
  slowHandlers,
  wagi,
} from "../support/loaded-handlers.ts";
import { ask } from "../support/requests.ts";

const nodes = ["one", "two"];
let cluster: TestCluster;
let client: TestClient;
let handlers: readonly LoadedHandler[];

beforeAll(async () => {
  handlers = [...loadedHandlers, ...(await slowHandlers())];
  const listen = ["127.0.0.1:1024-65535"];
  cluster = await TestCluster.start(nodes, { gateways: true, hostPaths: [guestFolder()], listen });
  client = cluster.client();
});
afterAll(async () => {
  await cluster[Symbol.asyncDispose]();
});

const urls = () => nodes.map((name) => cluster.url(name));

async function answers(handler: LoadedHandler, name: string): Promise<void> {
  const [first = { host: "" }] = askedOf(handler, name);
  await eventually(async () => {
    for (const url of urls()) {
      const { status, body } = await ask(url, first);
      expect([status, handler.isRight(body)], body).toEqual([200, true]);
    }
  });
}

function load(handler: LoadedHandler, name: string): HttpLoad {
  return new HttpLoad({ urls: urls(), asked: askedOf(handler, name), isRight: handler.isRight });
}

function told(what: string, { requests, failures, p50Ms, p99Ms, worstMs }: LoadReport): void {
  console.log(`${what}: ${requests} requests, p50 ${p50Ms} ms, p99 ${p99Ms} ms, worst ${worstMs} ms`);
  expect(failures).toEqual([]);
}

const revisionsMax = 10;

/** By name, as some have to be compiled first. */
const all = ["wagi", "wasi-http", "uploads", "listener", "slow-wagi", "slow-listener"];

function handlerNamed(name: string): LoadedHandler {
  const handler = handlers.find((one) => one.name === name);
  if (!handler) throw new Error(`no handler ${name}`);
  return handler;
}

test.each(all)("%s: ten revisions, some overtaken by the next", async (kind) => {
  const handler = handlerNamed(kind);
  const name = `rolls-${kind}`;
  await cluster.apply(
    served(handler, name, 3, { strategy: { rollingUpdate: { maxSurge: 1, maxUnavailable: 1 } } }),
  );
  await cluster.apply(route(name));
  await answers(handler, name);
  const running = load(handler, name);
  await running.more(50);
  for (let revision = 1; revision <= revisionsMax; revision++) {
    const labels = { revision: `r${revision}` };
    const generation = await client.patch(name, { template: { metadata: { labels } } });
    if (revision % 3 === 0) await running.more(10);
    else await client.settled(name, generation, 3);
  }
  await client.settled(name, 1 + revisionsMax, 3);
  await running.more(50);
  told(name, await running.stop());
  await client.delete(name);
});

test.each(all)("%s: from ten instances to one, and back", async (kind) => {
  const handler = handlerNamed(kind);
  const name = `scales-${kind}`;
  await cluster.apply([served(handler, name, 10), route(name)].join("---\n"));
  await client.settled(name, 1, 10);
  await answers(handler, name);
  const running = load(handler, name);
  await running.more(50);
  let generation = 1;
  for (const replicas of [1, 10, 1, 10]) {
    await client.scale(name, replicas);
    await client.settled(name, ++generation, replicas);
    await running.more(20);
  }
  told(name, await running.stop());
  await client.delete(name);
});

test("weights: a canary gets more and more, then nothing, and goes", async () => {
  for (const name of ["steady", "canary"]) await cluster.apply(served(wagi, name, 2));
  for (const name of ["steady", "canary"]) await client.settled(name, 1, 2);
  await cluster.apply(route("split", { steady: 1, canary: 0 }));
  await answers(wagi, "split");
  const running = load(wagi, "split");
  for (const canary of [0, 10, 50, 100, 20, 0]) {
    await cluster.apply(route("split", { steady: 100 - canary, canary }));
    await running.more(60);
  }
  await cluster.apply(route("split", { steady: 1 }));
  await client.delete("canary");
  await running.more(60);
  told(`weights at ${hostOf("split")}`, await running.stop());
});
