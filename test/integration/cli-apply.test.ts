/** `wherry apply` in all its forms beside `kubectl apply`, on the same objects and the same ApplySets. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { parseParent, shrinkExtent, writeExtent } from "../../cli/apply/apply-set-parent.ts";
import { ApiClient } from "../../cli/client/api-client.ts";
import { discover } from "../../cli/client/discovery.ts";
import { readClusterAccess } from "../../cli/client/kubeconfig.ts";
import { BothClients } from "../support/both-clients.ts";
import { configMap, deployment, manifest } from "../support/kubectl-session.ts";

let both: BothClients;
beforeAll(async () => {
  both = await BothClients.start();
  await both.session.run("apply -f -", manifest(deployment("there"), configMap("there", { a: "1" })));
  await both.session.run("create ns other");
});
afterAll(() => both[Symbol.asyncDispose]());

const env = { KUBECTL_APPLYSET: "true" };

async function ours(args: string, ...objects: readonly object[]): Promise<string> {
  const { code, stdout, stderr } = await both.wherry(args, { input: manifest(...objects) });
  if (code !== 0) throw new Error(`wherry ${args} ended with ${code}:\n${stdout}${stderr}`);
  return stdout;
}

async function refused(args: string, ...objects: readonly object[]): Promise<string> {
  const { code, stdout, stderr } = await both.wherry(args, { input: manifest(...objects) });
  if (code === 0) throw new Error(`wherry ${args} succeeded:\n${stdout}`);
  return stderr;
}

async function theirs(args: string, ...objects: readonly object[]): Promise<string> {
  const { code, stdout, stderr } = await both.kubectl(args, { input: manifest(...objects), env });
  if (code !== 0) throw new Error(`kubectl ${args} ended with ${code}:\n${stdout}${stderr}`);
  return stdout;
}

const names = async (what = "cm") => (await both.session.run(`get ${what} -o name`)).trim().split("\n");

test.each([
  { name: "created", objects: [configMap("dry")] },
  { name: "configured", objects: [configMap("there", { a: "2" })] },
  { name: "unchanged", objects: [configMap("there", { a: "1" })] },
  { name: "of a kind of ours", objects: [deployment("there", { replicas: 9 }), deployment("dry")] },
  {
    name: "by the server",
    args: "--server-side --force-conflicts",
    objects: [configMap("there", { a: "2" })],
  },
])("apply --dry-run=server: $name, as kubectl, and nothing changes", async ({ objects, args = "" }) => {
  const before = await both.session.run("get cm,wd -o yaml --show-managed-fields");
  const line = `apply ${args} --dry-run=server -f -`;
  expect(await ours(line, ...objects)).toBe(await theirs(line, ...objects));
  expect(await both.session.run("get cm,wd -o yaml --show-managed-fields")).toBe(before);
});

test("apply --dry-run=client: nothing is sent that could change anything", async () => {
  const requests = [configMap("dry"), configMap("there", { a: "2" }), configMap("there", { a: "1" })];
  expect(await ours("apply --dry-run=client -f -", ...requests)).toBe(
    "configmap/dry created (dry run)\nconfigmap/there configured (dry run)\nconfigmap/there unchanged (dry run)\n",
  );
  expect(await names()).not.toContain("configmap/dry");
  // What only a server can find out is not found out.
  expect(await ours("apply --dry-run=client -f -", { ...configMap("dry"), dataa: {} })).toContain(
    "created (dry run)",
  );
});

test("apply -o yaml: the object with its defaults", async () => {
  const yaml = await ours("apply --dry-run=server -o yaml -f -", deployment("dry"));
  expect(yaml).toContain("restartPolicy: Always");
  expect(yaml).not.toContain("managedFields");
  expect(yaml).not.toContain("server dry run");
});

test("apply --server-side: owners, a conflict and its words, force", async () => {
  const two = deployment("shared", { replicas: 2 });
  const four = deployment("shared", { replicas: 4 });
  expect(await ours("apply --server-side -f -", two)).toBe(
    "wasmdeployment.wherry.dev/shared serverside-applied\n",
  );
  await both.session.run('patch wd shared --type=merge --field-manager=third -p \'{"spec":{"replicas":3}}\'');
  const conflict = await refused("apply --server-side -f -", four);
  expect(conflict).toBe((await both.kubectl("apply --server-side -f -", { input: manifest(four) })).stderr);
  expect(conflict).toContain('conflict with "third" using wherry.dev/v1alpha1: .spec.replicas');
  await ours("apply --server-side --force-conflicts -f -", four);
  expect(await both.session.run("get wd shared -o jsonpath={.spec.replicas}")).toBe("4");
  await ours("apply --server-side --field-manager=second -f -", four);
  const managers = "get wd shared --show-managed-fields -o jsonpath={.metadata.managedFields[*].manager}";
  expect((await both.session.run(managers)).split(" ").toSorted()).toEqual(["kubectl", "second"]);
});

test("apply --server-side: takes over what was applied from the client, with what is to go", async () => {
  await ours("apply -f -", configMap("moved", { a: "1", b: "1" }));
  // Without taking over, b would stay: its manager would still have it.
  await ours("apply --server-side -f -", configMap("moved", { a: "2" }));
  expect(await both.session.run("get cm moved -o jsonpath={.data}")).toBe('{"a":"2"}');
  const managers = "get cm moved --show-managed-fields -o jsonpath={.metadata.managedFields[*].manager}";
  expect(await both.session.run(managers)).toBe("kubectl");
  // And back again, by the other program.
  expect(await theirs("apply -f -", configMap("moved", { a: "3" }))).toContain("configured");
});

const set = "apply -n default -f - --prune --applyset=the-set";

test("apply --prune: by turns with kubectl on one set, whoever has begun it", async () => {
  const [keep, one, two] = [configMap("keep"), configMap("one"), deployment("two")];
  expect(await ours(set, keep, one)).toBe("configmap/keep created\nconfigmap/one created\n");
  expect(await theirs(set, keep, two)).toBe(
    "configmap/keep unchanged\nwasmdeployment.wherry.dev/two created\nconfigmap/one pruned\n",
  );
  expect(await ours(set, keep, one)).toBe(
    "configmap/keep unchanged\nconfigmap/one created\nwasmdeployment.wherry.dev/two pruned\n",
  );
  expect(await theirs(set, keep)).toBe("configmap/keep unchanged\nconfigmap/one pruned\n");
  const parent = JSON.parse(await both.session.run("get secret the-set -o json")) as {
    metadata: { labels: object; annotations: object };
  };
  expect(parent.metadata.annotations).toEqual({
    "applyset.kubernetes.io/additional-namespaces": "",
    "applyset.kubernetes.io/contains-group-kinds": "ConfigMap",
    "applyset.kubernetes.io/tooling": expect.stringMatching(/^kubectl\/v1\./) as unknown,
  });
  // The other way round, server-side.
  const other = set.replace("the-set", "configmaps/other-set --server-side");
  await theirs(other, configMap("third"), configMap("fourth"));
  expect(await ours(other, configMap("third"))).toBe(
    "configmap/third serverside-applied\nconfigmap/fourth pruned\n",
  );
});

test("apply --prune: only what has the set's label is deleted, in every namespace that the set had", async () => {
  const elsewhere = (name: string) => configMap(name, {}, { namespace: "other" });
  const spread = "apply -f - --prune --applyset=spread";
  await both.session.run("create -f -", manifest(elsewhere("stranger"), configMap("stranger")));
  await ours(spread, configMap("here"), elsewhere("there"), elsewhere("gone"));
  expect(await ours(spread, configMap("here"), elsewhere("there"))).toBe(
    "configmap/here unchanged\nconfigmap/there unchanged\nconfigmap/gone pruned\n",
  );
  expect(await ours(spread, configMap("here"))).toBe("configmap/here unchanged\nconfigmap/there pruned\n");
  expect(await names("cm -n other")).toEqual(["configmap/stranger"]);
  expect(await names()).toContain("configmap/stranger");
  const parent = await both.session.run("get secret spread -o jsonpath={.metadata.annotations}");
  expect(JSON.parse(parent)).toMatchObject({ "applyset.kubernetes.io/additional-namespaces": "" });
});

test("apply --prune: dry runs say what would go, and change nothing", async () => {
  const dry = "apply -f - --prune --applyset=dry-set";
  for (const mode of ["client", "server"]) {
    expect(await ours(`${dry} --dry-run=${mode}`, configMap("never"))).toContain("created");
  }
  expect(await names("cm,secret")).not.toContain("secret/dry-set");
  await ours(dry, configMap("x"), configMap("y"));
  const before = await both.session.run("get cm,secret -o yaml");
  expect(await ours(`${dry} --dry-run=client`, configMap("x", { a: "1" }))).toBe(
    "configmap/x configured (dry run)\nconfigmap/y pruned (dry run)\n",
  );
  expect(await ours(`${dry} --dry-run=server`, configMap("z"))).toBe(
    "configmap/z created (server dry run)\nconfigmap/x pruned (server dry run)\nconfigmap/y pruned (server dry run)\n",
  );
  expect(await both.session.run("get cm,secret -o yaml")).toBe(before);
});

test("apply --prune: what fails stops pruning, and is known to the set until it succeeds", async () => {
  const failing = "apply -f - --prune --applyset=failing";
  await ours(failing, configMap("f-old"));
  const bad = { ...deployment("f-bad"), spec: { replicas: -1 } };
  expect(await refused(failing, configMap("f-new"), bad)).toContain(
    "error: nothing was pruned, because 1 object could not be applied\n",
  );
  expect(await names()).toEqual(expect.arrayContaining(["configmap/f-old", "configmap/f-new"]));
  const kinds =
    "get secret failing -o jsonpath={.metadata.annotations.applyset\\.kubernetes\\.io/contains-group-kinds}";
  expect(await both.session.run(kinds)).toBe("ConfigMap,WasmDeployment.wherry.dev");
  // A document that has no place on the server: nothing is even applied.
  const nowhere = await refused(failing, configMap("f-later"), { ...configMap("x"), kind: "Nope" });
  expect(nowhere).toContain('no matches for kind "Nope"');
  expect(nowhere).toContain("error: nothing was applied");
  expect(await names()).not.toContain("configmap/f-later");
  expect(await ours(failing, deployment("f-good"))).toBe(
    "wasmdeployment.wherry.dev/f-good created\nconfigmap/f-new pruned\nconfigmap/f-old pruned\n",
  );
  expect(await both.session.run(kinds)).toBe("WasmDeployment.wherry.dev");
});

const annotated = (name: string, annotations: object, labels: object = {}) =>
  configMap(name, {}, { annotations, labels });
const tooling = { "applyset.kubernetes.io/tooling": "helm/v3" };

test.each([
  {
    name: "another tool's set",
    parent: annotated("p1", tooling),
    says: 'managed by tooling "helm" instead of "kubectl"',
  },
  { name: "no set at all", parent: annotated("p2", {}), says: "is missing required annotation" },
  {
    name: "a copy of another set",
    parent: annotated(
      "p3",
      { "applyset.kubernetes.io/tooling": "kubectl/v1" },
      { "applyset.kubernetes.io/id": "x" },
    ),
    says: "incorrect value for label",
  },
  {
    name: "a set without its label",
    parent: annotated("p4", { "applyset.kubernetes.io/tooling": "kubectl/v1" }),
    says: 'has no label "applyset.kubernetes.io/id"',
  },
])("apply --prune: refuses $name", async ({ parent, says }) => {
  await both.session.run("create -f -", manifest(parent));
  const line = `apply -f - --prune --applyset=configmaps/${parent.metadata.name}`;
  expect(await refused(line, configMap("never"))).toContain(says);
  expect(await names()).not.toContain("configmap/never");
});

test("apply --prune: refuses objects of another set, and does not steal them", async () => {
  await ours("apply -f - --prune --applyset=first", configMap("contested"));
  for (const more of ["", " --server-side --force-conflicts"]) {
    const said = await refused(`apply -f - --prune --applyset=second${more}`, configMap("contested"));
    expect(said).toContain('ConfigMap "contested" belongs to another ApplySet');
  }
  expect(await ours("apply -f - --prune --applyset=first", configMap("contested"))).toBe(
    "configmap/contested unchanged\n",
  );
});

test("apply --prune: refuses, before anything is changed, when a kind of the set is not served", async () => {
  await ours("apply -f - --prune --applyset=cm/kind-set", configMap("kept-1"), configMap("kept-2"));
  const annotation = "applyset.kubernetes.io/contains-group-kinds=ConfigMap,Gone.example.com";
  await both.session.run(`annotate cm kind-set --overwrite ${annotation}`);
  const said = await refused("apply -f - --prune --applyset=cm/kind-set", configMap("kept-3"));
  expect(said).toContain(
    "may have objects of kind Gone.example.com, which the server does not serve (now): nothing was changed",
  );
  expect(await names()).toContain("configmap/kept-2");
  expect(await names()).not.toContain("configmap/kept-3");
});

test.each([
  { args: "apply -f - --prune", says: "--prune needs --applyset" },
  { args: "apply -f - --applyset=x", says: "--applyset requires --prune" },
  { args: "apply -f - --prune --applyset=a/b/c", says: "must be NAME (of a Secret) or TYPE/NAME" },
  { args: "apply -f - --prune --applyset=nopes/x", says: `doesn't have a resource type "nopes"` },
  { args: "apply -f - --prune --applyset=wd/x", says: "is not permitted as an ApplySet parent" },
  { args: "apply -f - --prune --applyset=cm/never", says: "so it cannot be in it as well" },
  { args: "apply -f - --force-conflicts", says: "only works with --server-side" },
  { args: "apply -f - --server-side --dry-run=client", says: "did you mean --dry-run=server" },
  { args: "apply -f - --dry-run=maybe", says: "it is none, client or server" },
  { args: "apply -f - -o wide", says: "it is yaml or json" },
])("apply: refuses $args", async ({ args, says }) => {
  expect(await refused(args, configMap("never"))).toContain(says);
  expect(await names()).not.toContain("configmap/never");
});

test("apply --prune: refuses a label of the set in the files", async () => {
  const labels = { "applyset.kubernetes.io/part-of": "x" };
  expect(await refused("apply -f - --prune --applyset=x", configMap("never", {}, { labels }))).toContain(
    'ApplySet label "applyset.kubernetes.io/part-of" already set in input data',
  );
});

test("shrinkExtent: a parent that somebody has changed meanwhile keeps all that it names", async () => {
  await ours("apply -f - --prune --applyset=cm/shrinking", configMap("shrink"));
  await using client = new ApiClient(readClusterAccess([both.session.config], undefined));
  const resources = await discover(client);
  const parent = parseParent("cm/shrinking", resources, "default");
  const extent = (...kinds: readonly string[]) => ({
    kinds: new Set(kinds),
    namespaces: new Set(["default"]),
  });
  const kinds =
    "get cm shrinking -o jsonpath={.metadata.annotations.applyset\\.kubernetes\\.io/contains-group-kinds}";
  const version = await writeExtent(client, parent, extent("ConfigMap", "Secret"), "none");
  await writeExtent(client, parent, extent("ConfigMap", "Event", "Secret"), "none");
  expect(await shrinkExtent(client, parent, extent("ConfigMap"), "none", version)).toBe(false);
  expect(await both.session.run(kinds)).toBe("ConfigMap,Event,Secret");
  const latest = await writeExtent(client, parent, extent("ConfigMap", "Secret"), "none");
  expect(await shrinkExtent(client, parent, extent("ConfigMap"), "none", latest)).toBe(true);
  expect(await both.session.run(kinds)).toBe("ConfigMap");
});
