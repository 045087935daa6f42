/**
 * Keeps a WasmDeployment's instances as declared. Pure: what should exist against what does, to steps.
 *
 *   counted         pending and bound instances; stopping ones are on their way out and count as gone, except for
 *                   Recreate, which waits for them
 *   new, old        by the hash of the template; there are no revisions between an instance and its deployment yet
 *   ended           never by itself (a node restarts it in place): replaced and forgotten. One that ended right after
 *                   it was made leaves its place empty for a while, or a node that refuses it would get it at once again
 *
 * Invariants: what it creates never lifts the total over replicas + maxSurge; what it stops never takes availability
 * below replicas - maxUnavailable, unless replicas itself shrank. Linear in the number of instances; sorts only those
 * from which it must choose some to remove.
 */
import type { WasmDeployment, WasmDeploymentStatus } from "../../../../api/gen/kinds.gen.ts";
import { disruptionReasons, type Instance, type Revision } from "../../model.ts";
import { reconcileOrphans } from "../orphans.ts";
import { inRemovalOrder, isAvailable } from "../removal-order.ts";
import { planRevisions } from "../revision-plan.ts";
import { failedCreate, type ReconcileResult, type Step } from "../step.ts";
import { earliest } from "../../../../kit/timestamps.ts";
import { deploymentStatus } from "./deployment-status.ts";
import { rolloutLimits } from "./rollout-limits.ts";

export interface DeploymentInput {
  readonly deployment: WasmDeployment;
  /** The hash of the current template. */
  readonly templateHash: string;
  /** Of the templates that it has and had; instances are made only of those that are kept. */
  readonly revisions: readonly Revision[];
  /** All instances of this deployment, in any order. */
  readonly instances: Iterable<Instance>;
  /** Why no instance can be made now. */
  readonly refusal: string | undefined;
  readonly nowMs: number;
}

/** How long after its creation the place of an instance that ended by refusal stays empty. */
const replacementDelayMs = 5_000;

interface Census {
  readonly current: Instance[];
  readonly old: Instance[];
  readonly ended: Instance[];
  oldStopping: number;
  available: number;
  currentAvailable: number;
}

/** The status is the object's own one, by identity, if nothing changed. */
export function reconcileDeployment(input: DeploymentInput): ReconcileResult<WasmDeploymentStatus> {
  const { deployment, instances, nowMs } = input;
  if (deployment.metadata.deletionTimestamp !== undefined)
    return { status: deployment.status ?? {}, steps: reconcileOrphans(instances), wakeAtMs: undefined };

  const census = takeCensus(input);
  const places = settleEnded(input, census.ended);
  const plan = planRevisions({
    templateHash: input.templateHash,
    revisions: input.revisions,
    inUse: new Set(census.old.map((instance) => instance.templateHash)),
    historyLimit: deployment.spec.revisionHistoryLimit,
  });
  const steps =
    deployment.spec.strategy.type === "Recreate"
      ? recreate(input, census, places.held, plan.current)
      : rollingUpdate(input, census, places.held, plan.current);
  const status = deploymentStatus(deployment, census, input.refusal, nowMs);
  return { status, steps: [...plan.steps, ...steps, ...places.forget], wakeAtMs: places.wakeAtMs };
}

function takeCensus({ instances, templateHash }: DeploymentInput): Census {
  const census: Census = {
    current: [],
    old: [],
    ended: [],
    oldStopping: 0,
    available: 0,
    currentAvailable: 0,
  };
  for (const instance of instances) {
    const isCurrent = instance.templateHash === templateHash;
    if (instance.state.kind === "ended") census.ended.push(instance);
    else if (instance.state.kind === "stopping") census.oldStopping += isCurrent ? 0 : 1;
    else {
      (isCurrent ? census.current : census.old).push(instance);
      if (!isAvailable(instance)) continue;
      census.available++;
      if (isCurrent) census.currentAvailable++;
    }
  }
  return census;
}

interface EndedPlaces {
  /** Places that stay empty for now. */
  readonly held: number;
  readonly forget: readonly Step[];
  readonly wakeAtMs: number | undefined;
}

function settleEnded({ templateHash, nowMs }: DeploymentInput, ended: readonly Instance[]): EndedPlaces {
  const forget: Step[] = [];
  let held = 0;
  let wakeAtMs: number | undefined;
  for (const instance of ended) {
    const freeAtMs = placeFreeAtMs(instance);
    if (instance.templateHash === templateHash && freeAtMs > nowMs) {
      held++;
      wakeAtMs = earliest(wakeAtMs, freeAtMs);
    } else forget.push({ kind: "forgetInstance", uid: instance.uid });
  }
  return { held, forget, wakeAtMs };
}

