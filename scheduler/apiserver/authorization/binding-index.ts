import type { User } from "../authentication/user.ts";
import type { Binding, Subject } from "./policy.ts";

/** Why a user has a role: one binding, and the subject in it that is the user. */
export interface Grant {
  readonly binding: Binding;
  readonly subject: Subject;
}

/** Grants of one role to one subject, by the binding's name. Never empty. */
type RoleGrants = Map<string, Grant>;

/**
 * Who is bound to what, by namespace, subject and role. Putting or removing a binding costs as much as it has subjects; a
 * look-up costs as much as the user has groups, whatever else is bound.
 */
export class BindingIndex {
  readonly #namespaces = new Map<string, NamespaceBindings>();

  put(binding: Binding): void {
    let space = this.#namespaces.get(binding.namespace);
    if (!space) this.#namespaces.set(binding.namespace, (space = new NamespaceBindings()));
    space.put(binding);
  }

  remove(namespace: string, name: string): void {
    const space = this.#namespaces.get(namespace);
    space?.remove(name);
    if (space?.size === 0) this.#namespaces.delete(namespace);
  }

  /** One grant for each role that the user is bound to there, the cluster's ("") or a namespace's own. */
  grants(user: User, namespace: string): Iterable<Grant> {
    return this.#namespaces.get(namespace)?.grants(user) ?? [];
  }
}

class NamespaceBindings {
  readonly #bindings = new Map<string, Binding>();
  readonly #bySubject = new Map<string, Map<string, RoleGrants>>();

  get size(): number {
    return this.#bindings.size;
  }

  put(binding: Binding): void {
    this.remove(binding.name);
    this.#bindings.set(binding.name, binding);
    const role = roleKey(binding);
    for (const subject of binding.subjects) {
      const key = subjectKey(subject, binding.namespace);
      if (key === undefined) continue;
      const roles = entry(this.#bySubject, key, () => new Map<string, RoleGrants>());
      const grants = entry(roles, role, () => new Map<string, Grant>());
      // Of a subject that is there twice, the first counts.
      if (!grants.has(binding.name)) grants.set(binding.name, { binding, subject });
    }
  }

  remove(name: string): void {
    const binding = this.#bindings.get(name);
    if (!binding) return;
    this.#bindings.delete(name);
    const role = roleKey(binding);
    for (const subject of binding.subjects) {
      const key = subjectKey(subject, binding.namespace);
      const roles = key === undefined ? undefined : this.#bySubject.get(key);
      const grants = roles?.get(role);
      if (key === undefined || !roles || !grants) continue;
      grants.delete(name);
      if (grants.size === 0) roles.delete(role);
      if (roles.size === 0) this.#bySubject.delete(key);
    }
  }

  *grants(user: User): Iterable<Grant> {
    const seen = new Set<string>();
    for (const key of keysOf(user))
      for (const [role, grants] of this.#bySubject.get(key) ?? []) {
        if (seen.has(role)) continue;
        seen.add(role);
        const [grant] = grants.values();
        if (grant) yield grant;
      }
  }
}

const serviceAccountPrefix = "system:serviceaccount:";

function* keysOf(user: User): Iterable<string> {
  yield `User ${user.name}`;
  for (const group of user.groups) yield `Group ${group}`;
}

/** A service account is the user of its name. undefined: a subject that nobody can be. */
function subjectKey({ kind, name, namespace }: Subject, bindingNamespace: string): string | undefined {
  if (kind === "User" || kind === "Group") return `${kind} ${name}`;
  const home = namespace === "" ? bindingNamespace : namespace;
  return kind === "ServiceAccount" && home !== "" ? `User ${serviceAccountPrefix}${home}:${name}` : undefined;
}

function roleKey({ roleRef }: Binding): string {
  return `${roleRef.kind} ${roleRef.name}`;
}

function entry<V>(map: Map<string, V>, key: string, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) map.set(key, (value = make()));
  return value;
}
