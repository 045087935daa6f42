import { expect, test } from "vitest";
import { FakeNode } from "../../testing/fake-node.ts";
import { httpHandler, startRouteCluster } from "../../testing/route-cluster.ts";
import { daemonSet, eventsIn } from "../../testing/test-engine.ts";

test("Routing: a route is accepted, compiled and told to gateways, with where its workload is ready", async () => {
  const { gatewayNode, serve, route, routeStatus, pass } = await startRouteCluster();
  const [a, b] = [gatewayNode("a"), gatewayNode("b")];
  serve("app", 4);
  route("web", { hostnames: ["Shop.Example.com"] });
  await pass(300);
  expect(routeStatus("web")).toEqual({
    url: "http://shop.example.com:8080",
    Accepted: "True Accepted",
    ResolvedRefs: "True ResolvedRefs",
    Programmed: "True Programmed",
  });
  const app = [...a.gateway.workloads.values()][0];
  expect(app).toMatchObject({ kind: "WasmDeployment", name: "app", wakes: false, nodes: [] });
  expect(a.gateway.route("web")).toMatchObject({
    hostnames: ["shop.example.com"],
    rules: [{ backends: [{ workload: app?.uid, name: "app", weight: 1 }] }],
  });
  b.runAll();
  await pass(100);
  expect(a.gateway.ready("app")).toEqual({ b: 2 });
  expect([...a.gateway.workloads.values()][0]?.nodes[0]?.address).toBe("b.example:7000");
  expect(b.gateway.ready("app")).toEqual({});
  a.runAll();
  await pass(100);
  expect(b.gateway.ready("app")).toEqual({ a: 2 });
});

test("Routing: what stops, is not ready, or is on a lost node counts no more", async () => {
  const { gatewayNode, serve, route, pass } = await startRouteCluster();
  const [a, b] = [gatewayNode("a"), gatewayNode("b")];
  serve("app", 4);
  route("web");
  await pass(300);
  a.runAll();
  b.runAll();
  await pass(100);
  const [first = ""] = b.held.keys();
  b.report(first, { ready: false });
  await pass(100);
  expect(a.gateway.ready("app")).toEqual({ b: 1 });
  serve("app", 0);
  await pass(100);
  expect(a.gateway.ready("app")).toEqual({});
  serve("app", 2);
  await pass(100);
  b.runAll();
  await pass(100);
  expect(a.gateway.ready("app")).toEqual({ b: 1 });
  b.disconnect();
  await pass(10_000);
  expect(a.gateway.ready("app")).toEqual({ b: 1 });
  await pass(10_000);
  expect(a.gateway.ready("app")).toEqual({});
});

test("Routing: nodes without a gateway are told nothing", async () => {
  const { node, gatewayNode, serve, route, pass } = await startRouteCluster();
  const plain = node("plain");
  const a = gatewayNode("a");
  serve("app", 2);
  route("web");
  await pass(300);
  plain.runAll();
  await pass(300);
  expect(plain.gateway.updates).toEqual([]);
  expect(a.gateway.ready("app")).toEqual({});
});

test("Routing: what can be called is told without a route, and daemon sets answer as deployments do", async () => {
  const { gatewayNode, serve, route, backend, pass } = await startRouteCluster();
  const [a, b] = [gatewayNode("a"), gatewayNode("b")];
  const functions = { concurrency: 1, queueLength: 1, callsPerInstance: 1, timeoutSeconds: 1, maxBytes: 1 };
  serve("calls", 2, {}, { functions });
  serve("silent", 1);
  const agent = backend.put("wasmdaemonsets", daemonSet({ http: httpHandler }));
  route("web", { rules: [{ backendRefs: [{ kind: "WasmDaemonSet", name: "agent", weight: 1 }] }] });
  await pass(300);
  a.runAll();
  b.runAll();
  await pass(300);
  const names = () => [...a.gateway.workloads.values()].map(({ kind, name }) => `${kind} ${name}`).toSorted();
  expect(names()).toEqual(["WasmDaemonSet agent", "WasmDeployment calls"]);
  expect([a.gateway.ready("calls"), a.gateway.ready("agent")]).toEqual([{ b: 1 }, { b: 1 }]);
  serve("calls", 2, {}, { args: ["no functions"] });
  await pass(300);
  expect(names()).toEqual(["WasmDaemonSet agent"]);
  backend.remove("wasmdaemonsets", agent);
  await pass(300);
  expect(names()).toEqual([]);
});

const namespace = (name: string, labels: Readonly<Record<string, string>> = {}) => ({
  apiVersion: "v1",
  kind: "Namespace",
  metadata: { name, labels },
});
const allowed = { "wherry.dev/wide-hosts": "true" };