/** The end of a node, or our own stop, is no refusal. */
function placeFreeAtMs({ state, createdMs }: Instance): number {
  if (state.kind !== "ended") return createdMs;
  const { reason } = state.observed;
  return disruptionReasons.has(reason) && reason !== "Evicted" ? createdMs : createdMs + replacementDelayMs;
}

function recreate(
  input: DeploymentInput,
  census: Census,
  held: number,
  revision: Revision | undefined,
): readonly Step[] {
  const { replicas } = input.deployment.spec;
  if (census.old.length > 0)
    return census.old.map(({ uid }) => stop(uid, "the template changed; all are replaced at once"));
  const missing = replicas - census.current.length;
  if (missing < 0) return stopSome(census.current, -missing, scaledDown(replicas));
  return census.oldStopping > 0 ? [] : create(missing - held, input, revision);
}

function rollingUpdate(
  input: DeploymentInput,
  census: Census,
  held: number,
  revision: Revision | undefined,
): readonly Step[] {
  const { spec } = input.deployment;
  const { current, old } = census;
  const limits = rolloutLimits(spec);
  const missing = spec.replicas - current.length;
  const creatable = Math.min(missing, limits.totalMax - current.length - old.length) - held;
  const created = input.refusal === undefined && revision ? Math.max(0, creatable) : 0;
  const removedCurrent = missing < 0 ? stopSome(current, -missing, scaledDown(spec.replicas)) : [];
  const steps = [...create(creatable, input, revision), ...removedCurrent];
  if (old.length === 0) return steps;

  const currentCount = current.length + created - removedCurrent.length;
  const currentAvailable = Math.min(census.currentAvailable, currentCount);
  const placed = old.filter(({ state }) => state.kind !== "pending");
  return [
    ...steps,
    ...dropWaiting(old),
    ...retireOld(placed, currentCount, currentAvailable, limits.availableMin),
  ];
}

/** Old ones without a node never get one: the template that they would start from is gone. */
function dropWaiting(old: readonly Instance[]): readonly Step[] {
  const waiting = old.filter(({ state }) => state.kind === "pending");
  return waiting.map(({ uid }) => stop(uid, "its template changed before it had a node"));
}

/**
 * Which old instances with a node may go. First those that serve nobody, but no more than leaves enough that can become available
 * if the new ones never do; then available ones, as far as availability allows.
 */
function retireOld(
  old: readonly Instance[],
  currentCount: number,
  currentAvailable: number,
  availableMin: number,
): readonly Step[] {
  const oldAvailable = old.filter(isAvailable).length;
  const unavailableNew = currentCount - currentAvailable;
  const spare = Math.max(0, old.length + currentCount - availableMin - unavailableNew);
  const idle = Math.min(old.length - oldAvailable, spare);
  const serving = Math.min(oldAvailable, Math.max(0, currentAvailable + oldAvailable - availableMin));
  if (idle + serving === 0) return [];
  const why = "an instance of the new template takes its place";
  if (idle + serving === old.length) return old.map(({ uid }) => stop(uid, why));
  const ordered = inRemovalOrder(old);
  const idleOnes = ordered.filter((instance) => !isAvailable(instance)).slice(0, idle);
  const servingOnes = ordered.filter(isAvailable).slice(0, serving);
  return [...idleOnes, ...servingOnes].map(({ uid }) => stop(uid, why));
}

function create(
  count: number,
  { deployment, templateHash, refusal }: DeploymentInput,
  revision: Revision | undefined,
): readonly Step[] {
  if (count <= 0 || revision === undefined) return [];
  if (refusal !== undefined) return [failedCreate(refusal)];
  const message = `creates ${count} of ${deployment.spec.replicas} instances of template ${templateHash}`;
  return [
    { kind: "createInstances", count, templateHash, targetNode: undefined },
    { kind: "recordEvent", type: "Normal", reason: "InstancesCreated", message },
  ];
}

function stopSome(instances: readonly Instance[], count: number, why: string): readonly Step[] {
  const leaving = count >= instances.length ? instances : inRemovalOrder(instances).slice(0, count);
  return leaving.map(({ uid }) => stop(uid, why));
}

function stop(uid: string, why: string): Step {
  return { kind: "stopInstance", uid, why };
}

function scaledDown(replicas: number): string {
  return `scaled down to ${replicas}`;
}
