/** kubectl with routes: what the API server knows of the kind, and what it refuses. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { KubectlSession, manifest } from "../support/kubectl-session.ts";

let k: KubectlSession;
beforeAll(async () => {
  k = await KubectlSession.start();
});
afterAll(() => k[Symbol.asyncDispose]());

function route(name: string, spec: object) {
  return manifest({ apiVersion: "wherry.dev/v1alpha1", kind: "WasmRoute", metadata: { name }, spec });
}

const rule = { backendRefs: [{ name: "web" }] };

test("kubectl: a route is applied, defaulted, shown and explained", async () => {
  expect(await k.run("apply -f -", route("web", { hostnames: ["a.example"], rules: [rule] }))).toBe(
    "wasmroute.wherry.dev/web created\n",
  );
  const stored = JSON.parse(await k.run("get wr web -o json")) as { spec: { rules: object[] } };
  expect(stored.spec.rules).toEqual([{ backendRefs: [{ kind: "WasmDeployment", name: "web", weight: 1 }] }]);
  expect(await k.run("get wasmroutes")).toMatch(
    /^NAME +HOSTNAMES +ACCEPTED +RESOLVED +URL +AGE\nweb +\["a.example"\]/,
  );
  expect(await k.run("explain wasmroute.spec.rules.backendRefs.revision")).toContain(
    "Only to instances of this revision of it",
  );
  expect(await k.run("apply -f -", route("web", { rules: [rule] }))).toBe(
    "wasmroute.wherry.dev/web configured\n",
  );
  expect(await k.run("delete wr web")).toContain('wasmroute.wherry.dev "web" deleted');
});

test("kubectl: what is wrong with a route is told field by field", async () => {
  const filters = [{ type: "RequestRedirect", requestRedirect: { scheme: "https" } }];
  const wrong = route("bad", { hostnames: ["10.0.0.1"], rules: [{ ...rule, filters }] });
  const text = await k.refused("apply -f -", wrong);
  expect(text).toContain('spec.hostnames[0]: Invalid value: "10.0.0.1": must be a name, not an IP address');
  expect(text).toContain("spec.rules[0].backendRefs: Forbidden: may not be used with RequestRedirect");
});

test("kubectl: a route that answers nothing is warned of", async () => {
  const { code, stderr } = await k.try("apply -f -", { input: route("empty", { rules: [{}] }) });
  expect(code).toBe(0);
  expect(stderr).toContain("Warning: spec.rules[0].backendRefs: there is none");
});

test("kubectl: a job that serves, and a deployment that serves in two ways, are refused", async () => {
  const template = (spec: object) => ({ spec: { module: { image: "file:///srv/hello.wasm" }, ...spec } });
  const workload = (kind: string, spec: object) =>
    manifest({
      apiVersion: "wherry.dev/v1alpha1",
      kind,
      metadata: { name: "w" },
      spec: { template: template(spec) },
    });
  expect(await k.refused("apply -f -", workload("WasmJob", { http: { handler: "wagi" } }))).toContain(
    "spec.template.spec.http: Forbidden: is for deployments and daemon sets only",
  );
  expect(
    await k.refused("apply -f -", workload("WasmDeployment", { http: { handler: "wagi" }, functions: {} })),
  ).toContain("spec.template.spec.functions: Forbidden");
});
