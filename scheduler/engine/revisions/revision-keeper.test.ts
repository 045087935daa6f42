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
