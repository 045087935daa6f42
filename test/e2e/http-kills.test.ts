/** Shims are killed under load: what was under way in them is lost, if it may not be repeated, and nothing else. */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { TestClient } from "../support/client.ts";
import { eventually, TestCluster } from "../support/cluster.ts";
import { guestFolder } from "../support/guests.ts";
import { type Failure, HttpLoad } from "../support/http-load.ts";
import {
  askedOf,
  hostOf,
  type LoadedHandler,
  route,
  served,
  slowHandlers,
  wagi,
} from "../support/loaded-handlers.ts";
import { ask, type Asked } from "../support/requests.ts";

const nodes = ["one", "two"];
const kills = 4;
const noticedMs = 250;
let cluster: TestCluster;
let client: TestClient;

beforeAll(async () => {
  cluster = await TestCluster.start(nodes, { gateways: true, hostPaths: [guestFolder()] });
  client = cluster.client();
});
afterAll(async () => {
  await cluster[Symbol.asyncDispose]();
});

async function serve(handler: LoadedHandler, name: string): Promise<void> {
  await cluster.apply(served(handler, name, 4));
  // Retries as they are if nothing is said.
  await cluster.apply(route(name, { [name]: 1 }, {}));
  await client.settled(name, 1, 4);
  await eventually(async () => {
    for (const node of nodes) expect((await ask(cluster.url(node), { host: hostOf(name) })).status).toBe(200);
  });
}

/** The shims of each node in turn are killed, while requests come in at both. */
async function killedUnder(
  handler: LoadedHandler,
  asked: readonly Asked[],
  rate: number,
): Promise<{ readonly failures: readonly Failure[]; readonly killedMs: readonly number[] }> {
  const urls = nodes.map((node) => cluster.url(node));
  const load = new HttpLoad({ urls, asked, isRight: handler.isRight, clients: 12, requestsPerSecond: rate });
  const killedMs: number[] = [];
  await load.more(30);
  for (let kill = 0; kill < kills; kill++) {
    killedMs.push(load.nowMs);
    cluster.killShims(nodes[kill % nodes.length] ?? "");
    await load.more(40);
    // Those of one node alone: the next kill is not to find nobody.
    await client.until(handler.name, ({ readyReplicas }) => readyReplicas === 4);
    await load.more(24);
  }
  const { failures, requests, p50Ms, p99Ms, worstMs } = await load.stop();
  const failed = `${failures.length} of ${requests} requests failed`;
  console.log(`${handler.name}: ${failed}, p50 ${p50Ms} ms, p99 ${p99Ms} ms, worst ${worstMs} ms`);
  return { failures, killedMs };
}

test("kill -9 of shims: what may be repeated is, and nobody notices", async () => {
  await serve(wagi, wagi.name);
  const get = askedOf(wagi, wagi.name).filter(({ method = "GET" }) => method === "GET");
  expect((await killedUnder(wagi, get, 200)).failures).toEqual([]);
  await client.delete(wagi.name);
});

test("kill -9 of shims: of what may not be repeated, that is lost which was under way there", async () => {
  const [handler = wagi] = await slowHandlers();
  await serve(handler, handler.name);
  const post = { host: hostOf(handler.name), method: "POST", body: "x" };
  const { failures, killedMs } = await killedUnder(handler, [post], 60);
  expect(failures.length).toBeGreaterThan(0);
  for (const failure of failures) {
    expect(failure.what).toMatch(/^502 |^ECONNRESET|^ERR_HTTP2_STREAM_ERROR/);
    // A gateway may write to a process that is dead before it hears so.
    const isLost = killedMs.some((ms) => failure.askedMs <= ms + noticedMs && failure.atMs >= ms);
    expect(isLost, `${JSON.stringify(failure)}; killed at ${killedMs.join()}`).toBe(true);
  }
});
