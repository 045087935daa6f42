import type { ApiObject } from "../../../api/object-meta.ts";
import {
  type FieldError,
  invalidValue,
  requiredValue,
  unsupportedValue,
} from "../../../api/validation/field-error.ts";
import { checkPathSegmentName, checkSubdomainName } from "../../../api/validation/names.ts";
import { bindingOf, objectsOf, rbacGroup, textOf } from "../authorization/policy.ts";
import { isObject, type JsonObject, type ResourceDefinition, type Schema } from "../resource.ts";
import { ageColumn, coreKind, functionColumn } from "./descriptor.ts";

const text = (description: string): Schema => ({ type: "string", description });

const subjects: Schema = {
  type: "array",
  "x-kubernetes-list-type": "atomic",
  description: "Subjects holds references to the objects the role applies to.",
  items: {
    type: "object",
    required: ["kind", "name"],
    "x-kubernetes-map-type": "atomic",
    description:
      "Subject contains a reference to the object or user identities a role binding applies to: a service account, or the name of a user or group.",
    properties: {
      kind: text('Kind of object being referenced: "User", "Group" or "ServiceAccount".'),
      apiGroup: text(
        'The API group of the referenced subject. Defaults to "" for ServiceAccount subjects, and to "rbac.authorization.k8s.io" for User and Group subjects.',
      ),
      name: text("Name of the object being referenced."),
      namespace: text("Namespace of the referenced object. Of service accounts only."),
    },
  },
};

const roleRef: Schema = {
  type: "object",
  required: ["apiGroup", "kind", "name"],
  "x-kubernetes-map-type": "atomic",
  properties: {
    apiGroup: text("The group of the role being referenced."),
    kind: text("The kind of role being referenced."),
    name: text("The name of the role being referenced."),
  },
};

function bindingKind(given: {
  readonly kind: string;
  readonly plural: string;
  readonly namespaced: boolean;
  readonly roleKinds: readonly string[];
  readonly description: string;
  readonly refersTo: string;
}): ResourceDefinition {
  const { roleKinds, description, refersTo, ...names } = given;
  return coreKind({
    ...names,
    group: rbacGroup,
    version: "v1",
    nameForm: "path",
    schema: {
      type: "object",
      required: ["roleRef"],
      description,
      properties: { subjects, roleRef: { ...roleRef, description: refersTo } },
    },
    columns: [
      functionColumn("Role", "string", "The role that is bound.", (object) => {
        const { kind, name } = bindingOf(object).roleRef;
        return `${kind}/${name}`;
      }),
      ageColumn,
      subjectsColumn("Users", "User"),
      subjectsColumn("Groups", "Group"),
      subjectsColumn("ServiceAccounts", "ServiceAccount"),
    ],
    normalize: normalizeBinding,
    validate: (object, old) => [
      ...validateRoleRef(object, roleKinds),
      ...objectsOf(object["subjects"]).flatMap((subject, at) =>
        validateSubject(subject, given.namespaced, `subjects[${at}]`),
      ),
      ...validateSameRole(object, old),
    ],
  });
}

export const roleBindingDefinition = bindingKind({
  kind: "RoleBinding",
  plural: "rolebindings",
  namespaced: true,
  roleKinds: ["Role", "ClusterRole"],
  description:
    "RoleBinding references a role, but does not contain it. It can reference a Role in the same namespace or a ClusterRole in the global namespace. It adds who information via Subjects and namespace information by which namespace it exists in. RoleBindings in a given namespace only have effect in that namespace.",
  refersTo:
    "RoleRef can reference a Role in the current namespace or a ClusterRole in the global namespace. This field is immutable.",
});

export const clusterRoleBindingDefinition = bindingKind({
  kind: "ClusterRoleBinding",
  plural: "clusterrolebindings",
  namespaced: false,
  roleKinds: ["ClusterRole"],
  description:
    "ClusterRoleBinding references a ClusterRole, but not contain it. It can reference a ClusterRole in the global namespace, and adds who information via Subject.",
  refersTo: "RoleRef can only reference a ClusterRole in the global namespace. This field is immutable.",
});

