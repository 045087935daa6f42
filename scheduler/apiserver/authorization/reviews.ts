/**
 * The reviews of authorization.k8s.io: questions about what is allowed, asked by creating an object that is answered and
 * not kept. Pure, but for the policy that is asked.
 */
import { invalid, badRequest } from "../status.ts";
import type { User } from "../authentication/user.ts";
import { isObject, type JsonObject, type Schema } from "../resource.ts";
import { objectMetaSchema } from "../schema/metadata-schema.ts";
import { shapeObject } from "../schema/structural.ts";
import { compileSchema, type Validate } from "../schema/validator.ts";
import type { Attributes, Authorizer, RuleResolver } from "./authorizer.ts";
import { ruleBody, textOf, textsOf } from "./policy.ts";
import { joinErrors } from "./rbac.ts";
import {
  localSubjectAccessReviewSchema,
  selfSubjectAccessReviewSchema,
  selfSubjectRulesReviewSchema,
  subjectAccessReviewSchema,
} from "./review-schemas.ts";
import { selectorProblems } from "./review-selectors.ts";
import { validateReview } from "./review-validation.ts";

const reviewGroup = "authorization.k8s.io";

export interface ReviewRequest {
  /** The body. Its apiVersion and kind have been compared with the URL. */
  readonly object: JsonObject;
  /** Of the URL; "" outside of namespaces. */
  readonly namespace: string;
  readonly user: User;
}

/** A kind that can only be created, and of which nothing is stored. What discovery and OpenAPI say of it is here. */
export interface ReviewResource {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
  readonly singular: string;
  readonly namespaced: boolean;
  readonly verbs: readonly ["create"];
  /** With apiVersion, kind and metadata. */
  readonly schema: Schema;
  /** The object as it is answered, with status 201. Throws an ApiError for what is no such object. */
  readonly create: (request: ReviewRequest, policy: Authorizer & RuleResolver) => JsonObject;
}

export const accessReviews: readonly ReviewResource[] = [
  reviewResource("SelfSubjectAccessReview", selfSubjectAccessReviewSchema, false, (review, user, policy) => {
    check(review, { namesSubject: false, local: false });
    return accessAnswer(review, user, policy);
  }),
  reviewResource("SubjectAccessReview", subjectAccessReviewSchema, false, (review, _, policy) => {
    check(review, { namesSubject: true, local: false });
    return accessAnswer(review, subjectOf(specOf(review)), policy);
  }),
  reviewResource("LocalSubjectAccessReview", localSubjectAccessReviewSchema, true, (review, _, policy) => {
    check(review, { namesSubject: true, local: true });
    return accessAnswer(review, subjectOf(specOf(review)), policy);
  }),
  reviewResource("SelfSubjectRulesReview", selfSubjectRulesReviewSchema, false, (review, user, policy) => {
    const namespace = textOf(specOf(review)["namespace"]);
    if (namespace === "") throw badRequest("no namespace on request");
    // Kubernetes does not repeat the question here.
    return { metadata: {}, spec: {}, status: rulesStatus(user, namespace, policy) };
  }),
];

type Answer = (review: JsonObject, user: User, policy: Authorizer & RuleResolver) => JsonObject;

function reviewResource(kind: string, own: Schema, namespaced: boolean, answer: Answer): ReviewResource {
  const text: Schema = { type: "string" };
  const schema: Schema = {
    ...own,
    properties: { apiVersion: text, kind: text, metadata: objectMetaSchema, ...own.properties },
  };
  const validate = compileSchema(schema, { advises: false, checksListTypes: false });
  return {
    group: reviewGroup,
    version: "v1",
    kind,
    plural: `${kind.toLowerCase()}s`,
    singular: kind.toLowerCase(),
    namespaced,
    verbs: ["create"],
    schema,
    create: ({ object, namespace, user }, policy) => {
      const review = place(decode(object, kind, schema, validate), namespaced ? namespace : "");
      return { kind, apiVersion: `${reviewGroup}/v1`, ...answer(review, user, policy) };
    },
  };
}

