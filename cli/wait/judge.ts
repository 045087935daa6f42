import type { ApiObject } from "../../api/object-meta.ts";
import { assertNever } from "../../kit/errors.ts";
import { conditionsOf, conditionText, findCondition, statusOf } from "../conditions.ts";
import { oneLine } from "../output/table.ts";
import type { WaitGoal } from "./wait-goal.ts";

/** `waiting`: the object may still come there, and `seen` is how it is. `hopeless`: it will not by itself. */
export type Verdict =
  | { readonly kind: "met" }
  | { readonly kind: "waiting"; readonly seen: string }
  | { readonly kind: "hopeless"; readonly why: string };

const met: Verdict = { kind: "met" };

/** Whether an object that exists is as the goal says. */
export function judge(goal: WaitGoal, object: ApiObject): Verdict {
  switch (goal.kind) {
    case "create":
      return met;
    case "delete":
      return { kind: "waiting", seen: deletionText(object) };
    case "condition":
      return judgeCondition(goal, object);
    case "jsonpath":
      return judgeJsonPath(goal, object);
    case "current":
      return judgeCurrent(object);
    default:
      return assertNever(goal, "goal");
  }
}

function judgeCondition(
  { type, status }: WaitGoal & { readonly kind: "condition" },
  object: ApiObject,
): Verdict {
  const condition = findCondition(object, type);
  if (!condition) {
    const there = conditionsOf(object).map((one) => one.type);
    const others = there.length > 0 ? `it has ${there.join(", ")}` : "it has no conditions yet";
    return { kind: "waiting", seen: `there is no condition ${type}; ${others}` };
  }
  const observed = condition.observedGeneration ?? observedGeneration(object);
  if (observed !== undefined && observed < (object.metadata.generation ?? 0))
    return { kind: "waiting", seen: staleText(object, observed) };
  return sameText(condition.status, status) ? met : { kind: "waiting", seen: conditionText(condition) };
}

function judgeJsonPath(
  { path, value }: WaitGoal & { readonly kind: "jsonpath" },
  object: ApiObject,
): Verdict {
  const [found, ...more] = path(object);
  if (found === undefined) return { kind: "waiting", seen: "there is no such field yet" };
  if (more.length > 0)
    return { kind: "hopeless", why: "given jsonpath expression matches more than one value" };
  if (value === undefined) return met;
  if (typeof found === "object")
    return { kind: "hopeless", why: "jsonpath leads to a nested object or list which is not supported" };
  const text = (typeof found === "string" ? found : JSON.stringify(found)).trim();
  return text === value ? met : { kind: "waiting", seen: `the field is ${oneLine(JSON.stringify(found))}` };
}

/** The rules of kstatus. https://github.com/kubernetes-sigs/cli-utils/blob/master/pkg/kstatus/README.md */
function judgeCurrent(object: ApiObject): Verdict {
  if (object.metadata.deletionTimestamp !== undefined) return { kind: "waiting", seen: deletionText(object) };
  const observed = observedGeneration(object);
  if (observed !== undefined && observed < (object.metadata.generation ?? 0))
    return { kind: "waiting", seen: staleText(object, observed) };
  const current = conditionsOf(object);
  // Kubernetes' own jobs say nothing but that they have failed.
  const isFinal = (type: string) => type === "Stalled" || (type === "Failed" && isJob(object));
  const failed = current.find(({ type, status }) => isFinal(type) && status === "True");
  if (failed) return { kind: "hopeless", why: conditionText(failed) };
  const pending = current.find(
    ({ type, status }) =>
      (type === "Reconciling" && status === "True") || (type === "Ready" && status !== "True"),
  );
  if (pending) return { kind: "waiting", seen: conditionText(pending) };
  // A workload that no controller has looked at yet says nothing, which is not the same as being done.
  if (object.apiVersion.startsWith("wherry.dev/") && object["status"] === undefined && hasTemplate(object))
    return { kind: "waiting", seen: "no controller has looked at it yet" };
  return met;
}

function isJob({ apiVersion, kind }: ApiObject): boolean {
  return kind === "WasmJob"
    ? apiVersion.startsWith("wherry.dev/")
    : kind === "Job" && apiVersion === "batch/v1";
}

function hasTemplate({ spec }: ApiObject): boolean {
  return typeof spec === "object" && spec !== null && "template" in spec;
}

function observedGeneration(object: ApiObject): number | undefined {
  const observed = statusOf(object)["observedGeneration"];
  return typeof observed === "number" ? observed : undefined;
}

function staleText({ metadata }: ApiObject, observed: number): string {
  return `generation ${metadata.generation} is not observed yet, only ${observed}`;
}

function deletionText({ metadata }: ApiObject): string {
  if (metadata.deletionTimestamp === undefined) return "it exists, and nobody has deleted it";
  const finalizers = metadata.finalizers ?? [];
  return finalizers.length === 0
    ? `it is being deleted since ${metadata.deletionTimestamp}`
    : `it is being deleted since ${metadata.deletionTimestamp}; its finalizers are ${finalizers.join(", ")}`;
}

function sameText(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}
