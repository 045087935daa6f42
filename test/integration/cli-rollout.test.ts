/** `wherry rollout` on revisions as the scheduler keeps them, against the real API server. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { ApiClient, type ApiRequest } from "../../cli/client/api-client.ts";
import { discover } from "../../cli/client/discovery.ts";
import { readClusterAccess } from "../../cli/client/kubeconfig.ts";
import { requireResource } from "../../cli/resources/resolve.ts";
import { undoRollout } from "../../cli/rollout/undo.ts";
import { asWorkload } from "../../cli/rollout/workload.ts";
import { BothClients } from "../support/both-clients.ts";
import { configMap, deployment, manifest } from "../support/kubectl-session.ts";

let both: BothClients;
beforeAll(async () => {
  both = await BothClients.start();
});
afterAll(() => both[Symbol.asyncDispose]());

interface Stored {
  readonly metadata: {
    readonly uid: string;
    readonly generation: number;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec: {
    readonly paused?: boolean;
    readonly replicas: number;
    readonly template: {
      readonly metadata: { readonly annotations?: Readonly<Record<string, string>> };
      readonly spec: { readonly module: { readonly image: string } };
    };
  };
}

async function get(name: string): Promise<Stored> {
  return JSON.parse(await both.session.run(`get wd ${name} -o json`)) as Stored;
}

async function ours(args: string, input = ""): Promise<string> {
  const { code, stdout, stderr } = await both.wherry(args, { input });
  if (code !== 0) throw new Error(`wherry ${args} ended with ${code}:\n${stdout}${stderr}`);
  return stdout;
}

async function refused(args: string, input = ""): Promise<string> {
  const { code, stdout, stderr } = await both.wherry(args, { input });
  if (code === 0) throw new Error(`wherry ${args} succeeded:\n${stdout}`);
  return stderr;
}

const module = (name: string) => `file:///srv/${name}.wasm`;

/** A deployment that has had these modules, one after the other, and has the last one now. */
async function withHistory(
  name: string,
  modules: readonly string[],
  causes: readonly string[] = [],
): Promise<void> {
  for (const [index, one] of modules.entries()) {
    const { spec } = deployment(name);
    const template = { ...spec.template, spec: { module: { image: module(one) } } };
    const cause = causes[index];
    const annotations = cause === undefined ? {} : { annotations: { "kubernetes.io/change-cause": cause } };
    await both.session.run("apply -f -", manifest(deployment(name, { template }, annotations)));
    await keep(name, index + 1, `${name}-${one}`);
  }
}

/** Keeps the present template, as the scheduler does. */
async function keep(name: string, number: number, revisionName: string, digest?: string): Promise<void> {
  const { metadata, spec } = await get(name);
  const owner = {
    apiVersion: "wherry.dev/v1alpha1",
    kind: "WasmDeployment",
    name,
    uid: metadata.uid,
    controller: true,
  };
  const cause = metadata.annotations?.["kubernetes.io/change-cause"];
  const annotations = {
    ...spec.template.metadata.annotations,
    ...(digest ? { "wherry.dev/config-digest": digest } : {}),
  };
  const template = { ...spec.template, metadata: { ...spec.template.metadata, annotations } };
  const revision = {
    apiVersion: "apps/v1",
    kind: "ControllerRevision",
    metadata: {
      name: revisionName,
      labels: { "wherry.dev/template-hash": revisionName },
      ...(cause === undefined ? {} : { annotations: { "kubernetes.io/change-cause": cause } }),
      ownerReferences: [owner],
    },
    data: { spec: { template: digest ? template : spec.template } },
    revision: number,
  };
  await both.session.run("create -f -", manifest(revision));
}

test("rollout history: every revision with its cause, and one of them whole", async () => {
  await withHistory("told", ["a", "b"], ["first", "second\nline"]);
  // Somebody else's, which has the same labels.
  await withHistory("stranger", ["a"]);
  const [reference, ...rows] = (await ours("rollout history wd/told")).split("\n");
  expect(reference).toBe("wasmdeployment.wherry.dev/told ");
  // The test's terminal lives in another time.
  expect(rows.map((row) => row.split(/ {2,}/).toSpliced(2, 1))).toEqual([
    ["REVISION", "CHANGE-CAUSE", "MODULE"],
    ["1", "first", module("a")],
    ["2 (current)", "second...", module("b")],
    [""],
  ]);
  const one = await ours("rollout history wd told --revision=1");
  expect(one).toMatch(
    /^wasmdeployment\.wherry\.dev\/told with revision #1\nChange-Cause: {2}first\nInstance Template:\n {2}metadata:\n/,
  );
  expect(one).toContain("      image: file:///srv/a.wasm\n");
  const stored = JSON.parse(await ours("rollout history wd/told -o json")) as {
    items: { revision: number }[];
  };
  expect(stored.items.map(({ revision }) => revision)).toEqual([1, 2]);
  expect(await ours("rollout history wd/told --revision=2 -o yaml")).toMatch(/^apiVersion: apps\/v1\n/);
});

