/** The gateway as a process: what becomes of requests when daemons, gateways and the scheduler come and go. */
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { stringify } from "yaml";
import { checkout, eventually, TestCluster } from "../support/cluster.ts";
import { deployment } from "../support/manifests.ts";
import { ask, Load } from "../support/requests.ts";

let cluster: TestCluster | undefined;
afterEach(async () => {
  await cluster?.[Symbol.asyncDispose]();
  cluster = undefined;
});

const host = "tally.test";
const image = `file://${join(checkout, "examples/http/tally.wasm")}`;

function route(name: string, rule: Readonly<Record<string, unknown>> = {}): string {
  return stringify({
    apiVersion: "wherry.dev/v1alpha1",
    kind: "WasmRoute",
    metadata: { name },
    spec: { hostnames: [`${name}.test`], rules: [{ backendRefs: [{ name }], ...rule }] },
  });
}

async function served(names: readonly string[]): Promise<TestCluster> {
  const started = await TestCluster.start(names, { gateways: true });
  cluster = started;
  await started.apply(
    deployment(names.length, { name: "tally", image, template: { http: { handler: "wagi" } } }),
  );
  await started.apply(route("tally"));
  for (const name of names) await answers(started, name);
  return started;
}

/** From then on it is an error if it does not. */
async function answers(of: TestCluster, name: string): Promise<void> {
  await eventually(async () => {
    const { status, body } = await ask(of.url(name), { host });
    expect([status, body]).toEqual([200, "ahoy, stranger\n"]);
  });
}

test("a request reaches an instance, and a host that nobody names does not", async () => {
  const { url } = await served(["one"]).then((one) => ({ url: one.url("one") }));
  expect(await ask(url, { host, path: "/?name=Ada" })).toMatchObject({ status: 200, body: "ahoy, Ada\n" });
  const posted = await ask(url, { host, method: "POST", body: "a b\nc\n" });
  expect(JSON.parse(posted.body)).toEqual({ lines: 2, words: 3, bytes: 6 });
  expect(await ask(url, { host: "other.test" })).toMatchObject({ status: 404 });
});

test("a node without an instance brings requests to one that has it, and a daemon that goes gracefully loses none", async () => {
  const two = await TestCluster.start(["one", "two"], { gateways: true });
  cluster = two;
  await two.apply(deployment(1, { name: "tally", image, template: { http: { handler: "wagi" } } }));
  await two.apply(route("tally"));
  await answers(two, "one");
  await answers(two, "two");
  const [where] = (await two.instances()).map(({ spec }) => spec.nodeName);
  const other = where === "one" ? "two" : "one";
  const load = new Load(two.url(other), { host });
  // Its instance is stopped, and made again where the requests come in.
  await two.stopNode(where ?? "");
  await answers(two, other);
  expect((await load.stop()).failures).toEqual([]);
  expect((await two.instances()).map(({ spec }) => spec.nodeName)).toEqual([other]);
});

test("kill -9 of the daemon: requests go on, and the next daemon takes the gateway over as it is", async () => {
  const one = await served(["one"]);
  const url = one.url("one");
  const gateways = one.gateways("one");
  const load = new Load(url, { host });
  await one.killNode("one");
  const before = load.requests;
  await eventually(() => Promise.resolve(expect(load.requests).toBeGreaterThan(before + 100)));
  await one.startNode("one");
  expect(one.url("one")).toBe(url);
  const after = load.requests;
  await eventually(() => Promise.resolve(expect(load.requests).toBeGreaterThan(after + 100)));
  expect((await load.stop()).failures).toEqual([]);
  expect(one.gateways("one")).toEqual(gateways);
});

test("a gateway of another build takes over under load, and no request is lost", async () => {
  const one = await served(["one"]);
  const url = one.url("one");
  const [old] = one.gateways("one");
  const load = new Load(url, { host });
  await one.killNode("one");
  // Any other flag makes another gateway.
  await one.startNode("one", ["--gateway-trust-forwarded"]);
  await eventually(() => {
    expect(one.gateways("one")).not.toContain(old);
    return Promise.resolve();
  }, 90_000);
  expect(one.gateways("one").length).toBe(1);
  expect((await load.stop()).failures).toEqual([]);
  expect(one.url("one")).toBe(url);
});

