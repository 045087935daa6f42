import { isObject, type JsonObject } from "../resource.ts";
import { parseLabelQuery } from "../selectors/label-query.ts";
import { objectsOf, textOf, textsOf } from "./policy.ts";

/**
 * What of a review's selectors cannot be understood, in Kubernetes' words. RBAC does not look at selectors: they only
 * limit, so that an answer without them is never too generous.
 */
export function selectorProblems(attributes: unknown): readonly string[] {
  if (!isObject(attributes)) return [];
  return (["fieldSelector", "labelSelector"] as const).flatMap((name) => {
    const selector = attributes[name];
    if (!isObject(selector)) return [];
    const ignored = ignoredPart(selector, name === "labelSelector");
    if (ignored === "none") return [];
    const how = ignored === "some" ? "partially ignored" : "ignored";
    return [`spec.resourceAttributes.${name} ${how} due to parse error`];
  });
}

function ignoredPart(selector: JsonObject, isLabel: boolean): "none" | "some" | "all" {
  const requirements = objectsOf(selector["requirements"]);
  if (requirements.length === 0) {
    const raw = textOf(selector["rawSelector"]);
    return (isLabel ? isLabelQuery(raw) : isFieldQuery(raw)) ? "none" : "all";
  }
  const understood = requirements.filter(isLabel ? isLabelRequirement : isFieldRequirement);
  if (understood.length === requirements.length) return "none";
  return understood.length > 0 ? "some" : "all";
}

function isLabelQuery(raw: string): boolean {
  try {
    parseLabelQuery(raw);
    return true;
  } catch {
    return false;
  }
}

function isFieldQuery(raw: string): boolean {
  return raw.split(/(?<!\\),/).every((term) => term === "" || term.includes("="));
}

function isLabelRequirement(requirement: JsonObject): boolean {
  return ["In", "NotIn", "Exists", "DoesNotExist"].includes(textOf(requirement["operator"]));
}

function isFieldRequirement(requirement: JsonObject): boolean {
  return (
    ["In", "NotIn"].includes(textOf(requirement["operator"])) && textsOf(requirement["values"]).length === 1
  );
}
