/** What Kubernetes' suite asks of ServiceAccounts, their tokens, reviews and roles. */
import { createPublicKey, verify } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { TestServer } from "../../scheduler/apiserver/testing/test-server.ts";
import { until } from "../../scheduler/apiserver/testing/until.ts";
import { expectCode, inNamespace } from "../support/api-session.ts";

const accounts = inNamespace("default", "serviceaccounts");
const rbac = "/apis/rbac.authorization.k8s.io/v1";

let server: TestServer;
beforeAll(async () => {
  server = await TestServer.start();
});
afterAll(() => server[Symbol.asyncDispose]());

async function account(name: string): Promise<void> {
  expectCode(201, await server.call("POST", accounts, { body: { metadata: { name } } }));
}

async function tokenOf(name: string, spec: object = {}): Promise<string> {
  const body = { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", spec };
  const answer = expectCode(201, await server.call("POST", `${accounts}/${name}/token`, { body }));
  return String(answer.body.status.token);
}

const review = (path: string, body: object, token?: string) =>
  server.call("POST", path, { body, ...(token === undefined ? {} : { token }) });

interface Key {
  readonly kid: string;
  readonly kty: string;
  readonly crv: string;
  readonly x: string;
  readonly y: string;
}

test("issuer discovery: anybody with a ServiceAccount finds the keys, and verifies a token by them", async () => {
  await account("verifier");
  const token = await tokenOf("verifier", { audiences: ["oidc-discovery-test"] });
  const own = await tokenOf("verifier");
  const configuration = expectCode(
    200,
    await server.call("GET", "/.well-known/openid-configuration", { token: own }),
  );
  expect(configuration.body).toMatchObject({
    issuer: "https://kubernetes.default.svc",
    response_types_supported: ["id_token"],
    subject_types_supported: ["public"],
    id_token_signing_alg_values_supported: ["ES256"],
  });
  const { pathname } = new URL(configuration.body.jwks_uri);
  const keys = expectCode(200, await server.call("GET", pathname, { token: own }));
  expect(keys.headers["content-type"]).toBe("application/jwk-set+json");
  const [head = "", claims = "", signature = ""] = token.split(".");
  const { kid, alg } = JSON.parse(Buffer.from(head, "base64url").toString()) as Record<string, string>;
  const key = (keys.body.keys as readonly Key[]).find((one) => one.kid === kid);
  expect([alg, key?.kty]).toEqual(["ES256", "EC"]);
  const { kty = "", crv = "", x = "", y = "" } = key ?? {};
  const publicKey = createPublicKey({ key: { kty, crv, x, y }, format: "jwk" });
  const isGood = verify(
    "sha256",
    Buffer.from(`${head}.${claims}`),
    { key: publicKey, dsaEncoding: "ieee-p1363" },
    Buffer.from(signature, "base64url"),
  );
  expect(isGood).toBe(true);
  expect(JSON.parse(Buffer.from(claims, "base64url").toString())).toMatchObject({
    iss: configuration.body.issuer,
    sub: "system:serviceaccount:default:verifier",
    aud: ["oidc-discovery-test"],
  });
  expect((await server.call("GET", pathname, { token: undefined })).code).toBe(401);
});

test("tokens: good until their account goes, and for their audience only", async () => {
  await account("short-lived");
  const token = await tokenOf("short-lived", { expirationSeconds: 600 });
  const elsewhere = await tokenOf("short-lived", { audiences: ["elsewhere"] });
  const whoami = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
  const { body } = expectCode(201, await review(whoami, {}, token));
  expect(body.status.userInfo).toMatchObject({
    username: "system:serviceaccount:default:short-lived",
    groups: ["system:serviceaccounts", "system:serviceaccounts:default", "system:authenticated"],
  });
  expect((await review(whoami, {}, elsewhere)).body).toMatchObject({ code: 401, reason: "Unauthorized" });
  const reviewed = (spec: object) => review("/apis/authentication.k8s.io/v1/tokenreviews", { spec });
  expect((await reviewed({ token })).body.status).toMatchObject({ authenticated: true });
  expect((await reviewed({ token: elsewhere, audiences: ["elsewhere"] })).body.status).toMatchObject({
    authenticated: true,
    audiences: ["elsewhere"],
  });
  expect((await reviewed({ token: elsewhere })).body.status.authenticated ?? false).toBe(false);
  await server.call("DELETE", `${accounts}/short-lived`);
  await until(async () => (await review(whoami, {}, token)).code === 401);
});

test.each([
  {
    name: "too short a life",
    spec: { expirationSeconds: 10 },
    code: 422,
    message: "may not specify a duration less than 10 minutes",
  },
  {
    name: "a bound object of an unknown kind",
    spec: { boundObjectRef: { apiVersion: "v1", kind: "ConfigMap", name: "n" } },
    code: 400,
    message: "ConfigMap",
  },
])("tokens: refuses $name", async ({ spec, code, message }) => {
  const body = { spec };
  const answer = await server.call("POST", `${accounts}/default/token`, { body });
  expect([answer.code, answer.body.message]).toEqual([code, expect.stringContaining(message)]);
});

test("subject reviews: what one may, what another may, in one namespace, and by impersonation", async () => {
  await account("reviewer");
  const user = "system:serviceaccount:default:reviewer";
  const role = {
    metadata: { name: "reader" },
    rules: [{ apiGroups: [""], resources: ["configmaps"], verbs: ["get"] }],
  };
  expectCode(201, await server.call("POST", inNamespace("default", "roles", rbac), { body: role }));
  const binding = {
    metadata: { name: "reader" },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "reader" },
    subjects: [{ kind: "ServiceAccount", name: "reviewer", namespace: "default" }],
  };
  expectCode(201, await server.call("POST", inNamespace("default", "rolebindings", rbac), { body: binding }));
  const root = "/apis/authorization.k8s.io/v1";
  const asked = (verb: string) => ({
    resourceAttributes: { verb, resource: "configmaps", namespace: "default" },
  });
  for (const [verb, allowed] of [
    ["get", true],
    ["delete", false],
  ] as const) {
    const general = expectCode(
      201,
      await review(`${root}/subjectaccessreviews`, { spec: { ...asked(verb), user } }),
    );
    expect(general.body.status.allowed).toBe(allowed);
    const local = await review(inNamespace("default", "localsubjectaccessreviews", root), {
      metadata: { namespace: "default" },
      spec: { ...asked(verb), user },
    });
    expect(expectCode(201, local).body.status.allowed).toBe(allowed);
    const own = await server.call("POST", `${root}/selfsubjectaccessreviews`, {
      body: { spec: asked(verb) },
      headers: { "impersonate-user": user },
    });
    expect(expectCode(201, own).body.status.allowed).toBe(allowed);
  }
  const rules = await server.call("POST", `${root}/selfsubjectrulesreviews`, {
    body: { spec: { namespace: "default" } },
    headers: { "impersonate-user": user },
  });
  expect(expectCode(201, rules).body.status).toMatchObject({
    incomplete: false,
    resourceRules: expect.arrayContaining([
      expect.objectContaining({ verbs: ["get"], resources: ["configmaps"] }),
    ]),
  });
  const elsewhere = await review(inNamespace("default", "localsubjectaccessreviews", root), {
    spec: { resourceAttributes: { verb: "get", resource: "x", namespace: "other" }, user },
  });
  expect(elsewhere.code).toBe(422);
});