test("kill -9 of the gateway: there is another within a second, at the same port, which knows everything", async () => {
  const one = await served(["one"]);
  const url = one.url("one");
  const before = performance.now();
  one.killGateways("one");
  let answer = await ask(url, { host }).catch(() => undefined);
  while (answer === undefined) {
    await new Promise(setImmediate);
    answer = await ask(url, { host }).catch(() => undefined);
  }
  const tookMs = performance.now() - before;
  expect(answer).toMatchObject({ status: 200 });
  // Of 300 ms on two idle cores; the machine that runs tests may be busy.
  expect(tookMs).toBeLessThan(5_000);
});

test("without the scheduler, and without daemon and scheduler, routes hold", async () => {
  const one = await served(["one"]);
  const url = one.url("one");
  await one.stopScheduler();
  expect(await ask(url, { host })).toMatchObject({ status: 200 });
  await one.killNode("one");
  // A gateway that knows only what the daemon has on its disk.
  const [old] = one.gateways("one");
  process.kill(old ?? 0, "SIGKILL");
  // Not ready before it has a scheduler.
  one.startNode("one").catch(() => {});
  await eventually(async () => {
    expect(one.gateways("one")).not.toContain(old);
    expect(await ask(url, { host })).toMatchObject({ status: 200 });
  });
});

test("a request wakes a workload that is at zero, and is answered", async () => {
  const started = await TestCluster.start(["one"], { gateways: true });
  cluster = started;
  const spec = { wakeOnRequest: true };
  await started.apply(deployment(0, { name: "tally", image, spec, template: { http: { handler: "wagi" } } }));
  await started.apply(route("tally"));
  const url = started.url("one");
  // As long as the gateway does not know the route, it says so.
  await eventually(async () => expect((await ask(url, { host })).status).not.toBe(404));
  expect(await ask(url, { host })).toMatchObject({ status: 200, body: "ahoy, stranger\n" });
  const { spec: after } = await started.json<{ spec: { replicas: number } }>("wasmdeployment", "tally");
  expect(after.replicas).toBe(1);
});

test("a server of its own, at a port that nobody has chosen, is replaced without losing a request", async () => {
  const listen = ["127.0.0.1:1024-65535"];
  const one = await TestCluster.start(["one"], { gateways: true, listen });
  cluster = one;
  const server = (revision: string) =>
    deployment(2, {
      name: "tally",
      image: `file://${join(checkout, "examples/c-server/server.wasm")}`,
      template: {
        http: { handler: "listener", concurrency: 4 },
        listeners: [{ name: "web", address: "127.0.0.1", port: 0 }],
        env: [{ name: "NAME", value: revision }],
      },
    });
  await one.apply(server("first"));
  // What is cut off in the middle is not tried again, though it could be.
  await one.apply(route("tally", { retry: { attempts: 0 } }));
  const url = one.url("one");
  const answersAs = (revision: string) =>
    eventually(async () => {
      const { status, body } = await ask(url, { host });
      expect([status, body]).toEqual([200, expect.stringContaining(revision)]);
    });
  await answersAs("first");
  const load = new Load(url, { host }, 2);
  const before = (await one.instances()).map(({ metadata }) => metadata.uid);
  await one.apply(server("second"));
  await eventually(async () => {
    const now = await one.instances();
    expect(now.filter(({ metadata }) => before.includes(metadata.uid))).toEqual([]);
    expect(now.map(({ status }) => status.display)).toEqual(["Running", "Running"]);
  });
  await answersAs("second");
  const { failures, requests } = await load.stop();
  expect(failures).toEqual([]);
  expect(requests).toBeGreaterThan(20);
});

test("while the scheduler is away a node wakes what it last ran, and the scheduler takes that over", async () => {
  const one = await TestCluster.start(["one"], { gateways: true });
  cluster = one;
  const spec = { wakeOnRequest: true };
  await one.apply(deployment(1, { name: "tally", image, spec, template: { http: { handler: "wagi" } } }));
  await one.apply(route("tally"));
  await answers(one, "one");
  expect((await one.wherry("scale", "wasmdeployment/tally", "--replicas", "0")).code).toBe(0);
  await eventually(async () => expect(await one.instances()).toEqual([]));
  await one.stopScheduler();
  // Also by a daemon that has not run it itself.
  await one.killNode("one");
  one.startNode("one").catch(() => {});
  await answers(one, "one");
  await one.startScheduler();
  await eventually(async () => {
    const { spec: after } = await one.json<{ spec: { replicas: number } }>("wasmdeployment", "tally");
    expect(after.replicas).toBe(1);
  });
  const [woken, ...others] = await one.instances();
  expect(others).toEqual([]);
  expect(woken?.status).toMatchObject({ display: "Running", restarts: 0 });
  expect(await ask(one.url("one"), { host })).toMatchObject({ status: 200 });
});
