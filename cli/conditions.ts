import type { ApiObject } from "../api/object-meta.ts";
import { oneLine } from "./output/table.ts";

/** metav1.Condition, as far as it is shown. */
export interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
  readonly observedGeneration?: number;
}

/** An object's status, empty if there is none. */
export function statusOf(object: ApiObject): Readonly<Record<string, unknown>> {
  const status = object["status"];
  return typeof status === "object" && status !== null ? (status as Record<string, unknown>) : {};
}

/** The conditions that an object's status has, as far as they are such. */
export function conditionsOf(object: ApiObject): readonly Condition[] {
  const conditions = statusOf(object)["conditions"];
  if (!Array.isArray(conditions)) return [];
  return conditions.filter(
    (one: unknown): one is Condition =>
      typeof one === "object" &&
      one !== null &&
      "type" in one &&
      typeof one.type === "string" &&
      "status" in one &&
      typeof one.status === "string",
  );
}

/** By its type, whose case does not matter, as for kubectl. */
export function findCondition(object: ApiObject, type: string): Condition | undefined {
  const wanted = type.toLowerCase();
  return conditionsOf(object).find((one) => one.type.toLowerCase() === wanted);
}

/** `Available is False (MinimumReplicasUnavailable): what its message says`. A message may quote what a guest has written. */
export function conditionText({ type, status, reason, message }: Condition): string {
  return oneLine(`${type} is ${status}${reason ? ` (${reason})` : ""}${message ? `: ${message}` : ""}`);
}
