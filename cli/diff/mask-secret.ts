import type { ApiObject } from "../../api/object-meta.ts";
import { lastAppliedAnnotation } from "../manifests/three-way-merge.ts";

/** An object as it is and as it would be; undefined: there is none. */
export interface ObjectPair {
  readonly live: ApiObject | undefined;
  readonly merged: ApiObject | undefined;
}

/**
 * A Secret's values as kubectl shows them: which ones are there and which ones differ, never what they are. The annotation with
 * what was applied has them as well. Other kinds stay as they are.
 */
export function maskSecret(pair: ObjectPair): ObjectPair {
  const { live, merged } = pair;
  const { apiVersion, kind } = merged ?? live ?? {};
  if (apiVersion !== "v1" || kind !== "Secret") return pair;
  return {
    live: live && masked(live, merged, "before"),
    merged: merged && masked(merged, live, "after"),
  };
}

function masked(object: ApiObject, other: ApiObject | undefined, when: string): ApiObject {
  const result: Record<string, unknown> = { ...object };
  for (const field of ["data", "stringData"]) {
    if (object[field] !== undefined)
      result[field] = maskedValues(recordOf(object[field]), recordOf(other?.[field]), when);
  }
  const { annotations } = object.metadata;
  if (annotations?.[lastAppliedAnnotation] !== undefined) {
    const values = maskedValues(
      { [lastAppliedAnnotation]: annotations[lastAppliedAnnotation] },
      recordOf(other?.metadata.annotations),
      when,
    );
    result["metadata"] = { ...object.metadata, annotations: { ...annotations, ...values } };
  }
  // Only values of what is an object anyway were changed.
  return result as unknown as ApiObject;
}

function maskedValues(
  values: Readonly<Record<string, unknown>>,
  others: Readonly<Record<string, unknown>>,
  when: string,
): Readonly<Record<string, string>> {
  const entries = Object.entries(values).map(([key, value]) => {
    const differs = Object.hasOwn(others, key) && others[key] !== value;
    return [key, differs ? `*** (${when})` : "***"] as const;
  });
  return Object.fromEntries(entries);
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}