test("rollout undo: to the one before, with its cause, and back again", async () => {
  await withHistory("undone", ["a", "b", "c"], ["one", "two", "three"]);
  expect(await ours("rollout undo wd/undone")).toBe(
    "wasmdeployment.wherry.dev/undone rolled back to revision 2\n",
  );
  let { metadata, spec } = await get("undone");
  expect(spec.template.spec.module.image).toBe(module("b"));
  expect(metadata.annotations?.["kubernetes.io/change-cause"]).toBe("two");
  // Before the scheduler has given it a new number, the newest of the others is what was before.
  expect(await ours("rollout undo wd/undone")).toBe(
    "wasmdeployment.wherry.dev/undone rolled back to revision 3\n",
  );
  expect(await ours("rollout undo wd/undone --to-revision=1")).toContain("rolled back to revision 1");
  ({ metadata, spec } = await get("undone"));
  expect(spec.template.spec.module.image).toBe(module("a"));
  expect(metadata.annotations?.["kubernetes.io/change-cause"]).toBe("one");
  expect(spec.replicas).toBe(2);
  expect(await ours("rollout undo wd/undone --to-revision=1")).toBe(
    "wasmdeployment.wherry.dev/undone skipped rollback (current template already matches revision 1)\n",
  );
});

test("rollout undo: a template that has not been kept yet is gone back from", async () => {
  await withHistory("fresh", ["a", "b"]);
  await both.session.run(
    `patch wd fresh --type=merge -p '{"spec":{"template":{"spec":{"module":{"image":"file:///srv/new.wasm"}}}}}'`,
  );
  expect(await ours("rollout undo wd/fresh")).toContain("rolled back to revision 2");
  expect((await get("fresh")).spec.template.spec.module.image).toBe(module("b"));
});

test("rollout undo: takes a cause away that the older one did not have, and does not need one", async () => {
  await withHistory("caused", ["a"]);
  await both.session.run("annotate wd caused kubernetes.io/change-cause=later");
  await both.session.run(
    `patch wd caused --type=merge -p '{"spec":{"template":{"spec":{"module":{"image":"file:///srv/b.wasm"}}}}}'`,
  );
  await keep("caused", 2, "caused-b");
  await ours("rollout undo wd/caused");
  expect((await get("caused")).metadata.annotations).not.toHaveProperty(["kubernetes.io/change-cause"]);
});

test("rollout undo: what the scheduler has added of the configuration is not brought back", async () => {
  await withHistory("digested", ["a"]);
  await both.session.run("delete controllerrevision digested-a");
  await keep("digested", 1, "digested-1", "abc");
  await both.session.run(
    `patch wd digested --type=merge -p '{"spec":{"template":{"spec":{"module":{"image":"file:///srv/b.wasm"}}}}}'`,
  );
  await keep("digested", 2, "digested-2", "def");
  expect(await ours("rollout history wd/digested")).toContain("2 (current)");
  expect(await ours("rollout history wd/digested --revision=1")).not.toContain("config-digest");
  await ours("rollout undo wd/digested");
  const { template } = (await get("digested")).spec;
  expect(template.metadata.annotations ?? {}).toEqual({});
  expect(template.spec.module.image).toBe(module("a"));
});

test("rollout undo --dry-run: says what would change, and changes nothing", async () => {
  await withHistory("dry", ["a", "b"]);
  const before = await both.session.run("get wd dry -o yaml");
  const shown = await ours("rollout undo wd/dry --dry-run=client");
  expect(shown).toMatch(
    /^wasmdeployment\.wherry\.dev\/dry rolled back to revision 1 \(dry run\)\n--- spec\.template\n/,
  );
  expect(shown).toMatch(/^- +image: file:\/\/\/srv\/b\.wasm\n\+ +image: file:\/\/\/srv\/a\.wasm$/m);
  expect(await ours("rollout undo wd/dry --dry-run=server")).toBe(
    "wasmdeployment.wherry.dev/dry rolled back to revision 1 (server dry run)\n",
  );
  expect(await both.session.run("get wd dry -o yaml")).toBe(before);
});

