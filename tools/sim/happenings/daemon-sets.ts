/** What people do with daemon sets. */
import type { ApiObject } from "../../../api/object-meta.ts";
import type { Dice } from "../../soak/dice.ts";
import type { Cluster } from "../cluster.ts";
import { objectsIn } from "../objects-in.ts";
import { type Draft, makeTemplate, namespaces } from "../workload-makers.ts";
import type { Happening } from "./happening.ts";

const plural = "wasmdaemonsets";
const daemonSetsMax = 2;

function makeDaemonSet(dice: Dice, name: string): Draft {
  return {
    apiVersion: "wherry.dev/v1alpha1",
    kind: "WasmDaemonSet",
    metadata: { name, namespace: dice.pick(namespaces) },
    spec: {
      updateStrategy: makeStrategy(dice),
      minReadySeconds: 0,
      revisionHistoryLimit: 2,
      rolloutOnConfigChange: false,
      template: makeTemplate(dice, name, "Always"),
    },
  };
}

function makeStrategy(dice: Dice) {
  const [maxSurge, maxUnavailable] = dice.pick([
    [0, 1],
    [0, 2],
    [0, "50%"],
    [1, 0],
    ["100%", 0],
  ] as const);
  return {
    type: dice.chance(0.9) ? "RollingUpdate" : "OnDelete",
    rollingUpdate: { maxSurge, maxUnavailable },
  };
}

export const daemonSetHappenings: readonly Happening[] = [
  {
    name: "create daemon set",
    weight: 3,
    happen({ cluster }) {
      const { store, dice } = cluster;
      if (objectsIn(store, plural).length >= daemonSetsMax) return undefined;
      const draft = makeDaemonSet(dice, `agent-${dice.below(3)}`);
      const { namespace = "", name = "" } = draft.metadata;
      if (store.get({ group: "", plural }, namespace, name) !== undefined) return undefined;
      store.put(plural, draft);
      return `people create ${plural} ${namespace}/${name}: ${JSON.stringify(draft["spec"])}`;
    },
  },
  {
    name: "update daemon set",
    weight: 3,
    happen({ cluster }) {
      const object = some(cluster);
      if (object === undefined) return undefined;
      const { dice } = cluster;
      const template = makeTemplate(dice, object.metadata.name, "Always");
      const change = dice.chance(0.3) ? { updateStrategy: makeStrategy(dice) } : { template };
      const spec = { ...(object["spec"] as Readonly<Record<string, unknown>>), ...change };
      cluster.store.put(plural, { ...object, spec });
      return `people edit ${plural} ${object.metadata.name}: ${JSON.stringify(change)}`;
    },
  },
];

function some({ store, dice }: Cluster): ApiObject | undefined {
  const objects = objectsIn(store, plural);
  return objects.length === 0 ? undefined : dice.pick(objects);
}
