import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, expect, test } from "vitest";
import { kubectlBinaries, runKubectl } from "../support/kubectl.ts";
import { deployment, deploymentsPath } from "../../scheduler/apiserver/testing/manifests.ts";
import { TestServer } from "../../scheduler/apiserver/testing/test-server.ts";

let server: TestServer;
let config: string;
beforeAll(async () => {
  server = await TestServer.start();
  config = server.kubeconfig();
  server.live.put("default", "hello-1");
});
afterAll(() => server[Symbol.asyncDispose]());

async function kubectl(...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await runKubectl(config, args);
  expect(code, stderr).toBe(0);
  return stdout;
}

async function apply(...lines: readonly string[]) {
  return runKubectl(config, ["apply", "-f", "-"], lines.join("\n"));
}

function manifest(name: string, ...spec: readonly string[]): readonly string[] {
  return [
    "apiVersion: wherry.dev/v1alpha1",
    "kind: WasmDeployment",
    `metadata: {name: ${name}, labels: {app: ${name}}}`,
    "spec:",
    ...spec.map((line) => `  ${line}`),
    "  template:",
    `    metadata: {labels: {app: ${name}}}`,
    `    spec: {module: {image: "file:///srv/hello.wasm"}}`,
  ];
}

test("apply: created, unchanged, configured", async () => {
  expect((await apply(...manifest("one"))).stdout).toBe("wasmdeployment.wherry.dev/one created\n");
  expect((await apply(...manifest("one"))).stdout).toBe("wasmdeployment.wherry.dev/one unchanged\n");
  expect((await apply(...manifest("one", "replicas: 3"))).stdout).toBe(
    "wasmdeployment.wherry.dev/one configured\n",
  );
  expect(await kubectl("get", "wd", "one", "-o", "jsonpath={.spec.replicas}")).toBe("3");
});

test("get: tables, wide, yaml, all namespaces, by label, live kinds, categories", async () => {
  await apply(...manifest("two"));
  expect(await kubectl("get", "wd", "-l", "app=two")).toMatch(
    /^NAME +READY +UP-TO-DATE +AVAILABLE +AGE\ntwo +\d+s\n$/,
  );
  expect(await kubectl("get", "wd", "two", "-o", "wide")).toMatch(
    /MODULE +SELECTOR\n.*file:\/\/\/srv\/hello\.wasm/,
  );
  expect(await kubectl("get", "wd", "two", "-o", "yaml")).toContain("restartPolicy: Always");
  expect(await kubectl("get", "wasminstances", "-A")).toMatch(
    /^NAMESPACE +NAME +READY +STATUS +RESTARTS +AGE\ndefault +hello-1 +1\/1 +Running +0 /,
  );
  expect(await kubectl("get", "wherry")).toContain("wasminstance.live.wherry.dev/hello-1");
  expect(await kubectl("get", "ns")).toMatch(/kube-system +Active/);
});

test("get -w: a row for each change", async () => {
  await apply(...manifest("watched"));
  const { kubectl: program } = kubectlBinaries();
  const args = [`--kubeconfig=${config}`, `--cache-dir=${join(server.folder, "cache")}`];
  const watching = spawn(program, [...args, "get", "wd", "-l", "app=watched", "-w", "--no-headers"]);
  const rows: string[] = [];
  for await (const row of createInterface({ input: watching.stdout })) {
    rows.push(row);
    const status = { body: { status: { ready: `${rows.length}/9` } } };
    if (rows.length < 3) await server.call("PATCH", `${deploymentsPath}/watched/status`, status);
    else watching.kill();
  }
  expect(rows.map((row) => row.split(/ +/)[1])).toEqual([expect.stringMatching(/^\d+s$/), "1/9", "2/9"]);
});