test.each([
  ["all hosts", {}],
  ["*.com", { hostnames: ["shop.example.com", "*.COM"] }],
])(
  "Routing: a route for %s is for namespaces that may have one, as long as they may",
  async (_name, spec) => {
    const { gatewayNode, route, routeStatus, backend, pass } = await startRouteCluster();
    const a = gatewayNode("a");
    backend.put("namespaces", namespace("shop"));
    route("web", spec, "shop");
    await pass(300);
    expect(routeStatus("web", "shop")).toMatchObject({ Accepted: "False HostNotAllowed" });
    expect(a.gateway.route("web")).toBeUndefined();
    backend.put("namespaces", namespace("shop", allowed));
    await pass(300);
    expect(routeStatus("web", "shop")).toMatchObject({ Accepted: "True Accepted" });
    expect(a.gateway.route("web")).toBeDefined();
    backend.put("namespaces", namespace("shop"));
    await pass(2_000);
    expect(routeStatus("web", "shop")).toMatchObject({ Accepted: "False HostNotAllowed" });
    expect(a.gateway.route("web")).toBeUndefined();
    expect(eventsIn(backend).map((event) => event["reason"])).toContain("HostNotAllowed");
  },
);

test("Routing: what a namespace may not name keeps nothing from others, and nothing of what they have had since", async () => {
  const { route, routeStatus, backend, clock, pass } = await startRouteCluster();
  clock.advance(60_000);
  route("late", { hostnames: ["b.org"] }, "shop");
  route("wide", { hostnames: ["*.com"] }, "greedy");
  await pass(2_000);
  route("web", { hostnames: ["a.com"] }, "shop");
  await pass(2_000);
  expect(routeStatus("web", "shop")).toMatchObject({ Accepted: "True Accepted" });
  backend.put("namespaces", namespace("greedy", allowed));
  await pass(2_000);
  route("late", { hostnames: ["b.com"] }, "shop");
  await pass(2_000);
  expect([
    routeStatus("wide", "greedy")["Accepted"],
    routeStatus("web", "shop")["Accepted"],
    routeStatus("late", "shop")["Accepted"],
  ]).toEqual(["True Accepted", "True Accepted", "False HostConflict"]);
});

test("Routing: a backend that is missing is told as such, and found when it comes", async () => {
  const { gatewayNode, serve, route, routeStatus, backend, pass } = await startRouteCluster();
  const a = gatewayNode("a");
  route("web");
  await pass(300);
  expect(routeStatus("web")).toMatchObject({
    Accepted: "True Accepted",
    ResolvedRefs: "False BackendNotFound",
  });
  expect(a.gateway.route("web")?.rules[0]?.backends).toEqual([{ name: "app", weight: 1 }]);
  await pass(2_000);
  expect(eventsIn(backend).map((event) => event["reason"])).toContain("BackendNotFound");
  const object = serve("app", 1, {}, {});
  await pass(300);
  expect(routeStatus("web")).toMatchObject({ ResolvedRefs: "False UnsupportedProtocol" });
  expect(a.gateway.route("web")?.rules[0]?.backends[0]?.workload).toBe(object.metadata.uid);
  serve("app", 1);
  await pass(300);
  expect(routeStatus("web")).toMatchObject({ ResolvedRefs: "True ResolvedRefs" });
  backend.remove("wasmdeployments", object);
  await pass(300);
  expect(routeStatus("web")).toMatchObject({ ResolvedRefs: "False BackendNotFound" });
  expect(a.gateway.workloads.size).toBe(0);
});

test("Routing: a revision becomes the template that it has, once it is kept", async () => {
  const { gatewayNode, serve, route, routeStatus, pass, instances } = await startRouteCluster();
  const a = gatewayNode("a");
  const backendOf = (revision: number) =>
    ({ kind: "WasmDeployment", name: "app", revision, weight: 1 }) as const;
  route("web", { rules: [{ backendRefs: [backendOf(1), backendOf(2)] }] });
  serve("app", 1);
  await pass(500);
  expect(routeStatus("web")).toMatchObject({ ResolvedRefs: "False BackendNotFound" });
  const [first, second] = a.gateway.route("web")?.rules[0]?.backends ?? [];
  expect(first?.templateHash).toBe(instances()[0]?.templateHash);
  expect(second?.workload).toBeUndefined();
  serve("app", 1, {}, { http: httpHandler, args: ["2"] });
  await pass(500);
  expect(routeStatus("web")).toMatchObject({ ResolvedRefs: "True ResolvedRefs" });
  expect(a.gateway.route("web")?.rules[0]?.backends[1]?.templateHash).toMatch(/^[a-z0-9]+$/);
});

