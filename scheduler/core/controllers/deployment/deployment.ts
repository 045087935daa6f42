/**
 * Keeps a WasmDeployment's instances as declared. Pure: what should exist against what does, to steps.
 *
 *   counted         by template; pending and bound instances. Stopping ones are on their way out and count as gone, except for
 *                   Recreate, which waits for them
 *   target          the declared template; that before it, while a failed update is rolled back; while paused the last one that
 *                   was rolled out
 *   rollout         how far the update is, from the status (rollout.ts); what there is decides everything else, so a new
 *                   leader goes on from there
 *   ended           never by itself (a node restarts it in place): replaced and forgotten. One that ended right after
 *                   it was made leaves its place empty for a while, or a node that refuses it would get it at once again
 *
 * The steps come from rolling-update.ts, or from scaling.ts where only numbers change. Linear in the number of instances; sorts
 * only those from which it must choose some to remove.
 */
import type { WasmDeployment, WasmDeploymentStatus } from "../../../../api/gen/kinds.gen.ts";
import { earliest } from "../../../../kit/timestamps.ts";
import type { Instance, Revision } from "../../model.ts";
import { reconcileOrphans } from "../orphans.ts";
import { planRevisions } from "../revision-plan.ts";
import { failedCreate, type ReconcileResult, type Step } from "../step.ts";
import { type Census, noneOf, settleEnded, takeCensus } from "./census.ts";
import { deploymentStatus } from "./deployment-status.ts";
import { advanceRollout, deadlineMs, goalOf, recordPlan, type Rollout } from "./rollout.ts";
import { planRecreate, planRollingUpdate } from "./rolling-update.ts";
import { isScaledInUpdate, planScaling } from "./scaling.ts";
import { type Plan, type Situation, situationOf } from "./situation.ts";

export interface DeploymentInput {
  readonly deployment: WasmDeployment;
  /** The hash of the current template. */
  readonly templateHash: string;
  /** Of the templates that it has and had; instances are made only of those that are kept. */
  readonly revisions: readonly Revision[];
  /** All instances of this deployment, in any order. */
  readonly instances: Iterable<Instance>;
  /** Why no instance of a template can be made now. */
  readonly refusalOf: (templateHash: string) => string | undefined;
  readonly nowMs: number;
}

/** The status is the object's own one, by identity, if nothing changed. */
export function reconcileDeployment(input: DeploymentInput): ReconcileResult<WasmDeploymentStatus> {
  const { deployment, templateHash, instances, refusalOf, nowMs } = input;
  if (deployment.metadata.deletionTimestamp !== undefined)
    return { status: deployment.status ?? {}, steps: reconcileOrphans(instances), wakeAtMs: undefined };

  const { spec, status: stored } = deployment;
  const numbers = new Map(input.revisions.map((revision) => [revision.templateHash, revision.number]));
  const numberOf = (hash: string) => numbers.get(hash);
  const isKept = (hash: string) => numbers.has(hash);
  const census = takeCensus(deployment, instances, nowMs);
  const rollout = advanceRollout({ deployment, templateHash, isKept, census, nowMs });
  const goal = rollout === undefined ? templateHash : goalOf(rollout);
  const stable = stored?.stableTemplateHash;
  const revisionSteps = planKept(input, census, rollout);

  const canMake = (hash: string) => isKept(hash) && refusalOf(hash) === undefined;
  const isMade = (hash: string) => hash === goal || isKept(hash);
  const places = settleEnded(census.ended, isMade, nowMs);
  const held = (hash: string) => places.held.get(hash) ?? 0;
  const situation = situationOf({
    spec,
    rollout,
    goal,
    stable,
    census,
    held,
    canMake,
    nowMs,
  });
  const plan = planSteps(situation, numberOf);
  const after = rollout && recordPlan(rollout, deployment, plan, nowMs);
  const updated = (census.templates.get(templateHash) ?? noneOf(templateHash)).live.length;
  const isGone = goal !== templateHash && !isKept(goal);
  const obstacle = isGone ? revisionGone(goal) : spec.paused ? undefined : refusalOf(goal);
  const refusal = situation.target.live.length >= spec.replicas ? undefined : obstacle;
  const status = deploymentStatus(
    {
      deployment,
      replicas: situation.total,
      updated,
      ready: census.ready,
      available: census.available,
      rollout: after,
      isHeldBack: spec.paused && rollout?.templateHash !== templateHash,
      revision: numberOf(templateHash),
      numberOf,
      refusal,
    },
    nowMs,
  );
  return {
    status,
    steps: [
      ...revisionSteps,
      ...plan.steps,
      ...(refusal === undefined ? [] : [failedCreate(refusal)]),
      ...phaseEvents(stored?.rollout, after, status),
      ...places.forget,
    ],
    wakeAtMs: [census.nextAvailableMs, places.wakeAtMs, deadlineMs(after, deployment), plan.wakeAtMs].reduce(
      earliest,
    ),
  };
}

function planSteps(situation: Situation, numberOf: (templateHash: string) => number | undefined): Plan {
  if (situation.spec.paused || isScaledInUpdate(situation)) return planScaling(situation, numberOf);
  return situation.spec.strategy.type === "Recreate" ? planRecreate(situation) : planRollingUpdate(situation);
}

/** Of a template that is not the declared one, which would be kept anew. */
function revisionGone(templateHash: string): string {
  return `the revision of template ${templateHash}, which the instances have, was deleted: change the template, undo to a revision that is kept (wherry rollout undo), or resume the deployment if it is paused`;
}

/** What may be needed again stays: what instances have, what a failed update goes back to, what a paused one is at. */
function planKept(
  { deployment: { spec, status }, templateHash, revisions }: DeploymentInput,
  { templates }: Census,
  rollout: Rollout | undefined,
): readonly Step[] {
  const inUse = new Set(templates.keys());
  for (const hash of [status?.stableTemplateHash, rollout?.templateHash, rollout?.rolledBackTo])
    if (hash !== undefined) inUse.add(hash);
  const mayRecord = !spec.paused || rollout?.templateHash === templateHash;
  return planRevisions({
    templateHash,
    revisions,
    inUse,
    mayRecord,
    historyLimit: spec.revisionHistoryLimit,
  }).steps;
}

/** A failed update, and what became of it, is worth an event; that instances are made, they say themselves. */
function phaseEvents(
  before: Rollout | undefined,
  after: Rollout | undefined,
  { conditions }: WasmDeploymentStatus,
): readonly Step[] {
  if (after === undefined || after.phase === before?.phase) return [];
  if (after.phase === "Progressing" || after.phase === "Complete") return [];
  const reason = after.phase === "Failed" ? "ProgressDeadlineExceeded" : after.phase;
  const message = conditions?.find(({ type }) => type === "Progressing")?.message ?? "";
  return [{ kind: "recordEvent", type: "Warning", reason, message }];
}