function subjectsColumn(name: string, kind: string) {
  return functionColumn(
    name,
    "string",
    `${name} in the binding.`,
    (object) =>
      bindingOf(object)
        .subjects.filter((subject) => subject.kind === kind)
        .map((subject) => (kind === "ServiceAccount" ? `${subject.namespace}/${subject.name}` : subject.name))
        .join(", "),
    1,
  );
}

/** Fills in groups. What is of the wrong type is left for the schema to refuse. */
function normalizeBinding(object: ApiObject): ApiObject {
  const { subjects: given, roleRef: ref = {} } = object;
  const list: readonly unknown[] | undefined = Array.isArray(given) ? given : undefined;
  return {
    ...object,
    ...(list
      ? { subjects: list.map((subject) => (isObject(subject) ? normalizeSubject(subject) : subject)) }
      : {}),
    roleRef: isObject(ref ?? {}) ? normalizeRoleRef(isObject(ref) ? ref : {}) : ref,
  };
}

function normalizeRoleRef(ref: JsonObject): JsonObject {
  const apiGroup = isAbsent(ref["apiGroup"]) ? rbacGroup : ref["apiGroup"];
  return { ...ref, apiGroup, kind: ref["kind"] ?? "", name: ref["name"] ?? "" };
}

function normalizeSubject(subject: JsonObject): JsonObject {
  const { kind = "", apiGroup, name, namespace, ...rest } = subject;
  const group = isAbsent(apiGroup) && (kind === "User" || kind === "Group") ? rbacGroup : apiGroup;
  return {
    ...rest,
    kind: kind ?? "",
    ...(isAbsent(group) ? {} : { apiGroup: group }),
    name: name ?? "",
    ...(isAbsent(namespace) ? {} : { namespace }),
  };
}

function isAbsent(value: unknown): boolean {
  return value === undefined || value === null || value === "";
}

function validateRoleRef(object: ApiObject, kinds: readonly string[]): readonly FieldError[] {
  const ref = isObject(object["roleRef"]) ? object["roleRef"] : {};
  const { kind, name } = bindingOf(object).roleRef;
  const errors: FieldError[] = [];
  if (ref["apiGroup"] !== rbacGroup)
    errors.push(unsupportedValue("roleRef.apiGroup", ref["apiGroup"], [rbacGroup]));
  if (!kinds.includes(kind)) errors.push(unsupportedValue("roleRef.kind", kind, kinds));
  const problem = checkPathSegmentName(name);
  if (name === "") errors.push(requiredValue("roleRef.name"));
  else if (problem !== undefined) errors.push(invalidValue("roleRef.name", name, problem));
  return errors;
}

function validateSubject(subject: JsonObject, namespaced: boolean, field: string): readonly FieldError[] {
  const kind = textOf(subject["kind"]);
  const name = textOf(subject["name"]);
  const apiGroup = textOf(subject["apiGroup"]);
  const errors: FieldError[] = name === "" ? [requiredValue(`${field}.name`)] : [];
  switch (kind) {
    case "ServiceAccount": {
      const problem = name === "" ? undefined : checkSubdomainName(name);
      if (problem !== undefined) errors.push(invalidValue(`${field}.name`, name, problem));
      if (apiGroup !== "") errors.push(unsupportedValue(`${field}.apiGroup`, apiGroup, [""]));
      if (!namespaced && isAbsent(subject["namespace"])) errors.push(requiredValue(`${field}.namespace`));
      return errors;
    }
    case "User":
    case "Group":
      if (apiGroup !== rbacGroup) errors.push(unsupportedValue(`${field}.apiGroup`, apiGroup, [rbacGroup]));
      return errors;
    default:
      return [...errors, unsupportedValue(`${field}.kind`, kind, ["ServiceAccount", "User", "Group"])];
  }
}

function validateSameRole(object: ApiObject, old: ApiObject | undefined): readonly FieldError[] {
  if (!old) return [];
  const { kind, name } = bindingOf(object).roleRef;
  const before = bindingOf(old).roleRef;
  if (kind === before.kind && name === before.name) return [];
  // Kubernetes shows the fields by their names in Go.
  return [invalidValue("roleRef", { APIGroup: rbacGroup, Kind: kind, Name: name }, "cannot change roleRef")];
}
