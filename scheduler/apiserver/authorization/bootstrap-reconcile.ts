/**
 * What a start must do so that the default roles and bindings are there and hold at least what this version says of them.
 * Nothing is taken away: what operators have added stays. One who wants a default role smaller sets its autoupdate
 * annotation to "false".
 * https://kubernetes.io/docs/reference/access-authn-authz/rbac/#auto-reconciliation
 */
import { isDeepStrictEqual } from "node:util";
import type { ApiObject } from "../../../api/object-meta.ts";
import { isObject, type JsonObject } from "../resource.ts";
import { staleRoles } from "./aggregation.ts";
import { autoUpdateAnnotation, type PolicyObject } from "./bootstrap-policy.ts";
import { coverage } from "./coverage.ts";
import { bindingOf, objectsOf, ruleBody, rulesOf, textOf } from "./policy.ts";

export type BootstrapStep =
  | { readonly kind: "create"; readonly object: PolicyObject }
  /** To be written in place of the stored one, whose resourceVersion it has. */
  | { readonly kind: "update"; readonly object: ApiObject }
  /** A binding to another role: the role cannot be changed, so the stored one goes first. */
  | { readonly kind: "recreate"; readonly old: ApiObject; readonly object: PolicyObject };

/** `existing`: all ClusterRoles and ClusterRoleBindings. The steps are in the order of `wanted`. */
export function reconcileBootstrap(
  existing: readonly ApiObject[],
  wanted: readonly PolicyObject[],
): readonly BootstrapStep[] {
  const known = new Map(existing.map((object) => [keyOf(object), object]));
  const aggregated = new Map(staleRoles(wanted).map(({ role, rules }) => [role, rules.map(ruleBody)]));
  return wanted.flatMap((object): readonly BootstrapStep[] => {
    const old = known.get(keyOf(object));
    if (!old) {
      // So that admin, edit and view are whole from the start; later their aggregation keeps them.
      const rules = aggregated.get(object);
      return [{ kind: "create", object: rules ? { ...object, rules } : object }];
    }
    if (old.metadata.annotations?.[autoUpdateAnnotation] === "false") return [];
    return object.kind === "ClusterRole" ? reconcileRole(old, object) : reconcileBinding(old, object);
  });
}

function keyOf({ kind, metadata }: PolicyObject | ApiObject): string {
  return `${kind}/${metadata.name}`;
}

function reconcileRole(old: ApiObject, wanted: PolicyObject): readonly BootstrapStep[] {
  const { aggregationRule: _, ...rest } = withMetadata(old, wanted);
  const selectors = missingSelectors(old, wanted);
  const kept = selectorsOf(old);
  const object = {
    ...rest,
    ...addRules(old, wanted),
    ...(wanted["aggregationRule"] === undefined
      ? {}
      : { aggregationRule: { clusterRoleSelectors: [...kept, ...selectors] } }),
  };
  return isDeepStrictEqual(object, old) ? [] : [{ kind: "update", object }];
}

/** The rules of aggregated roles come from elsewhere. */
function addRules(old: ApiObject, wanted: PolicyObject): JsonObject {
  if (wanted["aggregationRule"] !== undefined) return {};
  const covered = coverage(rulesOf(old), rulesOf(wanted));
  if (covered.kind === "covered") return {};
  // Our own rules are few: `tooMany` does not occur.
  const missing = covered.kind === "missing" ? covered.rules : rulesOf(wanted);
  const kept: readonly unknown[] = Array.isArray(old["rules"]) ? old["rules"] : [];
  return { rules: [...kept, ...missing.map(ruleBody)] };
}

function missingSelectors(old: ApiObject, wanted: PolicyObject): readonly JsonObject[] {
  const kept = selectorsOf(old);
  return selectorsOf(wanted).filter((one) => !kept.some((other) => isDeepStrictEqual(one, other)));
}

function selectorsOf(role: ApiObject | PolicyObject): readonly JsonObject[] {
  const { aggregationRule } = role;
  return isObject(aggregationRule) ? objectsOf(aggregationRule["clusterRoleSelectors"]) : [];
}

function reconcileBinding(old: ApiObject, wanted: PolicyObject): readonly BootstrapStep[] {
  const ref = isObject(wanted["roleRef"]) ? wanted["roleRef"] : {};
  const { kind, name } = bindingOf(old).roleRef;
  if (kind !== ref["kind"] || name !== ref["name"]) return [{ kind: "recreate", old, object: wanted }];
  const known = new Set(objectsOf(old["subjects"]).map(subjectIdentity));
  const missing = objectsOf(wanted["subjects"]).filter((one) => !known.has(subjectIdentity(one)));
  const subjects = [...objectsOf(old["subjects"]), ...missing];
  const object = { ...withMetadata(old, wanted), ...(missing.length === 0 ? {} : { subjects }) };
  return isDeepStrictEqual(object, old) ? [] : [{ kind: "update", object }];
}

function subjectIdentity({ kind, apiGroup, name, namespace }: JsonObject): string {
  return JSON.stringify([kind, apiGroup, name, namespace].map(textOf));
}

/** What operators have set goes before what is wanted. */
function withMetadata(old: ApiObject, wanted: PolicyObject): ApiObject {
  const { labels, annotations } = old.metadata;
  return {
    ...old,
    metadata: {
      ...old.metadata,
      labels: { ...wanted.metadata.labels, ...labels },
      annotations: { ...wanted.metadata.annotations, ...annotations },
    },
  };
}
