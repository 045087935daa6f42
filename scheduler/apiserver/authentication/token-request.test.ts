import { expect, test } from "vitest";
import { fakeServiceAccounts, newServiceAccountKey } from "../testing/service-accounts.ts";
import { ApiError } from "../status.ts";
import { issueToken } from "./token-request.ts";

const key = newServiceAccountKey();
const target = { namespace: "default", name: "builder" };

function setUp(keys = [key]) {
  const fake = fakeServiceAccounts(keys);
  fake.add("secrets", "s", "s-1");
  const issue = (body: unknown, where = target) => issueToken(fake.tokens, where, body);
  return { ...fake, issue };
}

/** As `kubectl create token builder` sends it. */
const plain = {
  kind: "TokenRequest",
  metadata: {},
  spec: { audiences: null, expirationSeconds: null, boundObjectRef: null },
};

test.each([
  { name: "kubectl's", body: plain },
  { name: "an empty body", body: {} },
  { name: "a repeated name", body: { metadata: { name: "builder", namespace: "default", uid: "uid-1" } } },
])("issueToken: $name is for an hour and the API", ({ body }) => {
  const { issue } = setUp();
  const { object, credentialId } = issue(body);
  expect(object).toEqual({
    kind: "TokenRequest",
    apiVersion: "authentication.k8s.io/v1",
    metadata: {
      name: "builder",
      namespace: "default",
      uid: "uid-1",
      creationTimestamp: "2026-01-01T00:00:00Z",
    },
    spec: { audiences: ["https://kubernetes.default.svc"], expirationSeconds: 3600, boundObjectRef: null },
    status: {
      token: expect.stringMatching(/^[\w-]+\.[\w-]+\.[\w-]+$/),
      expirationTimestamp: "2026-01-01T01:00:00Z",
    },
  });
  expect(credentialId).toMatch(/^JTI=[0-9a-f-]{36}$/);
});

test("issueToken: an audience, a time and a Secret", () => {
  const { issue, tokens } = setUp();
  const boundObjectRef = { kind: "Secret", apiVersion: "v1", name: "s" };
  const spec = { audiences: ["vault"], expirationSeconds: 600, boundObjectRef };
  const object = issue({ spec }).object as {
    spec: object;
    status: { token: string; expirationTimestamp: string };
  };
  expect(object.spec).toEqual(spec);
  expect(object.status.expirationTimestamp).toBe("2026-01-01T00:10:00Z");
  expect(tokens.verify(object.status.token, ["vault"])).toMatchObject({ kind: "user" });
});

const invalid = 'TokenRequest.authentication.k8s.io "" is invalid: spec.expirationSeconds: Invalid value: ';
const ref = (boundObjectRef: object) => ({ spec: { boundObjectRef } });

test.each<{ name: string; body: unknown; account?: string; code: number; message: string }>([
  {
    name: "an account that is none",
    body: plain,
    account: "nobody",
    code: 404,
    message: 'serviceaccounts "nobody" not found',
  },
  {
    name: "nine minutes",
    body: { spec: { expirationSeconds: 599 } },
    code: 422,
    message: `${invalid}599: may not specify a duration less than 10 minutes`,
  },
  {
    name: "a negative time",
    body: { spec: { expirationSeconds: -1 } },
    code: 422,
    message: `${invalid}-1: may not`,
  },
  {
    name: "ages",
    body: { spec: { expirationSeconds: 2 ** 32 + 1 } },
    code: 422,
    message: `${invalid}4294967297: may not specify a duration larger than 2^32 seconds`,
  },
  {
    name: "half a second",
    body: { spec: { expirationSeconds: 600.5 } },
    code: 400,
    message: "must be a whole number",
  },
  {
    name: "a time as a text",
    body: { spec: { expirationSeconds: "1h" } },
    code: 400,
    message: "must be a whole number",
  },
  {
    name: "one audience",
    body: { spec: { audiences: "x" } },
    code: 400,
    message: "TokenRequest: spec.audiences must be a list",
  },
  {
    name: "audiences that no token could hold",
    body: { spec: { audiences: Array.from({ length: 90 }, () => "x".repeat(400)) } },
    code: 422,
    message: "spec.audiences: Too long",
  },
  {
    name: "another name",
    body: { metadata: { name: "default" } },
    code: 422,
    message:
      'TokenRequest.authentication.k8s.io "builder" is invalid: metadata.name: Invalid value: "default": must match the service account name if specified',
  },
  {
    name: "another namespace",
    body: { metadata: { namespace: "x" } },
    code: 422,
    message: 'metadata.namespace: Invalid value: "x": must match the service account namespace if specified',
  },
  {
    name: "another uid",
    body: { metadata: { uid: "u" } },
    code: 409,
    message:
      'Operation cannot be fulfilled on TokenRequest.authentication.k8s.io "builder": the UID in the token request (u) does not match the UID of the service account (uid-1)',
  },
  {
    name: "a Secret that is none",
    body: ref({ kind: "Secret", name: "x" }),
    code: 404,
    message: 'secrets "x" not found',
  },
  {
    name: "another Secret",
    body: ref({ kind: "Secret", apiVersion: "v1", name: "s", uid: "u" }),
    code: 409,
    message:
      'Operation cannot be fulfilled on Secret "s": the UID in the bound object reference (u) does not match the UID in record.',
  },
  {
    name: "a Pod",
    body: ref({ kind: "Pod", apiVersion: "v1", name: "p" }),
    code: 404,
    message: 'pods "p" not found',
  },
  {
    name: "a kind that tokens are not bound to",
    body: ref({ kind: "Deployment", apiVersion: "apps/v1", name: "d" }),
    code: 400,
    message: "cannot bind token to object of type apps/v1, Kind=Deployment",
  },
  {
    name: "a binding that is none",
    body: ref({ kind: 1 }),
    code: 400,
    message: "spec.boundObjectRef.kind must be a string",
  },
  { name: "a prototype's name", body: plain, account: "__proto__", code: 404, message: "not found" },
])("issueToken: refuses $name", ({ body, account = "builder", code, message }) => {
  const { issue } = setUp();
  try {
    issue(body, { namespace: "default", name: account });
    expect.unreachable();
  } catch (thrown) {
    expect(thrown).toBeInstanceOf(ApiError);
    expect(thrown).toMatchObject({ httpCode: code, message: expect.stringContaining(message) });
  }
});

test.each([
  { name: "no key", keys: [] },
  { name: "a public key alone", keys: [{ ...key, privateKey: undefined }] },
])("issueToken: with $name there is no such subresource", ({ keys }) => {
  expect(() => setUp(keys).issue(plain)).toThrow("the server could not find the requested resource");
});