test("rollout pause, resume and restart: what they write, and what they refuse", async () => {
  await withHistory("steps", ["a"]);
  expect(await ours("rollout pause wd/steps")).toBe("wasmdeployment.wherry.dev/steps paused\n");
  expect((await get("steps")).spec.paused).toBe(true);
  expect(await refused("rollout pause wd/steps")).toBe(
    'error: wasmdeployments.wherry.dev "steps" is already paused\n',
  );
  expect(await refused("rollout restart wd/steps")).toBe(
    `error: wasmdeployments.wherry.dev "steps" can't restart paused wasmdeployment (run 'wherry rollout resume wasmdeployment/steps' first)\n`,
  );
  expect(await refused("rollout undo wd/steps")).toBe(
    "error: cannot rollback a paused wasmdeployment; resume it first with 'wherry rollout resume wasmdeployment/steps'\n",
  );
  expect(await ours("rollout resume wd/steps")).toBe("wasmdeployment.wherry.dev/steps resumed\n");
  expect((await get("steps")).spec.paused).toBe(false);
  expect(await refused("rollout resume wd/steps")).toBe(
    'error: wasmdeployments.wherry.dev "steps" is not paused\n',
  );
  const { generation } = (await get("steps")).metadata;
  expect(await ours("rollout restart wd/steps")).toBe("wasmdeployment.wherry.dev/steps restarted\n");
  const after = await get("steps");
  expect(after.metadata.generation).toBe(generation + 1);
  expect(after.spec.template.metadata.annotations?.["wherry.dev/restartedAt"]).toMatch(/^\d{4}-.*Z$/);
});

test("rollout: daemon sets have a history and are undone, but not paused", async () => {
  const daemonSet = (one: string, spec: object = {}) => ({
    apiVersion: "wherry.dev/v1alpha1",
    kind: "WasmDaemonSet",
    metadata: { name: "agent" },
    spec: {
      template: { metadata: { labels: { app: "agent" } }, spec: { module: { image: module(one) } } },
      ...spec,
    },
  });
  await both.session.run("apply -f -", manifest(daemonSet("a")));
  const { metadata, spec } = JSON.parse(await both.session.run("get wds agent -o json")) as Stored;
  const owner = {
    apiVersion: "wherry.dev/v1alpha1",
    kind: "WasmDaemonSet",
    name: "agent",
    uid: metadata.uid,
  };
  const revision = {
    apiVersion: "apps/v1",
    kind: "ControllerRevision",
    metadata: { name: "agent-1", ownerReferences: [{ ...owner, controller: true }] },
    data: { spec: { template: spec.template } },
    revision: 1,
  };
  await both.session.run("create -f -", manifest(revision));
  await both.session.run("apply -f -", manifest(daemonSet("b")));
  expect(await ours("rollout undo wds/agent")).toBe(
    "wasmdaemonset.wherry.dev/agent rolled back to revision 1\n",
  );
  expect(await ours("rollout history wds/agent")).toContain("1 (current)");
  expect(await ours("rollout restart wds/agent")).toBe("wasmdaemonset.wherry.dev/agent restarted\n");
  expect(await refused("rollout pause wds/agent")).toBe(
    "error: wasmdaemonsets.wherry.dev pausing is not supported: only a wasmdeployment has spec.paused\n",
  );
  await both.session.run("apply -f -", manifest(daemonSet("b", { updateStrategy: { type: "OnDelete" } })));
  expect(await refused("rollout status wds/agent")).toBe(
    "error: rollout status is only available for RollingUpdate strategy type\n",
  );
});

test("rollout: several at once, by selector and by file", async () => {
  await withHistory("many-1", ["a"]);
  await withHistory("many-2", ["a"]);
  await both.session.run("label wd many-1 many-2 group=many");
  expect(await ours("rollout restart wd -l group=many")).toBe(
    "wasmdeployment.wherry.dev/many-1 restarted\nwasmdeployment.wherry.dev/many-2 restarted\n",
  );
  const file = manifest(deployment("many-1"), deployment("many-2"));
  expect(await ours("rollout pause -f -", file)).toBe(
    "wasmdeployment.wherry.dev/many-1 paused\nwasmdeployment.wherry.dev/many-2 paused\n",
  );
});

/** Somebody changes the object's spec right before each of the first patches. */
class RacedClient extends ApiClient {
  readonly #times: number;
  readonly #change: (attempt: number) => Promise<unknown>;
  patches = 0;

  constructor(times: number, change: (attempt: number) => Promise<unknown>) {
    super(readClusterAccess([both.session.config], undefined));
    this.#times = times;
    this.#change = change;
  }

