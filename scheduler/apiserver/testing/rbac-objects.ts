import type { ApiObject } from "../../../api/object-meta.ts";
import type { User } from "../authentication/user.ts";
import type { Attributes } from "../authorization/authorizer.ts";
import { rbacGroup } from "../authorization/policy.ts";
import type { RbacSources } from "../authorization/rbac.ts";
import { silentLog } from "../../../kit/log.ts";
import { KindCache, type StoredForm, toStored } from "../storage/store-cache.ts";

type Labels = Readonly<Record<string, string>>;

export function rbacObject(
  kind: string,
  name: string,
  namespace: string,
  fields: Readonly<Record<string, unknown>>,
  labels: Labels = {},
): ApiObject {
  return {
    apiVersion: `${rbacGroup}/v1`,
    kind,
    metadata: {
      name,
      ...(namespace === "" ? {} : { namespace }),
      uid: `${kind}-${namespace}-${name}`,
      resourceVersion: "1",
      creationTimestamp: "2026-01-01T00:00:00Z",
      ...(Object.keys(labels).length === 0 ? {} : { labels }),
    },
    ...fields,
  };
}

export function role(namespace: string, name: string, ...rules: readonly object[]): ApiObject {
  return rbacObject("Role", name, namespace, { rules });
}

export function clusterRole(name: string, rules: readonly object[], labels: Labels = {}): ApiObject {
  return rbacObject("ClusterRole", name, "", { rules }, labels);
}

/** `to`: `Role/name` or `ClusterRole/name`; subjects: `User/bob`, `Group/devs`, `ServiceAccount/namespace/name`. */
export function binding(
  namespace: string,
  name: string,
  to: string,
  ...subjects: readonly string[]
): ApiObject {
  const [kind = "", roleName = ""] = to.split("/");
  return rbacObject(namespace === "" ? "ClusterRoleBinding" : "RoleBinding", name, namespace, {
    roleRef: { apiGroup: rbacGroup, kind, name: roleName },
    subjects: subjects.map((text) => {
      const [subjectKind = "", first = "", second] = text.split("/");
      if (subjectKind !== "ServiceAccount") return { kind: subjectKind, apiGroup: rbacGroup, name: first };
      return {
        kind: subjectKind,
        name: second ?? first,
        ...(second === undefined ? {} : { namespace: first }),
      };
    }),
  });
}

export function userNamed(name: string, ...groups: readonly string[]): User {
  return { name, uid: "", groups, extra: {} };
}

/** `get configmaps`, `get configmaps/status x`, `get apps:deployments`, `get /metrics`. */
export function attributes(user: User, text: string, namespace = ""): Attributes {
  const [verb = "", what = "", name = ""] = text.split(" ");
  if (what.startsWith("/")) return { kind: "path", user, verb, path: what };
  const [resource = "", subresource = ""] = what.slice(what.indexOf(":") + 1).split("/");
  const group = what.includes(":") ? what.slice(0, what.indexOf(":")) : "";
  return { kind: "resource", user, verb, group, version: "v1", resource, subresource, namespace, name };
}

const plainForm: StoredForm = {
  encode: (_key, text) => text,
  decode: (_key, stored) => stored,
  needsRewrite: () => false,
};

/** The four kinds, each behind the cache that serves it in the program. Counts how often all of a kind are listed. */
export class PolicySources implements RbacSources {
  #revision = 0;
  readonly #cache = () =>
    new CountingCache({
      revision: () => this.#revision,
      form: plainForm,
      log: silentLog,
      loadPast: () => Promise.resolve(),
    });
  readonly roles = this.#cache();
  readonly clusterRoles = this.#cache();
  readonly roleBindings = this.#cache();
  readonly clusterRoleBindings = this.#cache();

  constructor(...objects: readonly ApiObject[]) {
    for (const object of objects) this.put(object);
  }

  get lists(): number {
    return [this.roles, this.clusterRoles, this.roleBindings, this.clusterRoleBindings].reduce(
      (sum, { lists }) => sum + lists,
      0,
    );
  }

  put(object: ApiObject): void {
    this.#apply("put", object);
  }

  delete(object: ApiObject): void {
    this.#apply("delete", object);
  }

  #apply(kind: "put" | "delete", object: ApiObject): void {
    const revision = ++this.#revision;
    this.of(object.kind).apply({ kind, key: object.metadata.name, value: toStored(object), revision });
  }

  of(kind: string): CountingCache {
    switch (kind) {
      case "Role":
        return this.roles;
      case "ClusterRole":
        return this.clusterRoles;
      case "RoleBinding":
        return this.roleBindings;
      default:
        return this.clusterRoleBindings;
    }
  }
}

class CountingCache extends KindCache {
  lists = 0;

  override list(namespace: string | undefined): readonly ApiObject[] {
    this.lists++;
    return super.list(namespace);
  }
}