/** As Kubernetes' decoder: what is unknown goes, what is empty is as if it were not there, and types must be right. */
function decode(object: JsonObject, kind: string, schema: Schema, validate: Validate): JsonObject {
  const { status: _, ...review } = shapeObject(object, schema).object;
  const wrong = validate(review).find(({ reason }) => reason === "FieldValueTypeInvalid");
  if (wrong)
    throw badRequest(
      `${kind} in version "v1" cannot be handled as a ${kind}: ${wrong.field}: ${wrong.message}`,
    );
  return withoutEmpty(review);
}

function withoutEmpty(object: JsonObject): JsonObject {
  const kept = Object.entries(object).filter(
    ([, value]) => value !== "" && !(Array.isArray(value) && value.length === 0),
  );
  return Object.fromEntries(
    kept.map(([name, value]) => [name, isObject(value) ? withoutEmpty(value) : value]),
  );
}

function place(review: JsonObject, namespace: string): JsonObject {
  const { namespace: given, ...metadata } = isObject(review["metadata"]) ? review["metadata"] : {};
  if (given !== undefined && namespace !== "" && given !== namespace)
    throw badRequest("the namespace of the provided object does not match the namespace sent on the request");
  return { ...review, metadata: namespace === "" ? metadata : { ...metadata, namespace } };
}

function specOf(review: JsonObject): JsonObject {
  return isObject(review["spec"]) ? review["spec"] : {};
}

/** Kubernetes names no kind here, and so do we. */
function check(review: JsonObject, rules: Parameters<typeof validateReview>[1]): void {
  const errors = validateReview(review, rules);
  if (errors.length > 0) throw invalid({ group: reviewGroup, kind: "" }, "", errors);
}

function subjectOf(spec: JsonObject): User {
  const extra = isObject(spec["extra"]) ? spec["extra"] : {};
  return {
    name: textOf(spec["user"]),
    uid: textOf(spec["uid"]),
    groups: textsOf(spec["groups"]),
    extra: Object.fromEntries(Object.entries(extra).map(([key, values]) => [key, textsOf(values)])),
  };
}

function accessAnswer(review: JsonObject, user: User, policy: Authorizer): JsonObject {
  const spec = specOf(review);
  const { allowed, reason } = policy.authorize(attributesOf(spec, user));
  const evaluationError = selectorProblems(spec["resourceAttributes"]).join("; ");
  return {
    metadata: review["metadata"],
    spec,
    status: {
      allowed,
      ...(reason === "" ? {} : { reason }),
      ...(evaluationError === "" ? {} : { evaluationError }),
    },
  };
}

function attributesOf(spec: JsonObject, user: User): Attributes {
  const { resourceAttributes: resource, nonResourceAttributes: path } = spec;
  if (!isObject(resource)) {
    const given = isObject(path) ? path : {};
    return { kind: "path", user, verb: textOf(given["verb"]), path: textOf(given["path"]) };
  }
  const version = textOf(resource["version"]);
  return {
    kind: "resource",
    user,
    verb: textOf(resource["verb"]),
    group: textOf(resource["group"]),
    version: version === "" ? "*" : version,
    resource: textOf(resource["resource"]),
    subresource: textOf(resource["subresource"]),
    namespace: textOf(resource["namespace"]),
    name: textOf(resource["name"]),
  };
}

function rulesStatus(user: User, namespace: string, policy: RuleResolver): JsonObject {
  const { rules, errors } = policy.rulesFor(user, namespace);
  return {
    resourceRules: rules
      .filter(({ resources }) => resources.length > 0)
      .map((rule) => ruleBody({ ...rule, nonResourceURLs: [] })),
    nonResourceRules: rules
      .filter(({ nonResourceURLs }) => nonResourceURLs.length > 0)
      .map(({ verbs, nonResourceURLs }) => ({ verbs, nonResourceURLs })),
    incomplete: false,
    ...(errors.length === 0 ? {} : { evaluationError: joinErrors(errors) }),
  };
}
