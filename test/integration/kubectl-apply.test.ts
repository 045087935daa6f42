/** kubectl's apply in all its forms, and what goes with it: diff, prune, field validation. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { configMap, deployment, KubectlSession, manifest } from "../support/kubectl-session.ts";

let k: KubectlSession;
beforeAll(async () => {
  k = await KubectlSession.start();
});
afterAll(() => k[Symbol.asyncDispose]());

const lastApplied = "kubectl.kubernetes.io/last-applied-configuration";

interface FieldOwner {
  readonly manager: string;
  readonly operation: string;
  readonly fieldsV1: Readonly<Record<string, unknown>>;
}

/** By name. */
async function owners(target: string): Promise<readonly FieldOwner[]> {
  const text = await k.run(`get ${target} --show-managed-fields -o json`);
  const { metadata } = JSON.parse(text) as { metadata: { managedFields: readonly FieldOwner[] } };
  return metadata.managedFields.toSorted((one, other) => (one.manager < other.manager ? -1 : 1));
}

test("apply: several documents, a folder, created, unchanged, configured, and what was applied last", async () => {
  k.file("folder/maps.yaml", manifest(configMap("a", { x: "1" }), configMap("b")));
  const file = k.file("folder/work.yaml", manifest(deployment("work")));
  const folder = `apply -f ${k.server.folder}/folder`;
  expect(await k.run(folder)).toBe(
    "configmap/a created\nconfigmap/b created\nwasmdeployment.wherry.dev/work created\n",
  );
  expect(await k.run(folder)).toBe(
    "configmap/a unchanged\nconfigmap/b unchanged\nwasmdeployment.wherry.dev/work unchanged\n",
  );
  k.file("folder/work.yaml", manifest(deployment("work", { replicas: 3 })));
  expect(await k.run(`apply -f ${file}`)).toBe("wasmdeployment.wherry.dev/work configured\n");
  expect(await k.run("get wd work -o jsonpath={.spec.replicas}")).toBe("3");
  const applied = JSON.parse(await k.run("apply view-last-applied wd/work -o json")) as object;
  expect(applied).toMatchObject({ spec: { replicas: 3 }, metadata: { name: "work" } });
  // What is no longer in the manifest goes.
  await k.run("apply -f -", manifest(configMap("a", { y: "2" })));
  expect(await k.run("get cm a -o jsonpath={.data}")).toBe('{"y":"2"}');
});

test("apply: a list is as good as its items", async () => {
  const list = { apiVersion: "v1", kind: "List", items: [configMap("in-list-1"), configMap("in-list-2")] };
  expect(await k.run("apply -f -", manifest(list))).toBe(
    "configmap/in-list-1 created\nconfigmap/in-list-2 created\n",
  );
  const written = await k.run("get cm in-list-1 in-list-2 -o yaml");
  expect(await k.run("replace -f -", written)).toBe(
    "configmap/in-list-1 replaced\nconfigmap/in-list-2 replaced\n",
  );
});

test("apply and create: dry runs change nothing", async () => {
  const made = await k.run("apply -f - --dry-run=server -o yaml", manifest(deployment("dry")));
  expect(made).toContain("restartPolicy: Always");
  expect(made).toMatch(/^ {2}uid: /m);
  expect(await k.run("create -f - --dry-run=server", manifest(configMap("dry")))).toBe(
    "configmap/dry created (server dry run)\n",
  );
  expect(await k.run("get cm,wd dry --ignore-not-found")).toBe("");
});

