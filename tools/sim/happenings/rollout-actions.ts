/** What people do to the templates of deployments: change them, also to ones that never start, go back, restart, pause and resume. */
import type { InstanceTemplate } from "../../../api/gen/kinds.gen.ts";
import type { ApiObject } from "../../../api/object-meta.ts";
import type { Cluster } from "../cluster.ts";
import { objectsIn } from "../objects-in.ts";
import { brokenModule } from "../shim-host.ts";
import { makeTemplate } from "../workload-makers.ts";
import { edit, some } from "./edits.ts";
import type { Happening } from "./happening.ts";

export const rolloutActions: readonly Happening[] = [
  {
    name: "roll out",
    weight: 5,
    happen({ cluster }) {
      const object = some(cluster, "wasmdeployments");
      const template = makeTemplate(cluster.dice, object?.metadata.name ?? "", "Always");
      return object && edit(cluster, "wasmdeployments", object, { template });
    },
  },
  {
    name: "roll out what is broken",
    weight: 2,
    happen({ cluster }) {
      const object = some(cluster, "wasmdeployments");
      if (object === undefined) return undefined;
      const { metadata, spec } = templateOf(object);
      const image = `file:///${brokenModule}-${cluster.dice.below(10)}.wasm`;
      const template = { metadata, spec: { ...spec, module: { image } } };
      return edit(cluster, "wasmdeployments", object, { template });
    },
  },
  {
    name: "undo",
    weight: 3,
    happen({ cluster }) {
      const object = some(cluster, "wasmdeployments");
      const kept = object && revisionsOf(cluster, object);
      if (object === undefined || kept === undefined || kept.length === 0) return undefined;
      const { spec } = cluster.dice.pick(kept)["data"] as {
        readonly spec: { readonly template: InstanceTemplate };
      };
      return edit(cluster, "wasmdeployments", object, { template: spec.template });
    },
  },
  {
    name: "restart",
    weight: 2,
    happen({ cluster }) {
      const object = some(cluster, "wasmdeployments");
      if (object === undefined) return undefined;
      const { metadata, spec } = templateOf(object);
      const annotations = { ...metadata?.annotations, restarted: String(cluster.dice.below(1_000_000)) };
      const template = { metadata: { ...metadata, annotations }, spec };
      return edit(cluster, "wasmdeployments", object, { template });
    },
  },
  {
    name: "pause or resume",
    weight: 2,
    happen({ cluster }) {
      const object = some(cluster, "wasmdeployments");
      return object && edit(cluster, "wasmdeployments", object, { paused: cluster.dice.chance(0.4) });
    },
  },
  {
    name: "rollout rules",
    weight: 1,
    happen({ cluster }) {
      const object = some(cluster, "wasmdeployments");
      const { dice } = cluster;
      const rules = { autoRollback: dice.chance(0.5), minReadySeconds: dice.pick([0, 1, 8]) };
      return object && edit(cluster, "wasmdeployments", object, rules);
    },
  },
];

/** Nothing waits for people any more. */
export function resumeAll(cluster: Cluster): void {
  for (const object of objectsIn(cluster.store, "wasmdeployments"))
    if ((object["spec"] as { readonly paused: boolean }).paused)
      cluster.note(edit(cluster, "wasmdeployments", object, { paused: false }));
}

function templateOf(object: ApiObject): InstanceTemplate {
  return (object["spec"] as { readonly template: InstanceTemplate }).template;
}

function revisionsOf({ store }: Cluster, { metadata: { uid } }: ApiObject): readonly ApiObject[] {
  return objectsIn(store, "controllerrevisions").filter(({ metadata }) =>
    metadata.ownerReferences?.some((owner) => owner.uid === uid),
  );
}
