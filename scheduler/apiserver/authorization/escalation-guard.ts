/**
 * One may only grant what one has: whoever writes a role must hold its rules, or may `escalate` it; whoever writes a binding
 * must hold the rules of its role, or may `bind` that role.
 * https://kubernetes.io/docs/reference/access-authn-authz/rbac/#privilege-escalation-prevention-and-bootstrapping
 */
import { isDeepStrictEqual } from "node:util";
import type { ApiObject, ObjectMeta } from "../../../api/object-meta.ts";
import type { AdmissionPlugin, AdmissionRequest } from "../admission/admission.ts";
import { mastersGroup, type User } from "../authentication/user.ts";
import { ApiError, forbidden } from "../status.ts";
import { isAggregated } from "./aggregation.ts";
import type { Authorizer, RuleResolver } from "./authorizer.ts";
import { compactRules, coverage, describeRule, describeTexts, permissionsMax } from "./coverage.ts";
import { bindingOf, type PolicyRule, rbacGroup, type RoleRef, rulesOf } from "./policy.ts";
import { joinErrors, missingRoleText } from "./rbac.ts";

/** Missing permissions that a message lists. */
const shownMax = 100;

const everything: readonly PolicyRule[] = [
  { verbs: ["*"], apiGroups: ["*"], resources: ["*"], resourceNames: [], nonResourceURLs: [] },
  { verbs: ["*"], apiGroups: [], resources: [], resourceNames: [], nonResourceURLs: ["*"] },
];

export class EscalationGuard implements AdmissionPlugin {
  readonly #policy: Authorizer & RuleResolver;

  constructor(policy: Authorizer & RuleResolver) {
    this.#policy = policy;
  }

  admit(request: AdmissionRequest): undefined {
    const { resource, operation, user, object, old, subresource } = request;
    if (resource.group !== rbacGroup || operation === "delete" || subresource !== "") return;
    if (user.groups.includes(mastersGroup)) return;
    // Whoever collects garbage must be able to, whatever the object grants.
    if (old && changesOwnersOnly(object, old)) return;
    if (resource.kind === "Role" || resource.kind === "ClusterRole") this.#admitRole(request);
    else this.#admitBinding(request);
  }

  #admitRole({ resource, user, operation, object, old }: AdmissionRequest): void {
    const { name, namespace = "" } = object.metadata;
    // Kubernetes authorizes by the request, and a create's names no object.
    const target = { resource: resource.plural, name: operation === "create" ? "" : name, namespace };
    if (this.#may(user, "escalate", target)) return;
    const problem = this.#problem(user, namespace, rulesOf(object));
    if (problem !== undefined) throw forbidden(resource, name, problem);
    // An aggregation can gather anything, now and later.
    if (!isAggregated(object) && !(old && isAggregated(old))) return;
    if (this.#problem(user, namespace, everything) !== undefined)
      throw forbidden(resource, name, "must have cluster-admin privileges to use the aggregationRule");
  }

  #admitBinding({ resource, user, object }: AdmissionRequest): void {
    const { name, namespace, roleRef } = bindingOf(object);
    const plural = roleRef.kind === "ClusterRole" ? "clusterroles" : "roles";
    if (this.#may(user, "bind", { resource: plural, name: roleRef.name, namespace })) return;
    const rules = this.#policy.rulesOfRole(roleRef, namespace);
    if (!rules) throw missingRole(roleRef);
    const problem = this.#problem(user, namespace, rules);
    if (problem !== undefined) throw forbidden(resource, name, problem);
  }

  #may(
    user: User,
    verb: string,
    target: { readonly resource: string; readonly name: string; readonly namespace: string },
  ): boolean {
    const attributes = {
      kind: "resource",
      user,
      verb,
      group: rbacGroup,
      version: "*",
      subresource: "",
    } as const;
    return this.#policy.authorize({ ...attributes, ...target }).allowed;
  }

  /** Why the user may not grant these rules. undefined: the user holds them all. */
  #problem(user: User, namespace: string, wanted: readonly PolicyRule[]): string | undefined {
    if (wanted.length === 0) return undefined;
    const held = this.#policy.rulesFor(user, namespace);
    const result = coverage(held.rules, wanted);
    if (result.kind === "covered") return undefined;
    if (result.kind === "tooMany")
      return `its rules stand for ${result.permissions} single permissions, and whether you hold them is checked for at most ${permissionsMax}: use shorter lists or fewer rules`;
    const missing = [...new Set(compactRules(result.rules).map(describeRule))].sort();
    const shown = missing.slice(0, shownMax);
    const more = missing.length > shown.length ? [`… and ${missing.length - shown.length} more`] : [];
    const unresolved = held.errors.length === 0 ? "" : `; resolution errors: [${joinErrors(held.errors)}]`;
    const who = `user ${JSON.stringify(user.name)} (groups=${describeTexts(user.groups)})`;
    return `${who} is attempting to grant RBAC permissions not currently held:\n${[...shown, ...more].join("\n")}${unresolved}`;
  }
}

function missingRole(roleRef: RoleRef): ApiError {
  return new ApiError("NotFound", missingRoleText(roleRef), {
    name: roleRef.name,
    group: rbacGroup,
    kind: roleRef.kind.toLowerCase(),
  });
}

function changesOwnersOnly(object: ApiObject, old: ApiObject): boolean {
  return isDeepStrictEqual(withoutOwners(object), withoutOwners(old));
}

function withoutOwners(object: ApiObject): unknown {
  const {
    ownerReferences: _o,
    finalizers: _f,
    managedFields: _m,
    resourceVersion: _r,
    ...metadata
  } = object.metadata satisfies ObjectMeta;
  return { ...object, metadata };
}
