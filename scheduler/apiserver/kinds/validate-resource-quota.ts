/** As Kubernetes validates ResourceQuotas, so that manifests of pods' clusters are accepted, and wrong ones refused alike. */
import { parseQuantity } from "../../../api/quantity.ts";
import type { ApiObject } from "../../../api/object-meta.ts";
import { type FieldError, invalidValue, requiredValue } from "../../../api/validation/field-error.ts";
import { checkQualifiedName } from "../../../api/validation/names.ts";
import { isObject, type JsonObject } from "../resource.ts";

export function validateResourceQuota(object: ApiObject, old: ApiObject | undefined): readonly FieldError[] {
  const spec = partOf(object, "spec");
  const before = old && partOf(old, "spec");
  return [
    ...Object.entries(hardOf(spec)).flatMap(([name, quantity]) => checkLimit(name, quantity)),
    ...checkScopes(spec),
    ...checkSelector(spec),
    ...(before && !sameScopes(spec, before)
      ? [invalidValue("spec.scopes", scopesOf(spec), "field is immutable")]
      : []),
  ];
}

function partOf(object: ApiObject, field: string): JsonObject {
  const part = object[field];
  return isObject(part) ? part : {};
}

function hardOf({ hard }: JsonObject): JsonObject {
  return isObject(hard) ? hard : {};
}

function scopesOf({ scopes }: JsonObject): readonly string[] {
  // The schema has made sure that they are texts.
  return Array.isArray(scopes) ? (scopes as readonly string[]) : [];
}

const computeResources = new Set([
  "cpu",
  "memory",
  "limits.cpu",
  "limits.memory",
  "requests.cpu",
  "requests.memory",
]);

const countedResources = new Set([
  "pods",
  "resourcequotas",
  "services",
  "replicationcontrollers",
  "secrets",
  "configmaps",
  "persistentvolumeclaims",
  "services.nodeports",
  "services.loadbalancers",
]);

const storageResources = new Set([
  "ephemeral-storage",
  "requests.storage",
  "requests.ephemeral-storage",
  "limits.ephemeral-storage",
]);

function isQuotaResource(name: string): boolean {
  if (computeResources.has(name) || countedResources.has(name) || storageResources.has(name)) return true;
  return name.startsWith("hugepages-") || name.startsWith("requests.hugepages-");
}

function checkLimit(name: string, quantity: unknown): readonly FieldError[] {
  const field = `spec.hard[${name}]`;
  const problem = checkQualifiedName(name);
  const errors: FieldError[] = [];
  if (problem !== undefined) errors.push(invalidValue(field, name, problem));
  else if (!name.includes("/") && !isQuotaResource(name))
    errors.push(
      ...(name === "storage"
        ? []
        : [invalidValue(field, name, "must be a standard resource type or fully qualified")]),
      invalidValue(field, name, "must be a standard resource for quota"),
    );
  return [...errors, ...checkAmount(name, quantity, field)];
}

function checkAmount(name: string, quantity: unknown, field: string): readonly FieldError[] {
  const isGiven = typeof quantity === "string" || typeof quantity === "number";
  const parsed = isGiven ? parseQuantity(quantity) : undefined;
  if (parsed?.kind !== "ok") return [invalidValue(field, quantity, parsed?.message ?? "must be a quantity")];
  if (parsed.milli < 0n) return [invalidValue(field, quantity, "must be greater than or equal to 0")];
  const isWhole = parsed.milli % 1000n === 0n;
  if (isWhole || !isCounted(name)) return [];
  return [invalidValue(field, quantity, "must be an integer")];
}

/** Objects, and resources of others' domains, come in whole numbers. */
function isCounted(name: string): boolean {
  if (countedResources.has(name)) return true;
  return name.includes("/") && !name.includes("kubernetes.io/") && !name.startsWith("requests.");
}

const opposites = [
  ["BestEffort", "NotBestEffort"],
  ["Terminating", "NotTerminating"],
] as const;

/** Which resources can be counted in a scope. */
const scopeResources: ReadonlyMap<string, (resource: string) => boolean> = new Map([
  ["BestEffort", (resource: string) => resource === "pods"],
  ["NotBestEffort", isPodResource],
  ["Terminating", isPodResource],
  ["NotTerminating", isPodResource],
  ["PriorityClass", isPodResource],
  ["CrossNamespacePodAffinity", isPodResource],
  [
    "VolumeAttributesClass",
    (resource: string) => resource === "persistentvolumeclaims" || resource === "requests.storage",
  ],
]);

function isPodResource(resource: string): boolean {
  return resource === "pods" || computeResources.has(resource);
}

function fitsScope(spec: JsonObject, scope: string): boolean {
  const fits = scopeResources.get(scope);
  return !fits || Object.keys(hardOf(spec)).every((name) => !isQuotaResource(name) || fits(name));
}

function checkScopes(spec: JsonObject): readonly FieldError[] {
  const scopes = scopesOf(spec);
  const say = (why: string) => invalidValue("spec.scopes", scopes, why);
  return [
    ...scopes.flatMap((scope) => [
      ...(scopeResources.has(scope) ? [] : [say("unsupported scope")]),
      ...(fitsScope(spec, scope) ? [] : [say("unsupported scope applied to resource")]),
    ]),
    ...opposites
      .filter((pair) => pair.every((scope) => scopes.includes(scope)))
      .map(() => say("conflicting scopes")),
  ];
}

function sameScopes(spec: JsonObject, before: JsonObject): boolean {
  const [now, then] = [new Set(scopesOf(spec)), new Set(scopesOf(before))];
  return now.size === then.size && [...now].every((scope) => then.has(scope));
}

function checkSelector(spec: JsonObject): readonly FieldError[] {
  const selector = isObject(spec["scopeSelector"]) ? spec["scopeSelector"] : undefined;
  const expressions = selector?.["matchExpressions"];
  if (!Array.isArray(expressions)) return [];
  return expressions.filter(isObject).flatMap((expression) => checkExpression(spec, expression));
}

function checkExpression(spec: JsonObject, expression: JsonObject): readonly FieldError[] {
  const field = "spec.scopeSelector.matchExpressions";
  const { scopeName: scope = "", operator } = expression;
  const values: readonly unknown[] = Array.isArray(expression["values"]) ? expression["values"] : [];
  const errors: FieldError[] = [];
  if (typeof scope !== "string" || !scopeResources.has(scope))
    errors.push(invalidValue(`${field}.scopeName`, scope, "unsupported scope"));
  else if (!fitsScope(spec, scope))
    errors.push(invalidValue(field, spec["scopeSelector"], "unsupported scope applied to resource"));
  const takesValues = scope === "PriorityClass" || scope === "VolumeAttributesClass";
  if (!takesValues && operator !== "Exists")
    errors.push(
      invalidValue(
        `${field}.operator`,
        operator,
        "must be 'Exist' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity",
      ),
    );
  return [...errors, ...checkOperator(operator, values, field)];
}

function checkOperator(operator: unknown, values: readonly unknown[], field: string): readonly FieldError[] {
  switch (operator) {
    case "In":
    case "NotIn":
      if (values.length > 0) return [];
      return [
        requiredValue(
          `${field}.values`,
          "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector",
        ),
      ];
    case "Exists":
    case "DoesNotExist":
      if (values.length === 0) return [];
      return [
        invalidValue(
          `${field}.values`,
          values,
          "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector",
        ),
      ];
    default:
      return [invalidValue(`${field}.operator`, operator, "not a valid selector operator")];
  }
}