test("diff: 1 and the difference, 0 and nothing, client side and server side", async () => {
  await k.run("apply -f -", manifest(deployment("diff")));
  const changed = manifest(deployment("diff", { replicas: 5 }));
  const [differs, same, differsOnServer, isNew] = await Promise.all([
    k.try("diff -f -", { input: changed }),
    k.try("diff -f -", { input: manifest(deployment("diff")) }),
    k.try("diff --server-side --force-conflicts -f -", { input: changed }),
    k.try("diff -f -", { input: manifest(configMap("new-here", { v: "1" })) }),
  ]);
  expect(differs.code, differs.stderr).toBe(1);
  expect(differs.stdout).toMatch(/^-  replicas: 2\n\+ {2}replicas: 5$/m);
  expect(differs.stdout).toMatch(/^- {2}generation: 1\n\+ {2}generation: 2$/m);
  expect(same, same.stdout).toMatchObject({ code: 0, stdout: "" });
  expect(differsOnServer.code, differsOnServer.stderr).toBe(1);
  expect(differsOnServer.stdout).toMatch(/^\+ {2}replicas: 5$/m);
  expect(isNew.code).toBe(1);
  expect(isNew.stdout).toMatch(/^\+ {2}v: "1"$/m);
  expect(await k.run("get wd diff -o jsonpath={.spec.replicas}")).toBe("2");
});

test("apply --server-side: owners, a conflict, force", async () => {
  const two = manifest(deployment("shared", { replicas: 2 }));
  const four = manifest(deployment("shared", { replicas: 4 }));
  expect(await k.run("apply --server-side -f -", two)).toBe(
    "wasmdeployment.wherry.dev/shared serverside-applied\n",
  );
  expect(await k.run("apply --server-side --field-manager=second -f -", two)).toContain("serverside-applied");
  await k.run('patch wd shared --type=merge --field-manager=third -p \'{"spec":{"replicas":3}}\'');
  expect(await k.refused("apply --server-side -f -", four)).toContain(
    'error: Apply failed with 1 conflict: conflict with "third" using wherry.dev/v1alpha1: .spec.replicas\n' +
      "Please review the fields above--they currently have other managers.",
  );
  expect(await k.run("apply --server-side --force-conflicts -f -", four)).toContain("serverside-applied");
  expect(await k.run("get wd shared -o jsonpath={.spec.replicas}")).toBe("4");
  const entries = await owners("wd shared");
  expect(entries.map(({ manager, operation }) => `${manager} ${operation}`)).toEqual([
    "kubectl Apply",
    "second Apply",
  ]);
  expect(JSON.stringify(entries[0])).toContain("f:replicas");
  expect(JSON.stringify(entries[1])).not.toContain("f:replicas");
});

test("apply --server-side: takes over what kubectl applied by itself before", async () => {
  await k.run("apply -f -", manifest(configMap("moved", { a: "1", b: "1" })));
  expect(await owners("cm moved")).toMatchObject([
    { manager: "kubectl-client-side-apply", operation: "Update" },
  ]);
  await k.run("apply --server-side -f -", manifest(configMap("moved", { a: "2" })));
  expect(await k.run("get cm moved -o jsonpath={.data}")).toBe('{"a":"2"}');
  const entries = await owners("cm moved");
  expect(entries.map(({ manager, operation }) => `${manager} ${operation}`)).toEqual([
    "kubectl Apply",
    "kubectl-last-applied Apply",
  ]);
  // And back again.
  expect(await k.run("apply -f -", manifest(configMap("moved", { a: "3" })))).toContain("configured");
  expect(await k.run("get cm moved -o jsonpath={.data}")).toBe('{"a":"3"}');
});

test("apply --prune: with an allow list, and as an ApplySet", async () => {
  const labels = { labels: { set: "pruned" } };
  const both = manifest(configMap("keep", {}, labels), configMap("drop", {}, labels));
  const prune = "apply -f - --prune -l set=pruned --prune-allowlist=core/v1/ConfigMap";
  await k.run(prune, both);
  expect(await k.run(prune, manifest(configMap("keep", {}, labels)))).toBe(
    "configmap/keep unchanged\nconfigmap/drop pruned\n",
  );
  const env = { KUBECTL_APPLYSET: "true" };
  const applySet = async (...objects: readonly object[]) =>
    k.try("apply -n default -f - --prune --applyset=the-set", { input: manifest(...objects), env });
  expect(await applySet(configMap("set-keep"), configMap("set-drop"))).toMatchObject({ code: 0 });
  expect(await applySet(configMap("set-keep"))).toMatchObject({
    code: 0,
    stdout: "configmap/set-keep unchanged\nconfigmap/set-drop pruned\n",
  });
  const parent = await k.run("get secret the-set -o jsonpath={.metadata.annotations}");
  expect(JSON.parse(parent)).toMatchObject({ "applyset.kubernetes.io/contains-group-kinds": "ConfigMap" });
});

