/** Of autoscalers: nothing is taken away on what is not known, two never fight, and all end within their bounds. */
import type { WasmAutoscaler, WasmDeployment } from "../../../api/gen/kinds.gen.ts";
import type { Scale, ScaleReference } from "../../../scheduler/backend/scale-backend.ts";
import type { Cluster } from "../cluster.ts";
import { objectsIn } from "../objects-in.ts";
import type { SchedulerProcess } from "../scheduler-process.ts";
import { demand } from "./violation.ts";

/** Within the shortest window that people declare, nobody takes away what the same scheduler has added. */
const fightMs = 60_000;

export class AutoscalerCheck {
  /** By target: when a scheduler added instances last, by its own monotonic clock. */
  readonly #addedMs = new WeakMap<SchedulerProcess, Map<string, number>>();

  /** A number is about to be written. */
  scaling(
    scheduler: SchedulerProcess,
    { namespace, name }: ScaleReference,
    scale: Scale,
    replicas: number,
  ): void {
    const nowMs = scheduler.clock.monotonic();
    const added = this.#addedMs.get(scheduler) ?? new Map<string, number>();
    this.#addedMs.set(scheduler, added);
    if (replicas > scale.specReplicas) {
      added.set(scale.uid, nowMs);
      return;
    }
    // What is declared counts at once, whatever is known.
    const isDeclared = [...(scheduler.engine.autoscalers?.list() ?? [])].some(
      (one) => one.namespace === namespace && one.target === `WasmDeployment/${name}` && one.max === replicas,
    );
    if (isDeclared) return;
    const what = () => `${scheduler.name} takes ${name} from ${scale.specReplicas} to ${replicas}`;
    demand(scheduler.engine.hasAllReports(), "autoscaling", () => `${what()} while nodes are unknown`);
    for (const { owner, state } of scheduler.engine.instances(namespace)) {
      // Those that are to stop are nobody's any more.
      if (owner.uid !== scale.uid || state.kind !== "bound") continue;
      const { nodeName } = state;
      demand(
        scheduler.engine.isReachable(nodeName),
        "autoscaling",
        () => `${what()} while ${nodeName} is silent`,
      );
    }
    const addedMs = added.get(scale.uid) ?? Number.NEGATIVE_INFINITY;
    demand(
      nowMs - addedMs >= fightMs,
      "autoscaling",
      () => `${what()}, and has added some ${nowMs - addedMs} ms ago`,
    );
  }
}

/** Once nothing changes any more. */
export function checkAutoscalers({ store }: Cluster): void {
  // The simulated people declare nothing else.
  const all = objectsIn(store, "wasmautoscalers").map((object) => object as unknown as WasmAutoscaler);
  const contests = Map.groupBy(
    all,
    ({ metadata, spec }) => `${metadata.namespace ?? ""}/${spec.scaleTargetRef.name}`,
  );
  for (const contestants of contests.values()) {
    const [first, ...others] = contestants.toSorted(byAge);
    if (first === undefined) continue;
    for (const other of others) {
      const able = conditionOf(other);
      demand(
        able?.status === "False" &&
          able.reason === "AmbiguousTarget" &&
          able.message.includes(first.metadata.name),
        "autoscaling",
        () =>
          `${other.metadata.name} leaves its target to ${first.metadata.name}, and says ${JSON.stringify(able)}`,
      );
    }
    checkBounds(
      first,
      store.get(
        { group: "", plural: "wasmdeployments" },
        first.metadata.namespace ?? "",
        first.spec.scaleTargetRef.name,
      ) as unknown as WasmDeployment | undefined,
    );
  }
}

function checkBounds(autoscaler: WasmAutoscaler, target: WasmDeployment | undefined): void {
  const { metadata, spec, status } = autoscaler;
  const able = conditionOf(autoscaler);
  const says = () => `${metadata.name} says ${JSON.stringify(status)}`;
  demand(status?.observedGeneration === metadata.generation, "autoscaling", says);
  if (target === undefined) {
    demand(able?.status === "False" && able.reason === "FailedGetScale", "autoscaling", says);
    return;
  }
  const { replicas } = target.spec;
  demand(able?.status === "True", "autoscaling", says);
  // At 0 with a minimum above it, somebody has switched it off.
  const isWithin = replicas <= spec.maxReplicas && (replicas >= spec.minReplicas || replicas === 0);
  demand(
    isWithin,
    "autoscaling",
    () =>
      `${target.metadata.name} has ${replicas}, and ${metadata.name} wants ${spec.minReplicas} to ${spec.maxReplicas}`,
  );
}

function conditionOf({ status }: WasmAutoscaler) {
  return status?.conditions?.find(({ type }) => type === "AbleToScale");
}

function byAge(a: WasmAutoscaler, b: WasmAutoscaler): number {
  const [first = "", second = ""] = [a, b].map(({ metadata }) => metadata.creationTimestamp);
  if (first !== second) return first < second ? -1 : 1;
  return a.metadata.name < b.metadata.name ? -1 : 1;
}
