import type { ApiObject } from "../../../api/object-meta.ts";
import { isObject, type JsonObject } from "../resource.ts";

/** The group of Role, ClusterRole and their bindings. */
export const rbacGroup = "rbac.authorization.k8s.io";

/** Every list is there, empty when the role leaves it out. */
export interface PolicyRule {
  readonly verbs: readonly string[];
  readonly apiGroups: readonly string[];
  /** `deployments`, `deployments/scale`, `*` + `/scale`, or `*`. */
  readonly resources: readonly string[];
  /** Empty: any name. */
  readonly resourceNames: readonly string[];
  readonly nonResourceURLs: readonly string[];
}

export type SubjectKind = "User" | "Group" | "ServiceAccount";

export interface Subject {
  /** A SubjectKind; validation lets no other be stored. */
  readonly kind: string;
  readonly name: string;
  /** Of service accounts only. */
  readonly namespace: string;
}

export interface RoleRef {
  readonly kind: string;
  readonly name: string;
}

export interface Binding {
  readonly name: string;
  /** "" for a ClusterRoleBinding. */
  readonly namespace: string;
  readonly roleRef: RoleRef;
  readonly subjects: readonly Subject[];
}

/** The rules of a Role or ClusterRole. Reads whatever is stored; what is no rule grants nothing. */
export function rulesOf(role: Readonly<Record<string, unknown>>): readonly PolicyRule[] {
  return objectsOf(role["rules"]).map((rule) => ({
    verbs: textsOf(rule["verbs"]),
    apiGroups: textsOf(rule["apiGroups"]),
    resources: textsOf(rule["resources"]),
    resourceNames: textsOf(rule["resourceNames"]),
    nonResourceURLs: textsOf(rule["nonResourceURLs"]),
  }));
}

export function bindingOf(object: ApiObject): Binding {
  const roleRef = isObject(object["roleRef"]) ? object["roleRef"] : {};
  return {
    name: object.metadata.name,
    namespace: object.metadata.namespace ?? "",
    roleRef: { kind: textOf(roleRef["kind"]), name: textOf(roleRef["name"]) },
    subjects: objectsOf(object["subjects"]).map((subject) => ({
      kind: textOf(subject["kind"]),
      name: textOf(subject["name"]),
      namespace: textOf(subject["namespace"]),
    })),
  };
}

/** A rule as it stands in a role: without the lists that are empty. */
export function ruleBody(rule: PolicyRule): JsonObject {
  const { verbs, apiGroups, resources, resourceNames, nonResourceURLs } = rule;
  const optional = { apiGroups, resources, resourceNames, nonResourceURLs };
  return { verbs, ...Object.fromEntries(Object.entries(optional).filter(([, list]) => list.length > 0)) };
}

/** The same for equal rules, in whatever way they were written. */
export function ruleIdentity(rule: PolicyRule): string {
  return JSON.stringify(ruleBody(rule));
}

export function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

export function textsOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === "string") : [];
}

export function objectsOf(value: unknown): readonly JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}
