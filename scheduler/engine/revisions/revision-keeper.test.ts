/** Through the whole engine. */
import { expect, test } from "vitest";
import type { InstanceTemplate } from "../../../api/gen/kinds.gen.ts";
import type { ApiObject } from "../../../api/object-meta.ts";
import { templateHashLabel } from "../../core/labels.ts";
import type { FakeBackend } from "../../testing/fake-backend.ts";
import { deployment, startEngine } from "../../testing/test-engine.ts";
import { templateHash } from "../template-hash.ts";
import { revisionResource } from "./revision-object.ts";

function revisionsOf(backend: FakeBackend, ofNamespace: string): readonly (readonly [number, string])[] {
  const found: ApiObject[] = [];
  const stop = new AbortController();
  backend.watch(revisionResource, (event) => event.kind === "put" && found.push(event.object), stop.signal);
  stop.abort();
  return found
    .filter(({ metadata }) => metadata.namespace === ofNamespace)
    .map((object) => [object["revision"] as number, object.metadata.name] as const)
    .sort(([a], [b]) => a - b);
}

const second = deployment(1, { args: ["2"] });

test.each([
  { name: "a template of its own", template: deployment(1, { args: ["theirs"] }).spec.template },
  { name: "the one that comes next", template: second.spec.template },
])(
  "RevisionKeeper: a revision in another namespace is none of the workload's: $name",
  async ({ template }) => {
    const { backend, pass, node } = await startEngine();
    const a = node("a");
    const { metadata } = backend.put("wasmdeployments", deployment(1));
    await pass(500);
    a.runAll();
    await pass(500);
    const owner = { apiVersion: "wherry.dev/v1alpha1", kind: "WasmDeployment", name: "app" };
    backend.put("controllerrevisions", {
      apiVersion: "apps/v1",
      kind: "ControllerRevision",
      metadata: {
        name: "theirs",
        namespace: "elsewhere",
        // Not all that the schema fills in.
        labels: { [templateHashLabel]: templateHash(template as InstanceTemplate) },
        ownerReferences: [{ ...owner, uid: metadata.uid, controller: true }],
      },
      data: { spec: { template } },
      revision: 41,
    });
    backend.put("wasmdeployments", second);
    await pass(500);
    expect(revisionsOf(backend, "default").map(([number]) => number)).toEqual([1, 2]);
    expect(revisionsOf(backend, "elsewhere")).toEqual([[41, "theirs"]]);
  },
);

async function startWithRevision() {
  const started = await startEngine();
  const { backend, pass, node } = started;
  const a = node("a");
  backend.put("wasmdeployments", deployment(1));
  await pass(500);
  a.runAll();
  await pass(500);
  const name = revisionsOf(backend, "default")[0]?.[1] ?? "";
  const first = backend.get(revisionResource, "default", name);
  if (first === undefined) throw new Error("the template is not kept");
  return { ...started, first };
}

test("RevisionKeeper: a revision that lost its label and is deleted then is made anew", async () => {
  const { backend, pass, instances, first } = await startWithRevision();
  const { labels: _, ...metadata } = first.metadata;
  const unreadable = backend.put("controllerrevisions", { ...first, metadata });
  await pass(500);
  backend.remove("controllerrevisions", unreadable);
  await pass(20_000);
  expect(revisionsOf(backend, "default")).toEqual([[1, first.metadata.name]]);
  backend.put("wasmdeployments", deployment(2));
  await pass(500);
  expect(instances()).toHaveLength(2);
});

test("RevisionKeeper: where a copy of a revision came and went, the first one counts again", async () => {
  const { backend, pass, instances, first } = await startWithRevision();
  const { uid: _, ...metadata } = first.metadata;
  const copy = backend.put("controllerrevisions", { ...first, metadata: { ...metadata, name: "copy" } });
  await pass(500);
  backend.remove("controllerrevisions", copy);
  await pass(500);
  backend.put("wasmdeployments", deployment(2));
  await pass(500);
  expect(instances()).toHaveLength(2);
});
