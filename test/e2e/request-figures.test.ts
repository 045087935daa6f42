/** Requests of real clients, as the scheduler hears of them from the gateways: what autoscalers are told. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { stringify } from "yaml";
import type { WasmAutoscalerStatus } from "../../api/gen/kinds.gen.ts";
import { parseQuantity } from "../../api/quantity.ts";
import { checkout, eventually, TestCluster } from "../support/cluster.ts";
import { freePort } from "../support/free-port.ts";
import { guestFolder, guestImage } from "../support/guests.ts";
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
  cluster = await TestCluster.start(nodes, {
    gateways: true,
    hostPaths: [guestFolder()],
    nodeArgs: ["--gateway-workers", "2"],
  });
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

/** The row of `wherry top workloads`. */
async function topOf(workload: string) {
  const { code, stdout, stderr } = await cluster.wherry("top", "workloads", workload, "--no-headers");
  expect(code, stderr).toBe(0);
  const [, , ready, cpu, , memory, , requests] = stdout.trim().split(/ {2,}/);
  expect(cpu).toMatch(/^(\d+m|<unknown>)$/);
  const perSecondText = Number.parseFloat(requests ?? "");
  return { ready, memory, isBusy: perSecondText > 15 && perSecondText < 25 };
}

/** What a real terminal shows while `top -w` runs on it: two pictures, and then somebody presses q. */
async function picturesOf(workload: string): Promise<string> {
  const command = `stty cols 160 rows 20; ${process.execPath} cli/bin.mjs top workloads ${workload} -w`;
  const env = { ...process.env, KUBECONFIG: cluster.directory.kubeconfig, LC_ALL: "C.UTF-8", TERM: "xterm" };
  const child = spawn("script", ["-qec", command, "/dev/null"], {
    env,
    cwd: checkout,
    stdio: ["pipe", "pipe", "inherit"],
  });
  let shown = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    shown += text;
    if (shown.split("q: quit").length === 3) child.stdin.write("q");
  });
  const [code] = await once(child, "close");
  expect(code).toBe(0);
  // oxlint-disable-next-line no-control-regex -- styles are not what this is about
  return shown.replaceAll(/\u001b\[[0-9;]*[A-Za-z]/g, "");
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
  await eventually(async () =>
    expect(await topOf(name)).toMatchObject({
      ready: "1/1",
      memory: expect.stringMatching(/^\d+[KM]i$/),
      isBusy: true,
    }),
  );
  expect(await picturesOf(name)).toMatch(/counted +(WasmDeployment +)?1\/1 .*[█▏▎▍▌▋▊▉░]{8}/);
  const { failures } = await load.stop();
  expect(failures).toEqual([]);
  await eventually(async () => expect(await perSecond()).toBe(0));
  expect(await topOf(name)).toMatchObject({ isBusy: false });
});

/** As `wherry top workloads` has it: the mean of ten seconds. */
async function queuedOf(workload: string): Promise<string | undefined> {
  const { stdout } = await cluster.wherry("top", "workloads", workload, "--no-headers");
  return stdout.trim().split(/ {2,}/).at(-1);
}

test("what waits with an instance is counted whole, whichever processes have sent it there, and not what a dead one has sent", async () => {
  const crowded = "crowded";
  const concurrency = 4;
  const http = { handler: "wagi", concurrency, requestTimeoutSeconds: 600, idleTimeoutSeconds: 600 };
  const dawdler = {
    ...wagi,
    image: await guestImage("dawdler"),
    template: { ...wagi.template, http, env: [{ name: "DAWDLE_MS", value: "600000" }] },
  };
  await cluster.apply([served(dawdler, crowded, 1), route(crowded)].join("---\n"));
  await cluster.client().settled(crowded, 1, 1);
  const leaving = new AbortController();
  const { signal } = leaving;
  let waiting = 0;
  const asks = Array.from({ length: 40 }, async (_, index) => {
    waiting++;
    await ask(cluster.url(nodes[index % 2] ?? ""), { host: hostOf(crowded), signal }).catch(() => {});
    waiting--;
  });
  await eventually(async () => expect(await queuedOf(crowded)).toBe(`${40 - concurrency}`));
  const [instance] = (await cluster.instances()).filter(({ metadata }) => metadata.labels["app"] === crowded);
  const [worker = 0] = cluster.gateways(instance?.spec.nodeName ?? "");
  process.kill(worker, "SIGKILL");
  await eventually(async () =>
    expect([waiting < 40, await queuedOf(crowded)]).toEqual([true, `${Math.max(0, waiting - concurrency)}`]),
  );
  console.log(`${40 - waiting} of 40 were with the process that was killed`);
  leaving.abort();
  await Promise.all(asks);
  await eventually(async () => expect(await queuedOf(crowded)).toBe("0"));
});

test("kill -9 of a daemon, and of its gateway while nobody is there: the node's counters go on from where they were", async () => {
  const port = await freePort();
  const nodeArgs = ["--metrics-address", `127.0.0.1:${port}`];
  await using one = await TestCluster.start(["one"], { gateways: true, nodeArgs });
  await one.apply([served(wagi, name, 1), route(name)].join("---\n"));
  await one.client().settled(name, 1, 1);
  const answered = async () => (await ask(one.url("one"), { host: hostOf(name) })).status;
  await eventually(async () => expect(await answered()).toBe(200));
  for (let asked = 0; asked < 50; asked++) expect(await answered()).toBe(200);
  const counted = async () => {
    const page = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    return Number(/^wherry_gateway_requests_arrived_total\{.*\} (\d+)$/m.exec(page)?.[1]);
  };
  await eventually(async () => expect(await counted()).toBeGreaterThanOrEqual(50));
  const before = await counted();
  const saved = join(one.directory.node("one"), "gateway", "figures.json");
  await eventually(() =>
    Promise.resolve(expect(readFileSync(saved, "utf8")).toContain(`"arrived":${before}`)),
  );
  await one.killNode("one");
  one.killGateways("one");
  await one.startNode("one");
  expect(await counted()).toBe(before);
  await eventually(async () => expect(await answered()).toBe(200));
  await eventually(async () => expect(await counted()).toBeGreaterThan(before));
});
