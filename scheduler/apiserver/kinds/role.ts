import type { ApiObject } from "../../../api/object-meta.ts";
import { type FieldError, invalidValue, requiredValue } from "../../../api/validation/field-error.ts";
import { validateLabelSelector } from "../../../api/validation/label-selector.ts";
import { objectsOf, type PolicyRule, rbacGroup, rulesOf } from "../authorization/policy.ts";
import { isObject, type Schema } from "../resource.ts";
import { coreKind, functionColumn } from "./descriptor.ts";

const texts = (description: string): Schema => ({
  type: "array",
  items: { type: "string" },
  "x-kubernetes-list-type": "atomic",
  description,
});

const rules: Schema = {
  type: "array",
  "x-kubernetes-list-type": "atomic",
  items: {
    type: "object",
    required: ["verbs"],
    description:
      "PolicyRule holds information that describes a policy rule, but does not contain information about who the rule applies to or which namespace the rule applies to.",
    properties: {
      verbs: texts("The verbs that apply to all the resources of this rule. '*' represents all verbs."),
      apiGroups: texts(
        'The API groups that contain the resources. Any action on one of the resources in any of these groups is allowed. "" is the core group, "*" represents all groups.',
      ),
      resources: texts(
        "The resources that this rule applies to, with or without a subresource. '*' represents all resources.",
      ),
      resourceNames: texts("Names that the rule applies to. An empty list means that every name is allowed."),
      nonResourceURLs: texts(
        "Partial URLs that a user may access. *s are allowed, but only as the full, final step of the path. They count only in ClusterRoles that a ClusterRoleBinding refers to. A rule applies either to resources or to URLs, not to both.",
      ),
    },
  },
};

const labelSelector: Schema = {
  type: "object",
  description: "A query over the labels of ClusterRoles.",
  "x-kubernetes-map-type": "atomic",
  properties: {
    matchLabels: {
      type: "object",
      additionalProperties: { type: "string" },
      description: "Labels that must be there with these values.",
    },
    matchExpressions: {
      type: "array",
      "x-kubernetes-list-type": "atomic",
      description: "Requirements, all of which must hold.",
      items: {
        type: "object",
        required: ["key", "operator"],
        properties: {
          key: { type: "string", description: "The label that the requirement is about." },
          operator: { type: "string", description: "In, NotIn, Exists or DoesNotExist." },
          values: texts("The values for In and NotIn; empty for the others."),
        },
      },
    },
  },
};

const createdColumn = functionColumn(
  "Created At",
  "string",
  "CreationTimestamp is a timestamp representing the server time when this object was created.",
  (object) => object.metadata.creationTimestamp,
);

const shared = {
  group: rbacGroup,
  version: "v1",
  nameForm: "path",
  columns: [createdColumn],
  normalize: normalizeRole,
} as const;

export const roleDefinition = coreKind({
  ...shared,
  kind: "Role",
  plural: "roles",
  schema: {
    type: "object",
    description:
      "Role is a namespaced, logical grouping of PolicyRules that can be referenced as a unit by a RoleBinding.",
    properties: { rules: { ...rules, description: "Rules holds all the PolicyRules for this Role." } },
  },
  validate: (role) => validateRules(role, true),
});

export const clusterRoleDefinition = coreKind({
  ...shared,
  kind: "ClusterRole",
  plural: "clusterroles",
  namespaced: false,
  schema: {
    type: "object",
    description:
      "ClusterRole is a cluster level, logical grouping of PolicyRules that can be referenced as a unit by a RoleBinding or ClusterRoleBinding.",
    properties: {
      rules: { ...rules, description: "Rules holds all the PolicyRules for this ClusterRole." },
      aggregationRule: {
        type: "object",
        description:
          "AggregationRule describes how to build the Rules for this ClusterRole. If it is set, then the Rules are controller managed and direct changes to Rules will be stomped by the controller.",
        properties: {
          clusterRoleSelectors: {
            type: "array",
            items: labelSelector,
            "x-kubernetes-list-type": "atomic",
            description:
              "Selectors that find ClusterRoles. If any of them matches, the ClusterRole's permissions are added.",
          },
        },
      },
    },
  },
  validate: (role) => [...validateRules(role, false), ...validateAggregation(role)],
});

/** So that a rule without verbs is told what it lacks, as by Kubernetes. */
function normalizeRole(role: ApiObject): ApiObject {
  const given = role["rules"];
  if (!Array.isArray(given)) return role;
  return {
    ...role,
    rules: given.map((rule: unknown) =>
      isObject(rule) && (rule["verbs"] ?? undefined) === undefined ? { ...rule, verbs: [] } : rule,
    ),
  };
}

function validateRules(role: ApiObject, namespaced: boolean): readonly FieldError[] {
  return rulesOf(role).flatMap((rule, at) => validateRule(rule, namespaced, `rules[${at}]`));
}

function validateRule(rule: PolicyRule, namespaced: boolean, field: string): readonly FieldError[] {
  const errors: FieldError[] = [];
  const { nonResourceURLs: urls } = rule;
  if (rule.verbs.length === 0)
    errors.push(requiredValue(`${field}.verbs`, "verbs must contain at least one value"));
  if (urls.length > 0) {
    const place = `${field}.nonResourceURLs`;
    if (namespaced)
      errors.push(invalidValue(place, urls, "namespaced rules cannot apply to non-resource URLs"));
    if (rule.apiGroups.length + rule.resources.length + rule.resourceNames.length > 0)
      errors.push(
        invalidValue(place, urls, "rules cannot apply to both regular resources and non-resource URLs"),
      );
    return errors;
  }
  if (rule.apiGroups.length === 0)
    errors.push(requiredValue(`${field}.apiGroups`, "resource rules must supply at least one api group"));
  if (rule.resources.length === 0)
    errors.push(requiredValue(`${field}.resources`, "resource rules must supply at least one resource"));
  return errors;
}

const operators = new Set(["In", "NotIn", "Exists", "DoesNotExist"]);

function validateAggregation(role: ApiObject): readonly FieldError[] {
  const aggregation = role["aggregationRule"];
  if (!isObject(aggregation)) return [];
  const field = "aggregationRule.clusterRoleSelectors";
  const selectors = objectsOf(aggregation["clusterRoleSelectors"]);
  if (selectors.length === 0)
    return [requiredValue(field, "at least one clusterRoleSelector required if aggregationRule is non-nil")];
  return selectors.flatMap((selector, at) => {
    const unknown = objectsOf(selector["matchExpressions"]).flatMap((term, index) =>
      operators.has(String(term["operator"]))
        ? []
        : [
            invalidValue(
              `${field}[${at}].matchExpressions[${index}].operator`,
              term["operator"],
              "not a valid selector operator",
            ),
          ],
    );
    return unknown.length > 0 ? unknown : validateLabelSelector(selector, `${field}[${at}]`);
  });
}
