/** Autoscalers of tests, and what becomes of them. */
import { stringify } from "yaml";
import type { Condition, WasmAutoscaler, WasmAutoscalerStatus } from "../../api/gen/kinds.gen.ts";
import { observe } from "../../cli/client/observe.ts";
import type { Resource } from "../../cli/resources/resource.ts";
import { systemClock } from "../../kit/clock.ts";
import type { TestCluster } from "./cluster.ts";

/** It comes down as soon as it may, and goes up at once. */
export const quick = {
  scaleUp: { policies: [{ type: "Instances", value: 100, periodSeconds: 1 }] },
  scaleDown: { stabilizationWindowSeconds: 1, policies: [{ type: "Percent", value: 100, periodSeconds: 1 }] },
};

/** What has not been known for so long takes nothing away, whatever is declared. */
export const trustMs = 60_000;

/** Of the deployment of the same name. */
export function autoscaler(
  name: string,
  metrics: readonly object[],
  spec: Readonly<Record<string, unknown>> = {},
): string {
  return stringify({
    apiVersion: "wherry.dev/v1alpha1",
    kind: "WasmAutoscaler",
    metadata: { name },
    spec: {
      scaleTargetRef: { kind: "WasmDeployment", name },
      minReplicas: 0,
      maxReplicas: 4,
      idleSeconds: 1,
      metrics,
      behavior: quick,
      ...spec,
    },
  });
}

export const average = (averageValue: string) => ({ type: "AverageValue", averageValue });

export async function statusOf(cluster: TestCluster, name: string): Promise<WasmAutoscalerStatus> {
  return (await cluster.json<WasmAutoscaler>("wasmautoscaler", name)).status ?? {};
}

/** `REASON: MESSAGE` of a condition, `False REASON: MESSAGE` where it is not True. */
export async function saysOf(
  cluster: TestCluster,
  name: string,
  type: "AbleToScale" | "ScalingActive" | "ScalingLimited",
): Promise<string> {
  const { conditions = [] } = await statusOf(cluster, name);
  const found = conditions.find((condition: Condition) => condition.type === type);
  if (found === undefined) return "";
  return `${found.status === "True" ? "" : `${found.status} `}${found.reason}: ${found.message}`;
}

const deploymentResource: Resource = {
  group: "wherry.dev",
  version: "v1alpha1",
  plural: "wasmdeployments",
  singular: "wasmdeployment",
  kind: "WasmDeployment",
  shortNames: [],
  categories: [],
  namespaced: true,
  verbs: ["list", "watch"],
};

interface Deployment {
  readonly metadata: { readonly name: string };
  readonly spec: { readonly replicas?: number };
}

/** Follows what is wanted of deployments, at each change that the scheduler tells of, so that nothing in between is missed. */
export class ReplicasWatch implements AsyncDisposable {
  readonly #stopping = new AbortController();
  readonly #following: Promise<void>;
  readonly #client: ReturnType<TestCluster["api"]>;
  readonly #now = new Map<string, number>();
  readonly #fewest = new Map<string, number>();
  readonly #all = new Map<string, number[]>();

  constructor(cluster: TestCluster) {
    this.#client = cluster.api();
    this.#following = this.#follow();
  }

  now(name: string): number | undefined {
    return this.#now.get(name);
  }

  /** Each number that was wanted, in turn. */
  all(name: string): readonly number[] {
    return this.#all.get(name) ?? [];
  }

  /** From now on `fewest` begins anew. */
  mark(): void {
    this.#fewest.clear();
    for (const [name, replicas] of this.#now) this.#fewest.set(name, replicas);
  }

  /** Since the mark. */
  fewest(name: string): number | undefined {
    return this.#fewest.get(name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort();
    await this.#following;
    await this.#client[Symbol.asyncDispose]();
  }

  async #follow(): Promise<void> {
    const { signal } = this.#stopping;
    const query = { resource: deploymentResource, namespace: undefined, signal };
    for await (const sighting of observe(this.#client, systemClock, query)) {
      if (sighting.kind === "listing" || sighting.kind === "listed") continue;
      // The resource has said what it is.
      const { metadata, spec } = sighting.object as unknown as Deployment;
      if (sighting.kind === "gone") this.#now.delete(metadata.name);
      else this.#saw(metadata.name, spec.replicas ?? 1);
    }
  }

  #saw(name: string, replicas: number): void {
    const all = this.#all.get(name) ?? [];
    if (all.at(-1) !== replicas) this.#all.set(name, [...all, replicas]);
    this.#now.set(name, replicas);
    this.#fewest.set(name, Math.min(replicas, this.#fewest.get(name) ?? replicas));
  }
}

/** Resolves when it is so, as its watch tells; fails with what there was. */
export async function replicasAre(
  watch: ReplicasWatch,
  wanted: Readonly<Record<string, number>>,
): Promise<void> {
  const deadline = performance.now() + 150_000;
  const isSo = () => Object.entries(wanted).every(([name, replicas]) => watch.now(name) === replicas);
  while (!isSo()) {
    if (performance.now() > deadline) {
      const found = Object.keys(wanted).map((name) => `${name}: ${watch.all(name).join(" → ")}`);
      throw new Error(`replicas are not ${JSON.stringify(wanted)} but ${found.join(", ")}`);
    }
    await new Promise((settle) => setTimeout(settle, 50));
  }
}