test("create, scale, patch, label, annotate, describe, wait, delete", async () => {
  await server.call("POST", deploymentsPath, { body: deployment("three") });
  expect(await kubectl("scale", "wd", "three", "--replicas=4")).toContain("scaled");
  expect(await kubectl("scale", "wd", "three", "--current-replicas=4", "--replicas=5")).toContain("scaled");
  expect(await kubectl("patch", "wd", "three", "--type=merge", "-p", '{"spec":{"replicas":6}}')).toContain(
    "patched",
  );
  const patch =
    '[{"op":"test","path":"/spec/replicas","value":6},{"op":"replace","path":"/spec/replicas","value":7}]';
  expect(await kubectl("patch", "wd", "three", "--type=json", "-p", patch)).toContain("patched");
  expect(await kubectl("label", "wd", "three", "tier=gold")).toContain("labeled");
  expect(await kubectl("annotate", "wd", "three", "note=x")).toContain("annotated");
  const status = {
    conditions: [
      {
        type: "Available",
        status: "True",
        reason: "R",
        message: "m",
        lastTransitionTime: "2026-01-01T00:00:00Z",
      },
    ],
  };
  await kubectl(
    "patch",
    "wd",
    "three",
    "--subresource=status",
    "--type=merge",
    "-p",
    JSON.stringify({ status }),
  );
  expect(await kubectl("wait", "wd/three", "--for=condition=Available", "--timeout=10s")).toContain(
    "condition met",
  );
  expect(await kubectl("wait", "wd/three", "--for=jsonpath={.spec.replicas}=7", "--timeout=10s")).toContain(
    "met",
  );
  expect(await kubectl("describe", "wd", "three")).toMatch(/Replicas: +7[\s\S]*Events: +<none>/);
  expect(await kubectl("delete", "wd", "three")).toContain("deleted");
  expect(await kubectl("delete", "wi", "hello-1")).toContain("deleted");
});

test("api-resources and explain", async () => {
  expect(await kubectl("api-resources")).toMatch(
    /wasmdeployments +wd +wherry.dev\/v1alpha1 +true +WasmDeployment/,
  );
  expect(await kubectl("explain", "wd.spec.template.spec.resources.limits")).toContain(
    "A Kubernetes quantity, such as 250m (cpu)",
  );
  expect(await kubectl("explain", "cm.immutable")).toContain("<boolean>");
});

test("core kinds: created, patched, and gone with their namespace", async () => {
  expect(await kubectl("create", "namespace", "team")).toContain("created");
  expect(await kubectl("-n", "team", "create", "configmap", "c", "--from-literal=a=b")).toContain("created");
  expect(await kubectl("-n", "team", "create", "secret", "generic", "s", "--from-literal=a=b")).toContain(
    "created",
  );
  expect(await kubectl("-n", "team", "patch", "cm", "c", "-p", '{"data":{"a":null,"c":"d"}}')).toContain(
    "patched",
  );
  expect(await kubectl("-n", "team", "get", "cm", "c", "-o", "jsonpath={.data}")).toBe('{"c":"d"}');
  expect(await kubectl("-n", "team", "get", "secret", "s", "-o", "jsonpath={.data.a}")).toBe("Yg==");
  expect(await kubectl("delete", "namespace", "team")).toContain("deleted");
  expect(await kubectl("get", "cm", "-A", "-o", "name")).toBe("");
});

test.each([
  {
    name: "an unknown field",
    spec: ["replicass: 2"],
    message: 'strict decoding error: unknown field "spec.replicass"',
  },
  {
    name: "a wrong type",
    spec: ["replicas: two"],
    message:
      'The WasmDeployment "bad" is invalid: spec.replicas: Invalid value: "string": spec.replicas in body must be of type integer: "string"',
  },
  {
    name: "replicas -1",
    spec: ["replicas: -1"],
    message:
      'The WasmDeployment "bad" is invalid: spec.replicas: Invalid value: -1: spec.replicas in body should be greater than or equal to 0',
  },
])("apply: refuses $name", async ({ spec, message }) => {
  const result = await apply(...manifest("bad", ...spec));
  expect(result.code).toBe(1);
  expect(result.stderr).toContain(message);
});

test.each([
  {
    name: "an impossible quantity",
    from: "module:",
    to: "resources: {requests: {memory: 8 megs}}, module:",
    message: 'resources.requests.memory: Invalid value: "8 megs": must be a quantity',
  },
  {
    name: "an unknown runtime",
    from: "module:",
    to: "runtime: foo, module:",
    message:
      'spec.template.spec.runtime: Unsupported value: "foo": supported values: "v8", "wasmtime", "wasmedge", "wasmer"',
  },
])("apply: refuses $name", async ({ from, to, message }) => {
  const result = await apply(...manifest("bad").map((line) => line.replace(from, to)));
  expect(result.stderr).toContain(message);
});

test("create and replace: a name that is taken, a stale resourceVersion", async () => {
  await apply(...manifest("taken"));
  const again = await runKubectl(config, ["create", "-f", "-"], manifest("taken").join("\n"));
  expect(again.stderr).toContain('wasmdeployments.wherry.dev "taken" already exists');
  const stale = manifest("taken").map((line) =>
    line.replace("{name: taken,", '{name: taken, resourceVersion: "1",'),
  );
  const replaced = await runKubectl(config, ["replace", "-f", "-"], stale.join("\n"));
  expect(replaced.stderr).toContain(
    "the object has been modified; please apply your changes to the latest version",
  );
});
