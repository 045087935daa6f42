import type { Schema } from "../resource.ts";

const text = (description: string): Schema => ({ type: "string", description });
const texts = (description: string): Schema => ({
  type: "array",
  items: { type: "string" },
  "x-kubernetes-list-type": "atomic",
  description,
});

function selector(what: string): Schema {
  return {
    type: "object",
    description: `${what}Selector describes the limitation on access based on ${what}s. It can only limit access, not broaden it.`,
    properties: {
      rawSelector: text("The selector as it would stand in a query parameter."),
      requirements: {
        type: "array",
        "x-kubernetes-list-type": "atomic",
        description: "The parsed interpretation of a selector. All requirements must be met.",
        items: {
          type: "object",
          required: ["key", "operator"],
          properties: {
            key: text(`The ${what} that the requirement is about.`),
            operator: text("In, NotIn, Exists or DoesNotExist."),
            values: texts("The values for In and NotIn."),
          },
        },
      },
    },
  };
}

const resourceAttributes: Schema = {
  type: "object",
  description: "ResourceAttributes describes information for a resource access request.",
  properties: {
    namespace: text(
      'The namespace of the action being requested. "" means all namespaces, and is empty for cluster-scoped resources.',
    ),
    verb: text('A verb of the API, like: get, list, watch, create, update, delete. "*" means all.'),
    group: text('The API group of the resource. "*" means all.'),
    version: text('The API version of the resource. "*" means all.'),
    resource: text('One of the existing resource types. "*" means all.'),
    subresource: text('One of the existing subresources. "" means none.'),
    name: text('The name of the resource being requested. "" means all.'),
    fieldSelector: selector("field"),
    labelSelector: selector("label"),
  },
};

const nonResourceAttributes: Schema = {
  type: "object",
  description: "NonResourceAttributes describes information for a non-resource access request.",
  properties: {
    path: text("The URL path of the request."),
    verb: text("The standard HTTP verb."),
  },
};

const accessStatus: Schema = {
  type: "object",
  description: "Status is filled in by the server and indicates whether the request is allowed or not.",
  required: ["allowed"],
  properties: {
    allowed: { type: "boolean", description: "Whether the action would be allowed." },
    denied: {
      type: "boolean",
      description: "Whether the action would be denied. If both are false, there is no opinion.",
    },
    reason: text("Why a request was allowed or denied."),
    evaluationError: text(
      "Some error that occurred during the check. The answer can be right in spite of it.",
    ),
  },
};

function reviewSchema(description: string, spec: Schema, status: Schema): Schema {
  return { type: "object", required: ["spec"], description, properties: { spec, status } };
}

const selfSpec: Schema = {
  type: "object",
  description:
    "Spec holds information about the request being evaluated. Exactly one of resourceAttributes and nonResourceAttributes must be set.",
  properties: { resourceAttributes, nonResourceAttributes },
};

const subjectSpec: Schema = {
  ...selfSpec,
  properties: {
    ...selfSpec.properties,
    user: text(
      'The user you\'re testing for. With "user" but not "groups", the answer is for that user as a member of no groups.',
    ),
    groups: texts("The groups you're testing for."),
    extra: {
      type: "object",
      additionalProperties: { type: "array", items: { type: "string" } },
      description: "What else is known of the user.",
    },
    uid: text("UID information about the requesting user."),
  },
};

export const selfSubjectAccessReviewSchema = reviewSchema(
  "SelfSubjectAccessReview checks whether or not the current user can perform an action.",
  selfSpec,
  accessStatus,
);

export const subjectAccessReviewSchema = reviewSchema(
  "SubjectAccessReview checks whether or not a user or group can perform an action.",
  subjectSpec,
  accessStatus,
);

export const localSubjectAccessReviewSchema = reviewSchema(
  "LocalSubjectAccessReview checks whether or not a user or group can perform an action in a given namespace.",
  subjectSpec,
  accessStatus,
);

export const selfSubjectRulesReviewSchema = reviewSchema(
  "SelfSubjectRulesReview enumerates the set of actions the current user can perform within a namespace. It is for showing, not for deciding.",
  {
    type: "object",
    description: "Spec holds information about the request being evaluated.",
    properties: { namespace: text("Namespace to evaluate rules for. Required.") },
  },
  {
    type: "object",
    description: "Status is filled in by the server and indicates the set of actions a user can perform.",
    required: ["resourceRules", "nonResourceRules", "incomplete"],
    properties: {
      resourceRules: {
        type: "array",
        "x-kubernetes-list-type": "atomic",
        description: "The list of actions the subject is allowed to perform on resources.",
        items: {
          type: "object",
          required: ["verbs"],
          properties: {
            verbs: texts('Verbs of the API. "*" means all.'),
            apiGroups: texts('API groups that contain the resources. "*" means all.'),
            resources: texts('Resources this rule applies to. "*" means all in the specified groups.'),
            resourceNames: texts("Names that the rule applies to. Empty means that everything is allowed."),
          },
        },
      },
      nonResourceRules: {
        type: "array",
        "x-kubernetes-list-type": "atomic",
        description: "The list of actions the subject is allowed to perform on non-resources.",
        items: {
          type: "object",
          required: ["verbs"],
          properties: {
            verbs: texts('HTTP verbs. "*" means all.'),
            nonResourceURLs: texts("Partial URLs; * only as the full, final step in the path."),
          },
        },
      },
      incomplete: { type: "boolean", description: "Whether the rules returned are incomplete." },
      evaluationError: text("Some error that occurred during the evaluation."),
    },
  },
);
