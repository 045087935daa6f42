/**
 * How far the update to the current template is, kept in `status.rollout` so that the next leader goes on with it.
 *
 *                        all are available                the template changes
 *   (begin) ──▶ Progressing ───────────────▶ Complete ──────────────────────────▶ (begin)
 *                 │     ▲                        ▲
 *        deadline │     │ progress               │ all are available
 *                 ▼     │                        │
 *               Failed ─┴────────────────────────┘
 *                 │ autoRollback, and a template that worked is kept
 *                 ▼
 *            RollingBack ── all are available ──▶ RolledBack
 *                 │ deadline                          ▲
 *                 ▼                                   │ all are available
 *           RollbackFailed ───────────────────────────┘
 *
 * The deadline counts from the last progress: more instances of the template than there ever were in this rollout, more of them
 * ready or available, or fewer others. Who comes and goes makes none, so every rollout ends. While paused no time passes;
 * afterwards it begins anew. Complete and RolledBack stay until the template changes, so what fails later is a matter of
 * availability; only what was complete with no instance at all has to prove itself when there are some.
 * Nothing leads from the phases of a rollback to another rollback.
 */
import type { WasmDeployment, WasmDeploymentStatus } from "../../../../api/gen/kinds.gen.ts";
import { fromTimestamp, toTimestamp } from "../../../../kit/timestamps.ts";
import { type Census, noneOf, type TemplateCount } from "./census.ts";

export type Rollout = NonNullable<WasmDeploymentStatus["rollout"]>;

/** What `progressDeadlineSeconds` says for "never", as in Kubernetes. */
const noDeadlineSeconds = 2_147_483_647;
export const pausedReason = "DeploymentPaused";

export interface RolloutFacts {
  readonly deployment: WasmDeployment;
  /** Of the current template. */
  readonly templateHash: string;
  readonly isKept: (templateHash: string) => boolean;
  readonly census: Census;
  readonly nowMs: number;
}

/** The template that all instances should have. */
export function goalOf({ templateHash, rolledBackTo }: Rollout): string {
  return rolledBackTo ?? templateHash;
}

/** The rollout as it is now; undefined: it was paused before it ever began. */
export function advanceRollout(facts: RolloutFacts): Rollout | undefined {
  const { deployment, templateHash } = facts;
  const { spec, status } = deployment;
  const stored = status?.rollout;
  if (spec.paused) return stored;
  if (stored?.templateHash !== templateHash || mustProve(stored, deployment))
    return settle(begin(facts), facts);
  if (stored.phase === "Complete" || stored.phase === "RolledBack") return stored;
  return settle(resumed(stored, facts), facts);
}

function settle(rollout: Rollout, facts: RolloutFacts): Rollout {
  if (isComplete(rollout, facts))
    return { ...rollout, phase: rollout.rolledBackTo === undefined ? "Complete" : "RolledBack" };
  return judgeProgress(withMarks(rollout, facts), facts);
}

/** The time while it was paused does not count. A time that is still to come is from before the clock was set back. */
function resumed(rollout: Rollout, { deployment, nowMs }: RolloutFacts): Rollout {
  const wasPaused = deployment.status?.conditions?.some(({ reason }) => reason === pausedReason);
  const isToCome = (fromTimestamp(rollout.progressTime) ?? 0) > nowMs;
  return wasPaused || isToCome ? { ...rollout, progressTime: toTimestamp(nowMs) } : rollout;
}

/** When time is up although nothing happens; undefined: never. */
export function deadlineMs(rollout: Rollout | undefined, { spec }: WasmDeployment): number | undefined {
  if (rollout === undefined || spec.paused || spec.progressDeadlineSeconds === noDeadlineSeconds)
    return undefined;
  if (rollout.phase !== "Progressing" && rollout.phase !== "RollingBack") return undefined;
  return (fromTimestamp(rollout.progressTime) ?? 0) + spec.progressDeadlineSeconds * 1000;
}

/** The rollout after the steps of this look: how many of which there should be by then. */
export function recordPlan(
  rollout: Rollout,
  { spec }: WasmDeployment,
  planned: { readonly updatedReplicas: number; readonly oldReplicas: number },
  nowMs: number,
): Rollout {
  const { replicas } = spec;
  if (rollout.phase === "Complete" || rollout.phase === "RolledBack")
    return { ...rollout, replicas, ...marks(replicas, replicas, replicas, 0) };
  const { updatedReplicas, oldReplicas } = planned;
  const isProgress = updatedReplicas > rollout.updatedReplicas || oldReplicas < rollout.oldReplicas;
  const next = { ...rollout, replicas, updatedReplicas, oldReplicas };
  return isProgress && !spec.paused ? progressed(next, nowMs) : next;
}