test("roles: nobody gives what they do not have, nor binds it, nor changes what a binding is of", async () => {
  await account("climber");
  const token = await tokenOf("climber");
  const may = {
    metadata: { name: "climber" },
    rules: [
      {
        apiGroups: ["rbac.authorization.k8s.io"],
        resources: ["roles", "rolebindings"],
        verbs: ["get", "create", "update", "patch"],
      },
    ],
  };
  expectCode(201, await server.call("POST", inNamespace("default", "roles", rbac), { body: may }));
  const subjects = [{ kind: "ServiceAccount", name: "climber", namespace: "default" }];
  const roleRef = { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "climber" };
  const bindings = inNamespace("default", "rolebindings", rbac);
  expectCode(
    201,
    await server.call("POST", bindings, { body: { metadata: { name: "climber" }, roleRef, subjects } }),
  );
  const more = {
    metadata: { name: "more" },
    rules: [{ apiGroups: [""], resources: ["secrets"], verbs: ["get"] }],
  };
  const escalated = await server.call("POST", inNamespace("default", "roles", rbac), { body: more, token });
  expect(escalated.body).toMatchObject({ code: 403, reason: "Forbidden" });
  expect(escalated.body.message).toContain("is attempting to grant RBAC permissions not currently held");
  const admin = {
    metadata: { name: "admin" },
    roleRef: { ...roleRef, kind: "ClusterRole", name: "cluster-admin" },
    subjects,
  };
  expect((await server.call("POST", bindings, { body: admin, token })).code).toBe(403);
  const changed = await server.call("PATCH", `${bindings}/climber`, {
    body: { roleRef: { ...roleRef, name: "other" } },
  });
  expect(changed.code).toBe(422);
  expect(changed.body.message).toContain("cannot change roleRef");
});
