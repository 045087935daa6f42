import type { User } from "../authentication/user.ts";
import type { PolicyRule, RoleRef } from "./policy.ts";

/**
 * What somebody wants to do. Verbs are Kubernetes': get, list, watch, create, update, patch, delete, deletecollection,
 * and for what is no resource the HTTP method in lower case.
 */
export type Attributes = ResourceAttributes | PathAttributes;

export interface ResourceAttributes {
  readonly kind: "resource";
  readonly user: User;
  readonly verb: string;
  readonly group: string;
  readonly version: string;
  /** The plural. */
  readonly resource: string;
  /** "" when it is the object itself. */
  readonly subresource: string;
  /** "" for cluster-scoped kinds and for all namespaces. */
  readonly namespace: string;
  /**
   * "" when the request names none: a create, a deletecollection. A list or watch names one by a field selector
   * `metadata.name=…`.
   */
  readonly name: string;
}

export interface PathAttributes {
  readonly kind: "path";
  readonly user: User;
  readonly verb: string;
  readonly path: string;
}

export interface Decision {
  readonly allowed: boolean;
  /** Which binding allows it. When nothing does: roles that bindings name and that are missing; mostly empty. */
  readonly reason: string;
}

/** Answers at once, from memory: it is asked for every request. */
export interface Authorizer {
  authorize(attributes: Attributes): Decision;
}

export interface HeldRules {
  readonly rules: readonly PolicyRule[];
  /** What could not be resolved. The rules are right all the same, for rules only add. */
  readonly errors: readonly string[];
}

/** Says not whether something is allowed, but what is. */
export interface RuleResolver {
  /** What a user may do in a namespace ("": in all of them, and outside). Without what `system:masters` may anyhow. */
  rulesFor(user: User, namespace: string): HeldRules;
  /** What a binding in this namespace ("": a ClusterRoleBinding) to the role grants. undefined: there is no such role. */
  rulesOfRole(roleRef: RoleRef, namespace: string): readonly PolicyRule[] | undefined;
}