function begin({ deployment, templateHash, census, nowMs }: RolloutFacts): Rollout {
  const { replicas } = deployment.spec;
  return {
    templateHash,
    phase: "Progressing",
    progressTime: toTimestamp(nowMs),
    replicas,
    ...marksOf(templateHash, census, replicas),
  };
}

function beginRollback(
  failed: Rollout,
  rolledBackTo: string,
  { deployment, census, nowMs }: RolloutFacts,
): Rollout {
  return {
    ...failed,
    phase: "RollingBack",
    rolledBackTo,
    progressTime: toTimestamp(nowMs),
    ...marksOf(rolledBackTo, census, deployment.spec.replicas),
  };
}

function marksOf(goal: string, census: Census, replicas: number) {
  const { live, ready, available } = countOf(census, goal);
  let old = 0;
  for (const count of census.templates.values()) if (count.templateHash !== goal) old += count.live.length;
  return marks(
    Math.min(replicas, live.length),
    Math.min(replicas, ready),
    Math.min(replicas, available),
    old,
  );
}

function marks(
  updatedReplicas: number,
  readyReplicas: number,
  availableReplicas: number,
  oldReplicas: number,
) {
  return { updatedReplicas, readyReplicas, availableReplicas, oldReplicas };
}

function countOf({ templates }: Census, templateHash: string): TemplateCount {
  return templates.get(templateHash) ?? noneOf(templateHash);
}

/** It was complete only because there was nothing to do. */
function mustProve({ phase, templateHash }: Rollout, { spec, status }: WasmDeployment): boolean {
  return phase === "Complete" && spec.replicas > 0 && status?.stableTemplateHash !== templateHash;
}

function isComplete(rollout: Rollout, { deployment, census }: RolloutFacts): boolean {
  const { replicas } = deployment.spec;
  const goal = goalOf(rollout);
  for (const count of census.templates.values())
    if (count.templateHash !== goal && count.live.length > 0) return false;
  const { live, available, leaving } = countOf(census, goal);
  return available >= replicas && live.length - leaving <= replicas;
}

/** With more ready or available ones than ever that is progress. A smaller number of replicas lowers the marks. */
function withMarks(rollout: Rollout, { deployment, census, nowMs }: RolloutFacts): Rollout {
  const { replicas } = deployment.spec;
  const count = countOf(census, goalOf(rollout));
  const ready = Math.min(replicas, count.ready);
  const available = Math.min(replicas, count.available);
  const knownReady = Math.min(replicas, rollout.readyReplicas);
  const knownAvailable = Math.min(replicas, rollout.availableReplicas);
  const next = {
    ...rollout,
    readyReplicas: Math.max(ready, knownReady),
    availableReplicas: Math.max(available, knownAvailable),
  };
  return ready > knownReady || available > knownAvailable ? progressed(next, nowMs) : next;
}

function progressed(rollout: Rollout, nowMs: number): Rollout {
  const phase = rollout.phase === "Failed" ? "Progressing" : rollout.phase;
  return { ...rollout, phase, progressTime: toTimestamp(nowMs) };
}

function judgeProgress(rollout: Rollout, facts: RolloutFacts): Rollout {
  const { deployment, nowMs, isKept } = facts;
  if (rollout.phase === "RollingBack" && !isKept(goalOf(rollout)))
    return { ...rollout, phase: "RollbackFailed" };
  const deadline = deadlineMs(rollout, deployment);
  const isOver = deadline !== undefined && nowMs >= deadline;
  if (rollout.phase === "RollingBack") return isOver ? { ...rollout, phase: "RollbackFailed" } : rollout;
  if (rollout.phase !== "Failed" && !isOver) return rollout;
  if (rollout.phase === "RollbackFailed") return rollout;
  const stable = rollbackTemplate(facts);
  if (stable !== undefined) return beginRollback(rollout, stable, facts);
  return rollout.phase === "Failed" ? rollout : { ...rollout, phase: "Failed" };
}

/** What a failed update goes back to; undefined: nothing. */
function rollbackTemplate({ deployment, templateHash, isKept }: RolloutFacts): string | undefined {
  const stable = deployment.status?.stableTemplateHash;
  if (!deployment.spec.autoRollback || stable === undefined || stable === templateHash) return undefined;
  return isKept(stable) ? stable : undefined;
}
