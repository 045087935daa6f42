import type { Condition } from "../../../api/gen/kinds.gen.ts";
import { toTimestamp } from "../../../kit/timestamps.ts";

export type ConditionVerdict = Pick<Condition, "type" | "status" | "reason" | "message">;

/** `verdict` as a condition. The time of transition moves only if the status does. */
export function conditionAfter(
  previous: readonly Condition[] | undefined,
  verdict: ConditionVerdict,
  generation: number | undefined,
  nowMs: number,
): Condition {
  const known = previous?.find(({ type }) => type === verdict.type);
  const lastTransitionTime = known?.status === verdict.status ? known.lastTransitionTime : toTimestamp(nowMs);
  return {
    ...verdict,
    lastTransitionTime,
    ...(generation === undefined ? {} : { observedGeneration: generation }),
  };
}

/** As a ReplicaSet in Kubernetes says it. It is there only while instances are missing because none can be made. */
export function replicaFailure(refusal: string): ConditionVerdict {
  return { type: "ReplicaFailure", status: "True", reason: "FailedCreate", message: refusal };
}

export function isTrue(conditions: readonly Condition[] | undefined, type: string): boolean {
  return conditions?.some((condition) => condition.type === type && condition.status === "True") ?? false;
}

/** `next`, or `previous` itself if both say the same, so that the engine compares by identity. */
export function sameOr<T>(previous: T | undefined, next: T): T {
  return previous !== undefined && equal(previous, next) ? previous : next;
}

function equal(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length) return false;
  const left = a as Readonly<Record<string, unknown>>;
  const right = b as Readonly<Record<string, unknown>>;
  return keys.every((key) => equal(left[key], right[key]));
}