test("apply --validate: strict refuses, warn warns, ignore is silent", async () => {
  const bad = manifest({
    ...deployment("validated"),
    spec: { ...deployment("validated").spec, replicass: 3 },
  });
  expect(await k.refused("apply -f -", bad)).toContain(
    'Error from server (BadRequest): error when creating "STDIN": WasmDeployment in version "v1alpha1" cannot be handled as a WasmDeployment: strict decoding error: unknown field "spec.replicass"',
  );
  const warned = await k.try("apply --validate=warn -f -", { input: bad });
  expect(warned).toMatchObject({ code: 0, stderr: 'Warning: unknown field "spec.replicass"\n' });
  const ignored = await k.try("apply --validate=ignore -f -", { input: bad });
  expect(ignored).toMatchObject({ code: 0, stderr: "" });
  expect(await k.run("get wd validated -o jsonpath={.spec}")).not.toContain("replicass");
  expect(await k.refused("apply -f -", manifest({ ...configMap("core"), dataa: {} }))).toContain(
    'strict decoding error: unknown field "dataa"',
  );
  expect(await k.refused("apply --server-side -f -", bad)).toContain(
    ".spec.replicass: field not declared in schema",
  );
});

test("apply: kinds and versions that are not served", async () => {
  const [kind, version] = await Promise.all([
    k.refused("apply -f -", manifest({ ...configMap("x"), kind: "Nothing" })),
    k.refused("apply -f -", manifest({ ...configMap("x"), apiVersion: "nothing.example.com/v1" })),
  ]);
  expect(kind).toContain('no matches for kind "Nothing" in version "v1"\nensure CRDs are installed first');
  expect(version).toContain('no matches for kind "ConfigMap" in version "nothing.example.com/v1"');
});

test("create and apply: generateName, a namespace that is not there, a name that is taken", async () => {
  const generated = { apiVersion: "v1", kind: "ConfigMap", metadata: { generateName: "made-" } };
  const names = await Promise.all([1, 2, 3].map(() => k.run("create -f - -o name", manifest(generated))));
  expect(new Set(names).size).toBe(3);
  expect(names[0]).toMatch(/^configmap\/made-[a-z0-9]{5}\n$/);
  expect(await k.refused("apply -f -", manifest(generated))).toContain("cannot use generate name with apply");
  expect(await k.refused("apply -f -", manifest(configMap("c", {}, { namespace: "nowhere" })))).toContain(
    'Error from server (NotFound): error when creating "STDIN": namespaces "nowhere" not found',
  );
  await k.run("create -f -", manifest(configMap("taken")));
  expect(await k.refused("create -f -", manifest(configMap("taken")))).toContain(
    'Error from server (AlreadyExists): error when creating "STDIN": configmaps "taken" already exists',
  );
});

test("apply: keeps what others set, and its annotation is what was applied", async () => {
  await k.run("apply -f -", manifest(configMap("kept", { mine: "1" })));
  await k.run('patch cm kept -p \'{"data":{"theirs":"2"}}\'');
  await k.run("apply -f -", manifest(configMap("kept", { mine: "3" })));
  expect(JSON.parse(await k.run("get cm kept -o jsonpath={.data}"))).toEqual({ mine: "3", theirs: "2" });
  const annotations = JSON.parse(await k.run("get cm kept -o jsonpath={.metadata.annotations}")) as Record<
    string,
    string
  >;
  expect(JSON.parse(annotations[lastApplied] ?? "")).toMatchObject({ data: { mine: "3" } });
});
