/** What people do with routes, and what their requests do. */
import type { Dice } from "../../soak/dice.ts";
import type { Cluster } from "../cluster.ts";
import { objectsIn } from "../objects-in.ts";
import { type Draft, namespaces } from "../workload-makers.ts";
import { edit, some } from "./edits.ts";
import { type Happening, someMachine } from "./happening.ts";

const plural = "wasmroutes";
const routesMax = 6;
const hostnames = ["a.example", "b.example", "*.example", "*.b.example", "x.b.example"];

function makeRoute(dice: Dice, name: string): Draft {
  return {
    apiVersion: "wherry.dev/v1alpha1",
    kind: "WasmRoute",
    metadata: { name, namespace: dice.pick(namespaces) },
    spec: makeSpec(dice),
  };
}

function makeSpec(dice: Dice) {
  const hosts = dice.chance(0.2) ? {} : { hostnames: [dice.pick(hostnames)] };
  const backendRefs = Array.from({ length: 1 + dice.below(2) }, () => ({
    ...(dice.chance(0.8)
      ? { kind: "WasmDeployment", name: `web-${dice.below(8)}` }
      : { kind: "WasmDaemonSet", name: `agent-${dice.below(3)}` }),
    ...(dice.chance(0.2) ? { revision: 1 + dice.below(3) } : {}),
    weight: dice.below(10),
  }));
  return { ...hosts, rules: [{ backendRefs }] };
}

export const routeHappenings: readonly Happening[] = [
  {
    name: "create route",
    weight: 4,
    happen({ cluster: { store, dice } }) {
      if (objectsIn(store, plural).length >= routesMax) return undefined;
      const draft = makeRoute(dice, `route-${dice.below(9)}`);
      const { namespace = "", name = "" } = draft.metadata;
      if (store.get({ group: "", plural }, namespace, name) !== undefined) return undefined;
      store.put(plural, draft);
      return `people create ${plural} ${namespace}/${name}: ${JSON.stringify(draft["spec"])}`;
    },
  },
  {
    name: "edit route",
    weight: 3,
    happen({ cluster }) {
      const route = some(cluster, plural);
      return route && edit(cluster, plural, route, { hostnames: undefined, ...makeSpec(cluster.dice) });
    },
  },
  {
    name: "delete route",
    weight: 1,
    happen({ cluster }) {
      const route = some(cluster, plural);
      if (route === undefined) return undefined;
      cluster.store.remove(plural, route);
      return `people delete ${plural} ${route.metadata.name}`;
    },
  },
  {
    name: "request",
    weight: 5,
    happen({ cluster }) {
      const machine = someMachine(cluster);
      const deployment = some(cluster, "wasmdeployments");
      if (!machine?.isUp || deployment === undefined) return undefined;
      const times = 1 + cluster.dice.below(3);
      for (let time = 0; time < times; time++) machine.wake([deployment.metadata.uid, "unheard-of"]);
      return `requests wait on ${machine.id} for ${deployment.metadata.name}`;
    },
  },
];

/** Requests wait for everything, at each gateway. */
export function requestEverything(cluster: Cluster): void {
  cluster.note("requests wait for everything");
  const uids = objectsIn(cluster.store, "wasmdeployments").map(({ metadata }) => metadata.uid);
  for (const machine of cluster.machines) if (machine.isTold) machine.wake(uids);
}
