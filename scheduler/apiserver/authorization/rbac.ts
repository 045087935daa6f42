/**
 * Role-based access control as Kubernetes evaluates it: cluster bindings, then the namespace's, and the first rule that
 * allows decides; nothing denies.
 *
 *   bindings (list once, then subscribe) ─▶ index by subject ─┐
 *   roles (get) ─▶ table of rules, made once for each version ─┴─▶ authorize, rulesFor
 *
 * Invariant: index and tables say what the sources say, as of their last event. Nothing is scanned for a decision.
 * https://kubernetes.io/docs/reference/access-authn-authz/rbac/
 */
import type { ApiObject } from "../../../api/object-meta.ts";
import { mastersGroup, type User } from "../authentication/user.ts";
import type { ObjectSource } from "../storage/object-source.ts";
import type { Attributes, Authorizer, Decision, HeldRules, RuleResolver } from "./authorizer.ts";
import { BindingIndex, type Grant } from "./binding-index.ts";
import { bindingOf, type PolicyRule, rbacGroup, type RoleRef, rulesOf } from "./policy.ts";
import { RuleTable } from "./rule-match.ts";

export interface RbacSources {
  readonly roles: ObjectSource;
  readonly clusterRoles: ObjectSource;
  readonly roleBindings: ObjectSource;
  readonly clusterRoleBindings: ObjectSource;
}

/** Missing roles that an answer names. A user may be bound to any number of them. */
const errorsMax = 20;

export class RbacAuthorizer implements Authorizer, RuleResolver, Disposable {
  readonly #roles: ObjectSource;
  readonly #clusterRoles: ObjectSource;
  readonly #tables = new WeakMap<ApiObject, RuleTable>();
  /** Apart, so that no binding of a namespace can ever count as one of the cluster. */
  readonly #clusterBindings = new BindingIndex();
  readonly #bindings = new BindingIndex();
  readonly #subscriptions: readonly Disposable[];

  /** The sources must have been loaded: what they load without an event is seen only here. */
  constructor(sources: RbacSources) {
    this.#roles = sources.roles;
    this.#clusterRoles = sources.clusterRoles;
    this.#subscriptions = [
      follow(sources.clusterRoleBindings, this.#clusterBindings),
      follow(sources.roleBindings, this.#bindings),
    ];
  }

  authorize(attributes: Attributes): Decision {
    if (attributes.user.groups.includes(mastersGroup)) return { allowed: true, reason: "" };
    const errors = new Set<string>();
    const namespace = attributes.kind === "resource" ? attributes.namespace : "";
    for (const grant of this.#grants(attributes.user, namespace)) {
      const table = this.#tableOf(grant.binding.roleRef, grant.binding.namespace);
      if (!table) addError(errors, grant.binding.roleRef);
      else if (table.allows(attributes))
        return { allowed: true, reason: `RBAC: allowed by ${describeGrant(grant)}` };
    }
    return { allowed: false, reason: errors.size === 0 ? "" : `RBAC: ${joinErrors([...errors])}` };
  }

  rulesFor(user: User, namespace: string): HeldRules {
    const errors = new Set<string>();
    const rules: PolicyRule[] = [];
    for (const { binding } of this.#grants(user, namespace)) {
      const table = this.#tableOf(binding.roleRef, binding.namespace);
      if (table) for (const rule of table.rules) rules.push(rule);
      else addError(errors, binding.roleRef);
    }
    return { rules, errors: [...errors] };
  }

  rulesOfRole(roleRef: RoleRef, namespace: string): readonly PolicyRule[] | undefined {
    return this.#tableOf(roleRef, namespace)?.rules;
  }

  [Symbol.dispose](): void {
    for (const subscription of this.#subscriptions) subscription[Symbol.dispose]();
  }

  *#grants(user: User, namespace: string): Iterable<Grant> {
    yield* this.#clusterBindings.grants(user, "");
    if (namespace !== "") yield* this.#bindings.grants(user, namespace);
  }

  #tableOf({ kind, name }: RoleRef, namespace: string): RuleTable | undefined {
    const role = this.#roleOf(kind, name, namespace);
    if (!role) return undefined;
    let table = this.#tables.get(role);
    if (!table) this.#tables.set(role, (table = new RuleTable(rulesOf(role))));
    return table;
  }

  #roleOf(kind: string, name: string, namespace: string): ApiObject | undefined {
    if (kind === "ClusterRole") return this.#clusterRoles.get("", name);
    return kind === "Role" && namespace !== "" ? this.#roles.get(namespace, name) : undefined;
  }
}

function follow(source: ObjectSource, index: BindingIndex): Disposable {
  for (const object of source.list(undefined)) index.put(bindingOf(object));
  return source.subscribe(({ kind, object }) => {
    const binding = bindingOf(object);
    if (kind === "put") index.put(binding);
    else index.remove(binding.namespace, binding.name);
  });
}

function addError(errors: Set<string>, roleRef: RoleRef): void {
  if (errors.size < errorsMax) errors.add(missingRoleText(roleRef));
}

export function missingRoleText({ kind, name }: RoleRef): string {
  return `${kind.toLowerCase()}.${rbacGroup} ${JSON.stringify(name)} not found`;
}

/** As Kubernetes' aggregated errors print: in brackets when there are several. */
export function joinErrors(texts: readonly string[]): string {
  return texts.length === 1 ? (texts[0] ?? "") : `[${texts.join(", ")}]`;
}

/** Kubernetes writes name/namespace here, and so do we. */
function describeGrant({ binding, subject }: Grant): string {
  const { name, namespace, roleRef } = binding;
  const what =
    namespace === ""
      ? `ClusterRoleBinding ${JSON.stringify(name)}`
      : `RoleBinding ${JSON.stringify(`${name}/${namespace}`)}`;
  const who =
    subject.kind === "ServiceAccount"
      ? `${subject.name}/${subject.namespace === "" ? namespace : subject.namespace}`
      : subject.name;
  return `${what} of ${roleRef.kind} ${JSON.stringify(roleRef.name)} to ${subject.kind} ${JSON.stringify(who)}`;
}
