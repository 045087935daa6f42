import type { WasmDeploymentSpec } from "../../../../api/gen/kinds.gen.ts";
import type { Instance } from "../../model.ts";
import { isAvailable } from "../availability.ts";
import type { Step } from "../step.ts";
import { type Census, noneOf, type TemplateCount } from "./census.ts";
import type { Rollout } from "./rollout.ts";
import { rolloutLimits, type RolloutLimits } from "./rollout-limits.ts";

/** What there is, seen from the template that all instances should have: the target. */
export interface Situation {
  readonly spec: WasmDeploymentSpec;
  readonly limits: RolloutLimits;
  /** Undefined: it was paused before it ever began. */
  readonly rollout: Rollout | undefined;
  readonly target: TemplateCount;
  /** Those of other templates of which there are live instances. */
  readonly old: readonly TemplateCount[];
  readonly oldLive: number;
  readonly oldAvailable: number;
  readonly oldStopping: number;
  readonly total: number;
  readonly available: number;
  readonly census: Census;
  /** Of which old template instances that are lost are made anew; undefined: of none. */
  readonly fallback: string | undefined;
  /** How many places of a template stay empty for now, because what was there ended too soon. */
  readonly held: (templateHash: string) => number;
  /** Whether instances of this template can be made: it is kept, and nothing is against it. */
  readonly canMake: (templateHash: string) => boolean;
  readonly nowMs: number;
}

/** What is to be done, and how many instances there should be by then. */
export interface Plan {
  readonly steps: readonly Step[];
  readonly updatedReplicas: number;
  readonly oldReplicas: number;
  /** When to look again although nothing happens. */
  readonly wakeAtMs: number | undefined;
}

export interface SituationInput {
  readonly spec: WasmDeploymentSpec;
  readonly rollout: Rollout | undefined;
  readonly goal: string;
  readonly stable: string | undefined;
  readonly census: Census;
  readonly held: (templateHash: string) => number;
  readonly canMake: (templateHash: string) => boolean;
  readonly nowMs: number;
}

export function situationOf(input: SituationInput): Situation {
  const { spec, rollout, goal, census, held, canMake, nowMs } = input;
  const old: TemplateCount[] = [];
  let oldLive = 0;
  let oldAvailable = 0;
  let oldStopping = 0;
  for (const count of census.templates.values()) {
    if (count.templateHash === goal) continue;
    oldStopping += count.stopping;
    if (count.live.length === 0) continue;
    old.push(count);
    oldLive += count.live.length;
    oldAvailable += count.available;
  }
  const target = census.templates.get(goal) ?? noneOf(goal);
  return {
    spec,
    limits: rolloutLimits(spec),
    rollout,
    target,
    old,
    oldLive,
    oldAvailable,
    oldStopping,
    total: target.live.length + oldLive,
    available: census.available,
    census,
    fallback: fallbackOf(input, old),
    held,
    canMake,
    nowMs,
  };
}

/** The old template that works best: that with the most available instances, else the one that was complete last. */
function fallbackOf(
  { stable, goal, canMake }: SituationInput,
  old: readonly TemplateCount[],
): string | undefined {
  let best = stable !== undefined && stable !== goal && canMake(stable) ? stable : undefined;
  let bestAvailable = old.find(({ templateHash }) => templateHash === best)?.available ?? 0;
  for (const { templateHash, available } of old) {
    if (available <= bestAvailable || !canMake(templateHash)) continue;
    best = templateHash;
    bestAvailable = available;
  }
  return best;
}

export function isIdle({ census }: Situation, instance: Instance): boolean {
  return !isAvailable(instance, census.notYet);
}

export function isStaying({ leaving }: Instance): boolean {
  return leaving === undefined;
}

/** No step if `count` is none or less. */
export function make({ spec, canMake }: Situation, templateHash: string, count: number): readonly Step[] {
  if (count <= 0 || !canMake(templateHash)) return [];
  const message = `creates ${count} of ${spec.replicas} instances of template ${templateHash}`;
  return [
    { kind: "createInstances", count, templateHash, targetNode: undefined },
    { kind: "recordEvent", type: "Normal", reason: "InstancesCreated", message },
  ];
}

export function stop(instances: readonly Instance[], why: string): readonly Step[] {
  return instances.map(({ uid }) => ({ kind: "stopInstance", uid, why }));
}

export function scaledDown({ replicas }: WasmDeploymentSpec): string {
  return `scaled down to ${replicas}`;
}
