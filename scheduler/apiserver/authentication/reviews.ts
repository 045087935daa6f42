import type { Schema } from "../resource.ts";

/** A kind that can only be created, and of which nothing is stored: what discovery and OpenAPI say of it. */
export interface ReviewDescription {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
  readonly singular: string;
  readonly namespaced: boolean;
  readonly schema: Schema;
}

const text: Schema = { type: "string" };
const texts: Schema = { type: "array", items: text, "x-kubernetes-list-type": "atomic" };
const userInfo: Schema = {
  type: "object",
  description: "Who it is.",
  properties: {
    username: { ...text, description: "The name." },
    uid: { ...text, description: "Tells users of the same name apart." },
    groups: { ...texts, description: "The groups that the user is in." },
    extra: { type: "object", additionalProperties: texts, description: "What else is known." },
  },
};

export const selfSubjectReviewKind = "SelfSubjectReview";
export const tokenReviewKind = "TokenReview";

/** The reviews of authentication.k8s.io. */
export const authenticationReviews: readonly ReviewDescription[] = [
  review(selfSubjectReviewKind, "SelfSubjectReview tells who is asking.", {
    status: { type: "object", properties: { userInfo }, description: "Filled in by the server." },
  }),
  review(tokenReviewKind, "TokenReview tells for whom a token speaks.", {
    spec: {
      type: "object",
      description: "The question.",
      properties: {
        token: { ...text, description: "The token." },
        audiences: { ...texts, description: "To whom it must speak; by default to this server." },
      },
    },
    status: {
      type: "object",
      description: "The answer. Filled in by the server.",
      properties: {
        authenticated: { type: "boolean" },
        user: userInfo,
        audiences: texts,
        error: text,
      },
    },
  }),
];

function review(
  kind: string,
  description: string,
  properties: Readonly<Record<string, Schema>>,
): ReviewDescription {
  return {
    group: "authentication.k8s.io",
    version: "v1",
    kind,
    plural: `${kind.toLowerCase()}s`,
    singular: kind.toLowerCase(),
    namespaced: false,
    schema: { type: "object", description, properties },
  };
}
