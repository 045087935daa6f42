/** Helm, as it comes, with a small chart: values, a definition, hooks, a test, notes. */
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { deployment, KubectlSession, manifest } from "../support/kubectl-session.ts";

const chart = fileURLToPath(new URL("../charts/small", import.meta.url));

let k: KubectlSession;
beforeAll(async () => {
  k = await KubectlSession.start();
});
afterAll(() => k[Symbol.asyncDispose]());

interface Revision {
  readonly revision: number;
  readonly status: string;
  readonly description: string;
}

async function history(release: string): Promise<readonly string[]> {
  const revisions = JSON.parse(await k.helm(`history ${release} -o json`)) as readonly Revision[];
  return revisions.map(({ revision, status }) => `${revision} ${status}`);
}

test("install, upgrade, rollback, uninstall: what is there follows", async () => {
  const installed = await k.helm(`install one ${chart}`);
  expect(installed).toContain("STATUS: deployed\nREVISION: 1\n");
  expect(installed).toContain("one says ahoy 2 times, in revision 1.");
  expect(await k.run("get cm,wd,beacons,wj -o name")).toBe(
    "configmap/one-config\nwasmdeployment.wherry.dev/one\nbeacon.charts.example.com/one\n",
  );
  expect(await k.run("get secret -o jsonpath={.items[*].type}")).toBe("Opaque helm.sh/release.v1");
  await k.helm(`upgrade one ${chart} --set greeting=hey --set replicas=3 --set beacon=false`);
  expect(await k.run("get cm one-config -o jsonpath={.data.greeting}")).toBe("hey");
  expect(await k.run("get wd one -o jsonpath={.spec.replicas}")).toBe("3");
  expect(await k.run("get beacons -o name")).toBe("");
  await k.helm("rollback one 1");
  expect(await k.run("get cm one-config -o jsonpath={.data.greeting}")).toBe("ahoy");
  expect(await k.run("get beacons -o name")).toBe("beacon.charts.example.com/one\n");
  expect(await history("one")).toEqual(["1 superseded", "2 superseded", "3 deployed"]);
  const [listed, status, written, values, hooks, tested] = await Promise.all([
    k.helm("list -o json"),
    k.helm("status one"),
    k.helm("get manifest one"),
    k.helm("get values one --all -o json"),
    k.helm("get hooks one"),
    k.helm("test one"),
  ]);
  expect(JSON.parse(listed)).toMatchObject([
    { name: "one", revision: "3", status: "deployed", chart: "small-0.1.0" },
  ]);
  expect(status).toMatch(/==> v1alpha1\/WasmDeployment\nNAME +READY +UP-TO-DATE +AVAILABLE +AGE\none /);
  expect(written).toContain("kind: WasmDeployment");
  expect(JSON.parse(values)).toMatchObject({ greeting: "ahoy", replicas: 2 });
  expect(hooks).toContain("kind: WasmJob");
  expect(tested).toMatch(/TEST SUITE: +one-test\n[\s\S]*Phase: +Succeeded/);
  expect(await k.helm("uninstall one")).toContain('release "one" uninstalled');
  // What a hook made after the deletion stays; definitions do, too.
  expect(await k.run("get cm,wd,beacons -o name")).toBe("configmap/one-uninstalled\n");
  await k.run("delete cm one-uninstalled");
});

test("upgrade: one that is refused fails, and is rolled back when that is asked for", async () => {
  const invalid = 'WasmDeployment.wherry.dev "two" is invalid: spec.replicas: Invalid value: -1';
  await k.helm(`upgrade --install two ${chart} --wait --timeout 20s`);
  expect(await k.helmRefused(`upgrade two ${chart} --set replicas=-1`)).toContain(
    `UPGRADE FAILED: ${invalid}`,
  );
  expect(await history("two")).toEqual(["1 deployed", "2 failed"]);
  expect(
    await k.helmRefused(`upgrade two ${chart} --set replicas=-1 --rollback-on-failure --timeout 20s`),
  ).toContain(invalid);
  expect(await history("two")).toEqual(["1 superseded", "2 failed", "3 failed", "4 deployed"]);
  expect(await k.run("get wd two -o jsonpath={.spec.replicas}")).toBe("2");
  await k.helm(`upgrade two ${chart} --server-side=false --set replicas=6`);
  expect(await k.run("get wd two -o jsonpath={.spec.replicas}")).toBe("6");
  await k.helm("uninstall two --wait --cascade foreground --timeout 20s");
});

test("install: names that are taken, what others made, hooks that fail, another namespace", async () => {
  await k.helm(`install three ${chart} --namespace other --create-namespace`);
  await k.run("create -f -", manifest(deployment("four")));
  const [taken, foreign, hook] = await Promise.all([
    k.helmRefused(`install three ${chart} --namespace other`),
    k.helmRefused(`install four ${chart}`),
    k.helmRefused(`install five ${chart} --set image=nothing`),
  ]);
  expect(taken).toContain("cannot reuse a name that is still in use");
  expect(foreign).toContain(
    'WasmDeployment "four" in namespace "default" exists and cannot be imported into the current release',
  );
  expect(hook).toContain('WasmJob.wherry.dev "five-migrate" is invalid: spec.template.spec.module.image');
  await k.helm(`install four ${chart} --take-ownership`);
  await k.helm("uninstall three --namespace other --keep-history");
  expect(JSON.parse(await k.helm("list -n other --uninstalled -o json"))).toMatchObject([
    { status: "uninstalled" },
  ]);
  await k.helm("rollback three 1 --namespace other");
  expect(await k.run("get wd -n other -o name")).toBe("wasmdeployment.wherry.dev/three\n");
});

test("template and dry run: what kubectl can apply", async () => {
  const templated = await k.helm(`template six ${chart} --set beacon=false --no-hooks`);
  expect(await k.run("apply -f -", templated)).toBe(
    "secret/six-secret created\nconfigmap/six-config created\nwasmdeployment.wherry.dev/six created\n",
  );
  expect(await k.helm(`install seven ${chart} --dry-run=server`)).toContain("STATUS: pending-install");
  expect(await k.run("get wd seven --ignore-not-found")).toBe("");
});