test("Routing: a revision that a route names is kept beyond the limit, as long as one names it", async () => {
  const { gatewayNode, serve, route, backend, pass } = await startRouteCluster();
  const a = gatewayNode("a");
  const backendOf = (revision?: number) =>
    ({
      rules: [
        { backendRefs: [{ kind: "WasmDeployment", name: "app", weight: 1, ...(revision && { revision }) }] },
      ],
    }) as const;
  route("old", backendOf(1));
  for (const args of ["1", "2", "3"]) {
    serve("app", 1, { revisionHistoryLimit: 0 }, { http: httpHandler, args: [args] });
    await pass(300);
    a.runAll();
    await pass(2_000);
    a.endStopped();
    await pass(2_000);
  }
  const numbers = () => {
    const found: unknown[] = [];
    const stop = new AbortController();
    backend.watch(
      { group: "apps", plural: "controllerrevisions" },
      (event) => event.kind === "put" && found.push(event.object["revision"]),
      stop.signal,
    );
    stop.abort();
    return found;
  };
  expect(numbers()).toEqual([1, 3]);
  expect(a.gateway.route("old")?.rules[0]?.backends[0]?.templateHash).toBeDefined();
  route("old", backendOf());
  await pass(300);
  expect(numbers()).toEqual([3]);
});

test("Routing: a host belongs to the namespace that has named it first, until it names it no more", async () => {
  const { gatewayNode, route, routeStatus, backend, clock, pass } = await startRouteCluster();
  const a = gatewayNode("a");
  clock.advance(60_000);
  const mine = route("mine", { hostnames: ["*.example.com"] }, "one");
  route("other", { hostnames: ["a.example.com"] }, "two");
  route("far", { hostnames: ["b.example.org"] }, "two");
  await pass(300);
  expect(routeStatus("mine", "one")).toMatchObject({ Accepted: "True Accepted" });
  expect(routeStatus("other", "two")).toMatchObject({
    Accepted: "False HostConflict",
    Programmed: "False NotAccepted",
  });
  expect(a.gateway.route("other")).toBeUndefined();
  // An older route that is edited comes after whoever had the name.
  route("mine", { hostnames: ["*.example.com", "b.example.org"] }, "one");
  await pass(300);
  expect(routeStatus("mine", "one")).toMatchObject({ Accepted: "False HostConflict" });
  expect(routeStatus("far", "two")).toMatchObject({ Accepted: "True Accepted" });
  backend.remove("wasmroutes", mine);
  await pass(300);
  expect(routeStatus("other", "two")).toMatchObject({ Accepted: "True Accepted" });
  expect(a.gateway.route("other")).toBeDefined();
});

test("Routing: after a change of leader gateways keep what they have until all nodes have reported", async () => {
  const first = await startRouteCluster();
  const [a, b] = [first.gatewayNode("a"), first.gatewayNode("b")];
  first.serve("app", 4);
  first.route("web");
  await first.pass(300);
  a.runAll();
  b.runAll();
  await first.pass(300);
  await first.engine.close();

  const second = await startRouteCluster(first.backend, 8);
  const gateway = { address: "a.example:7000", urls: [] };
  const a2 = new FakeNode("a", second.engine.nodes, [...a.held.values()]).connect({ gateway });
  second.route("late", { hostnames: ["late.example"] });
  await second.pass(500);
  expect(a2.gateway.updates.some(({ complete }) => complete)).toBe(false);
  expect(a2.gateway.route("late")).toBeDefined();
  expect(a2.gateway.route("web")).toBeUndefined();
  new FakeNode("b", second.engine.nodes, [...b.held.values()]).connect({ gateway });
  await second.pass(500);
  expect(a2.gateway.updates.filter(({ complete }) => complete)).toHaveLength(1);
  expect(a2.gateway.route("web")).toBeDefined();
  expect(a2.gateway.ready("app")).toEqual({ b: 2 });
});

test("Routing: a node that never comes back holds gateways up no longer than others", async () => {
  const first = await startRouteCluster();
  for (const name of ["a", "b", "c", "d"]) first.gatewayNode(name);
  first.route("web");
  await first.pass(300);
  await first.engine.close();
  const second = await startRouteCluster(first.backend, 8);
  const a = second.gatewayNode("a");
  await second.pass(14_000);
  expect(a.gateway.routes.size).toBe(0);
  await second.pass(2_000);
  expect(a.gateway.route("web")).toBeDefined();
});

test("Routing: a route that is deleted, and one that was refused, are taken from gateways", async () => {
  const { gatewayNode, route, backend, pass } = await startRouteCluster();
  const a = gatewayNode("a");
  const web = route("web", { hostnames: ["x.example"] });
  await pass(300);
  expect(a.gateway.routes.size).toBe(1);
  backend.remove("wasmroutes", web);
  await pass(300);
  expect(a.gateway.routes.size).toBe(0);
  expect(a.gateway.updates.at(-1)).toMatchObject({ complete: false, removedRoutes: [web.metadata.uid] });
});