  override async request<T>(request: ApiRequest): Promise<T> {
    if (request.method === "PATCH" && this.patches++ < this.#times) await this.#change(this.patches);
    return super.request(request);
  }
}

test.each([
  { name: "is looked at again", times: 1, patches: 2, error: undefined },
  {
    name: "is left alone in the end",
    times: 9,
    patches: 3,
    error: "testing value /metadata/generation failed",
  },
])("undoRollout: a spec that others change meanwhile $name", async ({ times, patches, error }) => {
  const name = `raced-${times}`;
  await withHistory(name, ["a", "b"]);
  await using client = new RacedClient(times, (attempt) =>
    both.session.run(`patch wd ${name} --type=merge -p '{"spec":{"replicas":${10 + attempt}}}'`),
  );
  const resources = await discover(client);
  const workload = asWorkload(requireResource(resources, "wd"), "default", name);
  const undoing = undoRollout(client, resources, workload, { toRevision: 1, dryRun: "none" });
  if (error === undefined) await undoing;
  else await expect(undoing).rejects.toThrow(error);
  expect(client.patches).toBe(patches);
  const { spec } = await get(name);
  expect(spec.replicas).toBe(10 + Math.min(times, patches));
  expect(spec.template.spec.module.image).toBe(module(error === undefined ? "a" : "b"));
});

test.each([
  {
    args: "rollout undo wd/bad --to-revision=9",
    says: "error: unable to find specified revision 9 in history; there is only 1\n",
  },
  {
    args: "rollout history wd/bad --revision=9",
    says: "error: unable to find specified revision 9 in history; there is only 1\n",
  },
  {
    args: "rollout undo wd/bad",
    says: 'error: there is nothing to go back to: of wasmdeployment "bad" only revision 1 is kept, which is the current one\n',
  },
  { args: "rollout undo wd/none", says: 'error: no rollout history found for wasmdeployment "none"\n' },
  { args: "rollout history wd/none", says: 'error: no rollout history found for wasmdeployment "none"\n' },
  {
    args: "rollout undo wd/nope",
    says: 'Error from server (NotFound): wasmdeployments.wherry.dev "nope" not found\n',
  },
  {
    args: "rollout undo wd/bad --to-revision=-1",
    says: 'error: --to-revision "-1" must be a whole number, at least 0\n',
  },
  {
    args: "rollout undo wd/bad --dry-run=perhaps",
    says: 'error: --dry-run "perhaps" is not known; it is none, client or server\n',
  },
  {
    args: "rollout history wd/bad -o wide",
    says: 'error: --output "wide" is not known; it is yaml or json\n',
  },
  {
    args: "rollout pause cm/x",
    says: "error: configmap has no rollouts; wasmdeployments and wasmdaemonsets have. For kinds of Kubernetes use kubectl rollout\n",
  },
  { args: "rollout pause wd -l nobody=has", says: "error: no matching resources found\n" },
  {
    args: "rollout restart",
    says: 'error: you must say which resource, such as "wasmdeployments"; "wherry api-resources" lists them all\n',
  },
  {
    args: "rollout restart wd",
    says: "error: required resource not specified: name the workload, such as wasmdeployment/web, or select some with -l\n",
  },
  { args: "rollout repeat wd/x", says: "error: unknown command 'repeat'\n(Did you mean restart?)\n" },
])("rollout: refuses $args", async ({ args, says }) => {
  if ((await both.session.run("get wd bad none --ignore-not-found -o name")) === "") {
    await withHistory("bad", ["a"]);
    await both.session.run("create -f -", manifest(deployment("none"), configMap("x")));
  }
  expect(await refused(args)).toBe(says);
});

test("rollout undo: revisions that make no sense are passed over", async () => {
  await withHistory("odd", ["a", "b"]);
  const { metadata } = await get("odd");
  const owner = { apiVersion: "wherry.dev/v1alpha1", kind: "WasmDeployment", name: "odd", uid: metadata.uid };
  const revision = (name: string, data: object, controller: boolean) => ({
    apiVersion: "apps/v1",
    kind: "ControllerRevision",
    metadata: { name, ownerReferences: [{ ...owner, controller }] },
    data,
    revision: 7,
  });
  const template = (await get("odd")).spec.template;
  const odd = [
    revision("odd-1", {}, true),
    revision("odd-2", { spec: { template: [] } }, true),
    // It refers to the deployment, but is not its.
    revision("odd-3", { spec: { template } }, false),
  ];
  await both.session.run("create -f -", manifest(...odd));
  expect(await ours("rollout undo wd/odd")).toContain("rolled back to revision 1");
});
