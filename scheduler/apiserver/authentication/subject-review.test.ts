import { expect, test } from "vitest";
import { fakeServiceAccounts } from "../testing/service-accounts.ts";
import { Authenticator } from "./authenticator.ts";
import { selfSubjectReview, tokenReview } from "./subject-review.ts";
import { issueToken } from "./token-request.ts";

const { tokens, clock } = fakeServiceAccounts();
const authenticator = new Authenticator(
  [{ token: "t", user: "bob", uid: "u", groups: ["dev"] }],
  tokens,
  clock,
);
const review = (spec: unknown) => tokenReview(authenticator, { spec });

test("selfSubjectReview: the user, without what is empty", () => {
  const user = { name: "bob", uid: "", groups: ["dev"], extra: { scopes: ["a"] } };
  expect(selfSubjectReview(user, Date.UTC(2026, 0, 1, 0, 0, 0, 999))).toEqual({
    kind: "SelfSubjectReview",
    apiVersion: "authentication.k8s.io/v1",
    metadata: { creationTimestamp: "2026-01-01T00:00:00Z" },
    status: { userInfo: { username: "bob", groups: ["dev"], extra: { scopes: ["a"] } } },
  });
});

test("tokenReview: a token that is known", () => {
  expect(review({ token: "t" })).toEqual({
    kind: "TokenReview",
    apiVersion: "authentication.k8s.io/v1",
    metadata: {},
    spec: { token: "t" },
    status: {
      authenticated: true,
      user: { username: "bob", uid: "u", groups: ["dev", "system:authenticated"] },
      audiences: ["https://kubernetes.default.svc"],
    },
  });
});

test("tokenReview: an account's token for the audience that asks", () => {
  const { object } = issueToken(
    tokens,
    { namespace: "default", name: "builder" },
    { spec: { audiences: ["vault"] } },
  );
  const { token } = (object as { status: { token: string } }).status; // What issueToken answers.
  expect(review({ token, audiences: ["vault", "x"] })).toMatchObject({
    spec: { audiences: ["vault", "x"] },
    status: {
      authenticated: true,
      user: { username: "system:serviceaccount:default:builder" },
      audiences: ["vault"],
    },
  });
  expect(review({ token })).toMatchObject({
    status: { user: {}, error: expect.stringContaining('[invalid bearer token, token audiences ["vault"]') },
  });
});

test("tokenReview: a token that nobody knows", () => {
  expect(review({ token: "x" })).toMatchObject({ status: { user: {}, error: "invalid bearer token" } });
  expect(review({ token: "x".repeat(1_000_000) })).toMatchObject({
    status: { error: "invalid bearer token" },
  });
});

test.each([
  { name: "no token", spec: {}, message: "token is required for TokenReview in authentication" },
  { name: "no spec", spec: null, message: "token is required for TokenReview in authentication" },
  { name: "a number", spec: { token: 1 }, message: "TokenReview: spec.token must be a string" },
  { name: "one audience", spec: { token: "t", audiences: "x" }, message: "spec.audiences must be a list" },
  { name: "an audience that is none", spec: { token: "t", audiences: [1] }, message: "spec.audiences must" },
  {
    name: "too many audiences",
    spec: { token: "t", audiences: Array.from({ length: 101 }, () => "x") },
    message: "a list of at most 100 strings",
  },
])("tokenReview: refuses $name", ({ spec, message }) => {
  expect(() => review(spec)).toThrow(message);
});
