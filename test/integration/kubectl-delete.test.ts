/** kubectl's delete in all its forms. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { configMap, deployment, KubectlSession, manifest } from "../support/kubectl-session.ts";

let k: KubectlSession;
beforeAll(async () => {
  k = await KubectlSession.start();
  k.server.live.put("default", "hello-1");
});
afterAll(() => k[Symbol.asyncDispose]());

async function withDependent(name: string): Promise<void> {
  const uid = await k.run("create -o jsonpath={.metadata.uid} -f -", manifest(configMap(name)));
  const owner = { apiVersion: "v1", kind: "ConfigMap", name, uid, blockOwnerDeletion: true };
  await k.run("create -f -", manifest(configMap(`${name}-child`, {}, { ownerReferences: [owner] })));
}

test("delete --cascade: in the background, in the foreground, orphaning", async () => {
  await Promise.all(["background", "foreground", "orphan"].map(withDependent));
  await Promise.all(
    ["background", "foreground", "orphan"].map(async (cascade) =>
      expect(await k.run(`delete cm ${cascade} --cascade=${cascade}`)).toBe(
        `configmap "${cascade}" deleted from default namespace\n`,
      ),
    ),
  );
  // The foreground is over when the command is; the background goes on.
  expect(await k.run("get cm foreground-child --ignore-not-found")).toBe("");
  await k.run("wait cm/background-child --for=delete --timeout=20s");
  await k.run("wait cm/orphan --for=delete --timeout=20s");
  expect(await k.run("get cm orphan-child -o jsonpath={.metadata.ownerReferences}")).toBe("");
});

test("delete: several, by label, by file, all, what is not there", async () => {
  const maps = ["d1", "d2", "d3", "d4"].map((name) => configMap(name, {}, { labels: { d: name } }));
  await k.run("create -n kube-public -f -", manifest(...maps));
  const mixed = await k.try("delete cm d1 nowhere -n kube-public");
  expect(mixed).toMatchObject({
    code: 1,
    stdout: 'configmap "d1" deleted from kube-public namespace\n',
    stderr: 'Error from server (NotFound): configmaps "nowhere" not found\n',
  });
  expect(await k.run("delete cm nowhere --ignore-not-found")).toBe("");
  expect(await k.run("delete cm -l d=d2 -n kube-public -o name")).toBe("configmap/d2\n");
  expect(await k.run("delete -n kube-public -f -", manifest(configMap("d3")))).toContain('"d3" deleted');
  expect(await k.run("delete cm --all -n kube-public")).toBe(
    'configmap "d4" deleted from kube-public namespace\n',
  );
  expect(await k.run("delete cm --all -n kube-public")).toBe("No resources found\n");
});

test("delete --force, --now, --grace-period, --wait=false, dry runs", async () => {
  await k.run("create -f -", manifest(configMap("f1"), configMap("f2"), configMap("f3"), configMap("f4")));
  const [force, now, grace, dry] = await Promise.all([
    k.try("delete cm f1 --force --grace-period=0"),
    k.run("delete cm f2 --now"),
    k.run("delete cm f3 --grace-period=5 --wait=false"),
    k.run("delete cm f4 --dry-run=server"),
  ]);
  expect(force).toMatchObject({ code: 0, stdout: 'configmap "f1" force deleted from default namespace\n' });
  expect(now).toContain('"f2" deleted');
  expect(grace).toContain('"f3" deleted');
  expect(dry).toBe('configmap "f4" deleted from default namespace (server dry run)\n');
  expect(await k.run("get cm f1 f2 f3 f4 --ignore-not-found -o name")).toBe("configmap/f4\n");
  expect(await k.run("delete wi hello-1 --now")).toContain('"hello-1" deleted');
});

test("delete: finalizers hold an object until they are gone", async () => {
  await k.run("create -f -", manifest(configMap("held", {}, { finalizers: ["example.com/hold"] })));
  expect(await k.refused("delete cm held --timeout=1s")).toContain(
    "timed out waiting for the condition on configmaps/held",
  );
  expect(await k.run("get cm held -o jsonpath={.metadata.deletionTimestamp}")).toMatch(/^\d{4}-/);
  await k.run(`patch cm held --type=json -p '[{"op":"remove","path":"/metadata/finalizers"}]'`);
  expect(await k.run("get cm held --ignore-not-found")).toBe("");
});

test("delete: a namespace with all that is in it; what may not go", async () => {
  await k.run("create ns doomed");
  await k.run("create -n doomed -f -", manifest(configMap("c"), deployment("d")));
  expect(await k.run("delete ns doomed")).toBe('namespace "doomed" deleted\n');
  expect(await k.run("get cm,wd -A --field-selector metadata.namespace=doomed")).toBe("");
  const [permanent, own] = await Promise.all([
    k.refused("delete ns default"),
    k.refused("delete crd wasmjobs.wherry.dev"),
  ]);
  expect(permanent).toContain(
    'Error from server (Forbidden): namespaces "default" is forbidden: this namespace may not be deleted',
  );
  expect(own).toContain('customresourcedefinitions.apiextensions.k8s.io "wasmjobs.wherry.dev" is forbidden');
});
