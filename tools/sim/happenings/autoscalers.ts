/** What people do with autoscalers, and what their metrics do. */
import type { Reading } from "../../../scheduler/core/autoscaling/reading.ts";
import type { Dice } from "../../soak/dice.ts";
import type { Cluster } from "../cluster.ts";
import { objectsIn } from "../objects-in.ts";
import { type Draft, namespaces } from "../workload-makers.ts";
import { edit, some } from "./edits.ts";
import type { Happening } from "./happening.ts";

const plural = "wasmautoscalers";
const autoscalersMax = 6;

function makeAutoscaler(cluster: Cluster, name: string): Draft {
  const { dice } = cluster;
  return {
    apiVersion: "wherry.dev/v1alpha1",
    kind: "WasmAutoscaler",
    metadata: {
      name,
      namespace: dice.pick(namespaces),
      creationTimestamp: `2026-01-01T00:00:0${dice.below(3)}Z`,
    },
    spec: { ...makeBounds(dice), ...makeTarget(cluster), metrics: [metric] },
  };
}

/** What its figure is, the world's loads say. */
const metric = {
  type: "Redis",
  redis: {
    address: "redis:6379",
    database: 0,
    list: { key: "queue" },
    target: { type: "AverageValue", averageValue: "1" },
    intervalSeconds: 5,
    timeoutSeconds: 5,
  },
};

/** Mostly of a deployment that there is, which another one may scale already. */
function makeTarget(cluster: Cluster) {
  const known = cluster.dice.chance(0.8) ? some(cluster, "wasmdeployments")?.metadata.name : undefined;
  const name = known ?? `web-${cluster.dice.below(8)}`;
  return { scaleTargetRef: { apiVersion: "wherry.dev/v1alpha1", kind: "WasmDeployment", name } };
}

function makeBounds(dice: Dice) {
  const minReplicas = dice.below(3);
  return {
    minReplicas,
    maxReplicas: minReplicas + 1 + dice.below(8),
    // Longer than what is waited for until all that requests wait for is awake.
    idleSeconds: 120,
    behavior: {
      scaleDown: {
        stabilizationWindowSeconds: dice.pick([60, 60, 300]),
        selectPolicy: dice.chance(0.9) ? "Max" : "Disabled",
      },
    },
  };
}

function makeReading(dice: Dice): Reading {
  if (dice.chance(0.15)) return { kind: "unknown", reason: "Unreachable", message: "nobody answers" };
  return {
    kind: "value",
    value: dice.chance(0.3) ? 0 : dice.below(12),
    isAtLeast: dice.chance(0.1),
    atMs: 0,
  };
}

export const autoscalerHappenings: readonly Happening[] = [
  {
    name: "create autoscaler",
    weight: 4,
    happen({ cluster }) {
      const { store, dice } = cluster;
      if (objectsIn(store, plural).length >= autoscalersMax) return undefined;
      const draft = makeAutoscaler(cluster, `auto-${dice.below(6)}`);
      const { namespace = "", name = "" } = draft.metadata;
      if (store.get({ group: "", plural }, namespace, name) !== undefined) return undefined;
      store.put(plural, draft);
      return `people create ${plural} ${namespace}/${name}: ${JSON.stringify(draft["spec"])}`;
    },
  },
  {
    name: "edit autoscaler",
    weight: 2,
    happen({ cluster }) {
      const object = some(cluster, plural);
      if (object === undefined) return undefined;
      const change = cluster.dice.chance(0.5) ? makeBounds(cluster.dice) : makeTarget(cluster);
      return edit(cluster, plural, object, change);
    },
  },
  {
    name: "delete autoscaler",
    weight: 1,
    happen({ cluster }) {
      const object = some(cluster, plural);
      if (object === undefined) return undefined;
      cluster.store.remove(plural, object);
      return `people delete ${plural} ${object.metadata.name}`;
    },
  },
  {
    name: "load",
    weight: 8,
    happen({ cluster }) {
      const object = some(cluster, plural);
      if (object === undefined) return undefined;
      const { namespace = "", name } = object.metadata;
      const reading = makeReading(cluster.dice);
      cluster.loads.set(namespace, name, reading);
      return `the load of ${name} is ${JSON.stringify(reading)}`;
    },
  },
];
