import type { ApiObject } from "../../api/object-meta.ts";
import { conditionText, findCondition, statusOf } from "../conditions.ts";
import { Failure } from "../failure.ts";
import { oneLine } from "../output/table.ts";
import type { Workload } from "./workload.ts";

/** How many instances there are of what a rollout is about. */
export interface RolloutCounts {
  readonly wanted: number;
  /** Of the current template. */
  readonly updated: number;
  readonly ready: number;
  readonly available: number;
  /** Of earlier templates. */
  readonly old: number;
}

/** `text` is a sentence for people: where kubectl has one, in its words. `left` is what is still to happen, for who knows the rest. */
export type Progress =
  | {
      readonly kind: "waiting";
      readonly text: string;
      readonly left: string;
      readonly counts: RolloutCounts;
    }
  | { readonly kind: "done"; readonly text: string; readonly counts: RolloutCounts }
  | { readonly kind: "failed"; readonly text: string; readonly counts: RolloutCounts };

/** How far the rollout of a workload is, as its status says. */
export function readProgress(workload: Workload, object: ApiObject): Progress {
  const counts = readCounts(workload.kind, object);
  const title = `${workload.word} "${object.metadata.name}"`;
  const status = statusOf(object);
  const observed = typeof status["observedGeneration"] === "number" ? status["observedGeneration"] : -1;
  if (observed < (object.metadata.generation ?? 0))
    return {
      kind: "waiting",
      text: `Waiting for ${workload.word} spec update to be observed...`,
      left: "the scheduler has not seen the new spec yet",
      counts,
    };
  const failure = failureOf(object, title);
  if (failure !== undefined) return { kind: "failed", text: failure, counts };
  const todo = leftToDo(counts);
  if (todo === undefined) return { kind: "done", text: `${title} successfully rolled out`, counts };
  const left = isPaused(object) ? `${todo} (it is paused)` : todo;
  return { kind: "waiting", text: `Waiting for ${title} rollout to finish: ${left}...`, left, counts };
}

export function isPaused(object: ApiObject): boolean {
  return specOf(object)["paused"] === true;
}

/** How long a rollout has made no progress. */
export interface Idleness {
  readonly idleMs: number;
  /** When it counts as failed; undefined: never. */
  readonly deadlineMs: number | undefined;
}

/** Kubernetes' way of saying that there is no deadline. */
const noDeadlineSeconds = 2_147_483_647;

/** undefined: the status does not say. `nowMs`: of the wall clock, which should be about the scheduler's. */
export function readIdleness(object: ApiObject, nowMs: number): Idleness | undefined {
  const { rollout } = statusOf(object) as { readonly rollout?: { readonly progressTime?: unknown } };
  const time = typeof rollout?.progressTime === "string" ? Date.parse(rollout.progressTime) : Number.NaN;
  if (Number.isNaN(time)) return undefined;
  const seconds = specOf(object)["progressDeadlineSeconds"];
  const isBounded = typeof seconds === "number" && seconds < noDeadlineSeconds;
  return { idleMs: Math.max(0, nowMs - time), deadlineMs: isBounded ? seconds * 1000 : undefined };
}

/** Throws when nobody rolls out anything: an instance gets the new template when somebody deletes it. */
export function requireRolling(object: ApiObject): void {
  const strategy = specOf(object)["updateStrategy"] as { readonly type?: string } | undefined;
  if (strategy?.type === "OnDelete")
    throw new Failure("rollout status is only available for RollingUpdate strategy type");
}

/** What keeps a rollout from going on, in the words of the conditions. */
export function troublesOf(object: ApiObject): readonly string[] {
  return [...creationTroublesOf(object), ...trueConditionText(object, "RolledBack")];
}

/** Why no instance can be made. No instance tells of that. */
export function creationTroublesOf(object: ApiObject): readonly string[] {
  return trueConditionText(object, "ReplicaFailure");
}

function trueConditionText(object: ApiObject, type: string): readonly string[] {
  const condition = findCondition(object, type);
  return condition?.status === "True" ? [conditionText(condition)] : [];
}

function failureOf(object: ApiObject, title: string): string | undefined {
  const reason = (message: string | undefined) => (message ? `: ${oneLine(message)}` : "");
  const rolledBack = findCondition(object, "RolledBack");
  if (rolledBack?.status === "True") return `${title} was rolled back${reason(rolledBack.message)}`;
  const progressing = findCondition(object, "Progressing");
  if (progressing?.status === "False" && progressing.reason === "ProgressDeadlineExceeded")
    return `${title} exceeded its progress deadline${reason(progressing.message)}`;
  const stalled = findCondition(object, "Stalled");
  return stalled?.status === "True" ? `${title} is stalled${reason(stalled.message)}` : undefined;
}

function leftToDo({ wanted, updated, available, old }: RolloutCounts): string | undefined {
  if (updated < wanted) return `${updated} out of ${wanted} new instances have been updated`;
  if (old > 0) return `${old} old instances are pending termination`;
  if (available < updated) return `${available} of ${updated} updated instances are available`;
  return undefined;
}

function readCounts(kind: Workload["kind"], object: ApiObject): RolloutCounts {
  const status = statusOf(object);
  const count = (field: string) => (typeof status[field] === "number" ? status[field] : 0);
  switch (kind) {
    case "WasmDeployment": {
      const { replicas } = specOf(object);
      const updated = count("updatedReplicas");
      return {
        wanted: typeof replicas === "number" ? replicas : 1,
        updated,
        ready: count("readyReplicas"),
        available: count("availableReplicas"),
        old: Math.max(0, count("replicas") - updated),
      };
    }
    case "WasmDaemonSet": {
      // As in Kubernetes, an old instance on a node that has a new one does not keep a rollout from being done.
      const wanted = count("desiredNumberScheduled");
      const updated = count("updatedNumberScheduled");
      return {
        wanted,
        updated,
        ready: count("numberReady"),
        available: count("numberAvailable"),
        old: 0,
      };
    }
    default:
      return kind satisfies never;
  }
}

function specOf(object: ApiObject): Readonly<Record<string, unknown>> {
  const spec = object["spec"];
  return typeof spec === "object" && spec !== null ? (spec as Record<string, unknown>) : {};
}
