/** Workers for what waits in a real Redis: from zero, through a crash of Redis, and back to zero. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { join } from "node:path";
import { autoscaler, average, ReplicasWatch, replicasAre, saysOf, trustMs } from "../support/autoscaling.ts";
import { checkout, eventually, TestCluster } from "../support/cluster.ts";
import { deployment } from "../support/manifests.ts";
import { hasRedis, startRedis, tellRedis } from "../support/metric-servers.ts";

let cluster: TestCluster;
const image = `file://${join(checkout, "examples/hello/hello.wasm")}`;
const names = ["of-list", "of-stream"];

beforeAll(async () => {
  cluster = await TestCluster.start(["one"], {
    schedulerArgs: ["--allow-metrics-server", "redis://127.0.0.1:*"],
  });
});
afterAll(async () => {
  await cluster[Symbol.asyncDispose]();
});

const waiting = (port: number, what: object) => ({
  type: "Redis",
  redis: {
    address: `127.0.0.1:${port}`,
    target: average("10"),
    intervalSeconds: 1,
    timeoutSeconds: 5,
    ...what,
  },
});

const group = ["XGROUP", "CREATE", "events", "workers", "0", "MKSTREAM"];

async function runningOf(name: string): Promise<number> {
  const all = await cluster.instances();
  return all.filter(({ spec, status }) => spec.owner.name === name && status.phase === "Running").length;
}

test.skipIf(!hasRedis)(
  "by Redis: workers for a list and a stream, kept while it is down, then none",
  async () => {
    await using first = await startRedis();
    await tellRedis(first.port, [group]);
    const manifests = names.flatMap((name) => [
      deployment(0, { name, image }),
      autoscaler(name, [
        name === "of-list"
          ? waiting(first.port, { list: { key: "mails" } })
          : waiting(first.port, { stream: { key: "events", group: "workers" } }),
      ]),
    ]);
    await cluster.apply(manifests.join("---\n"));
    await using replicas = new ReplicasWatch(cluster);
    await eventually(async () => {
      for (const name of names)
        expect(await saysOf(cluster, name, "ScalingActive")).toMatch(/^ValidMetricFound/);
    });
    for (const name of names) expect(replicas.all(name)).toEqual([0]);

    const numbers = Array.from({ length: 40 }, (_, index) => String(index));
    await tellRedis(first.port, [
      ["LPUSH", "mails", ...numbers],
      ...numbers.map((number) => ["XADD", "events", "*", "number", number]),
      // What a worker has been given and has not acknowledged waits as well.
      ["XREADGROUP", "GROUP", "workers", "one", "COUNT", "15", "STREAMS", "events", ">"],
    ]);
    await replicasAre(replicas, { "of-list": 4, "of-stream": 4 });
    await eventually(async () => {
      for (const name of names) expect(await runningOf(name)).toBe(4);
    });

    replicas.mark();
    await first.kill();
    await eventually(async () => {
      for (const name of names)
        expect(await saysOf(cluster, name, "ScalingActive")).toMatch(/^False Unreachable: /);
    });
    const backMs = performance.now();
    await using second = await startRedis([], undefined, first.port);
    await eventually(async () => {
      expect(await saysOf(cluster, "of-list", "AbleToScale")).toMatch(/^ScaleDownHeld: /);
      expect(await saysOf(cluster, "of-stream", "ScalingActive")).toMatch(
        /^False NoData: .*there is no stream/,
      );
    });
    for (const name of names) expect(replicas.fewest(name)).toBe(4);
    await tellRedis(second.port, [group]);
    await replicasAre(replicas, { "of-list": 0, "of-stream": 0 });
    expect(performance.now() - backMs).toBeGreaterThan(trustMs);
    await eventually(async () => expect(await cluster.instances()).toEqual([]));
  },
);
