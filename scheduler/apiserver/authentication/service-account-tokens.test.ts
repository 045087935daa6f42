import { createHmac, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { expect, test } from "vitest";
import { fakeServiceAccounts, newServiceAccountKey } from "../testing/service-accounts.ts";
import { parseServiceAccountKeys } from "./service-account-keys.ts";
import { apiAudiences, type TokenClaims } from "./service-account-tokens.ts";

const key = newServiceAccountKey();

function setUp(keys = [key]) {
  const fake = fakeServiceAccounts(keys);
  const issue = (changes: Partial<TokenClaims> = {}) =>
    fake.tokens.sign({
      account: { namespace: "default", name: "builder", uid: "uid-1" },
      audiences: apiAudiences,
      issuedAtMs: fake.clock.now(),
      expirationSeconds: 3600,
      secret: undefined,
      ...changes,
    }).token;
  const verify = (token: string, audiences = apiAudiences) => fake.tokens.verify(token, audiences);
  return { ...fake, issue, verify };
}

const base64 = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
const parse = (part: string | undefined) =>
  JSON.parse(Buffer.from(part ?? "", "base64url").toString("utf8")) as Record<string, unknown>;
const header = { alg: "ES256", kid: key.id };

/** A token with whatever claims, and a good signature. */
function forge(claims: unknown, head: unknown = header, by: KeyObject | undefined = key.privateKey): string {
  const signed = `${base64(head)}.${base64(claims)}`;
  if (!by) throw new Error("no private key");
  const signature = sign("sha256", Buffer.from(signed), { key: by, dsaEncoding: "ieee-p1363" });
  return `${signed}.${signature.toString("base64url")}`;
}

test("ServiceAccountTokens: a token has the claims of Kubernetes' bound tokens", () => {
  const { issue, clock } = setUp();
  const [head, claims, signature] = issue().split(".");
  const now = clock.now() / 1000;
  expect(parse(head)).toEqual(header);
  expect(parse(claims)).toEqual({
    aud: ["https://kubernetes.default.svc"],
    exp: now + 3600,
    iat: now,
    iss: "https://kubernetes.default.svc",
    jti: expect.stringMatching(/^[0-9a-f-]{36}$/),
    "kubernetes.io": { namespace: "default", serviceaccount: { name: "builder", uid: "uid-1" } },
    nbf: now,
    sub: "system:serviceaccount:default:builder",
  });
  expect(Buffer.from(signature ?? "", "base64url")).toHaveLength(64);
});

test("ServiceAccountTokens: a token speaks for its account, the first time and the second", () => {
  const { issue, verify } = setUp();
  const token = issue({ audiences: ["other", ...apiAudiences] });
  const id = String(parse(token.split(".")[1])["jti"]);
  const expected = {
    kind: "user",
    user: {
      name: "system:serviceaccount:default:builder",
      uid: "uid-1",
      groups: ["system:serviceaccounts", "system:serviceaccounts:default", "system:authenticated"],
      extra: { "authentication.kubernetes.io/credential-id": [`JTI=${id}`] },
    },
    audiences: apiAudiences,
  };
  expect(verify(token)).toEqual(expected);
  expect(verify(token)).toEqual(expected);
});

type SetUp = ReturnType<typeof setUp>;

test.each<{ name: string; act: (given: SetUp) => string; reason: string }>([
  {
    name: "another audience",
    act: ({ issue }) => issue({ audiences: ["vault"] }),
    reason:
      'token audiences ["vault"] is invalid for the target audiences ["https://kubernetes.default.svc"]',
  },
  {
    name: "expired",
    act: ({ issue, clock }) => {
      const token = issue();
      clock.advance(3_600_000 + 60_001);
      return token;
    },
    reason: "service account token has expired",
  },
  {
    name: "from the future",
    act: ({ issue, clock }) => issue({ issuedAtMs: clock.now() + 62_000 }),
    reason: "service account token is not valid yet",
  },
  {
    name: "an account that is gone",
    act: ({ issue, objects }) => {
      objects.clear();
      return issue();
    },
    reason: 'serviceaccounts "builder" not found',
  },
  {
    name: "an account of the same name",
    act: ({ issue, add }) => {
      add("serviceaccounts", "builder", "uid-2");
      return issue();
    },
    reason: "service account UID (uid-2) does not match claim (uid-1)",
  },
  {
    name: "an account that is being deleted",
    act: ({ issue, add }) => {
      add("serviceaccounts", "builder", "uid-1", { deletionTimestamp: "2025-12-31T23:58:00Z" });
      return issue();
    },
    reason: "service account default/builder has been deleted",
  },
  {
    name: "bound to a Secret that is gone",
    act: ({ issue }) => issue({ secret: { name: "s", uid: "s-1" } }),
    reason: "service account token has been invalidated",
  },
  {
    name: "bound to a Secret that is another by now",
    act: ({ issue, add }) => {
      add("secrets", "s", "s-2");
      return issue({ secret: { name: "s", uid: "s-1" } });
    },
    reason: "secret UID (s-2) does not match service account secret ref claim (s-1)",
  },
])("ServiceAccountTokens: refuses $name", ({ act, reason }) => {
  const given = setUp();
  expect(given.verify(act(given))).toEqual({ kind: "refused", reason });
});

test("ServiceAccountTokens: a token that was good is refused as soon as its account is gone", () => {
  const { issue, verify, objects } = setUp();
  const token = issue();
  expect(verify(token).kind).toBe("user");
  objects.clear();
  expect(verify(token).kind).toBe("refused");
});

test("ServiceAccountTokens: a Secret's token is good while the Secret is there", () => {
  const { issue, verify, add } = setUp();
  add("secrets", "s", "s-1");
  expect(verify(issue({ secret: { name: "s", uid: "s-1" } })).kind).toBe("user");
});

test("ServiceAccountTokens: a token for somebody else is good for them", () => {
  const { issue, verify } = setUp();
  expect(verify(issue({ audiences: ["vault", "x"] }), ["vault"])).toMatchObject({ audiences: ["vault"] });
});

test("ServiceAccountTokens: after a rotation the old key verifies, and once it is gone no more", () => {
  const old = setUp();
  const next = newServiceAccountKey();
  const token = old.issue();
  const both = setUp([next, { ...key, privateKey: undefined }]);
  expect(both.verify(token).kind).toBe("user");
  expect(parse(both.issue().split(".")[0])).toMatchObject({ kid: next.id });
  expect(setUp([next]).verify(token)).toEqual({
    kind: "refused",
    reason: "invalid signature, no keys found",
  });
});

const publicPem = key.publicKey.export({ type: "spki", format: "pem" });

function hmac(head: object, token: string, secret: string | Buffer): string {
  const signed = `${base64(head)}.${token.split(".")[1]}`;
  return `${signed}.${createHmac("sha256", secret).update(signed).digest("base64url")}`;
}

test.each<{ name: string; forged: (good: string) => string; kind: string }>([
  { name: "no algorithm", forged: (t) => `${base64({ alg: "none" })}.${t.split(".")[1]}.`, kind: "refused" },
  {
    name: "no algorithm, with the signature",
    forged: (t) => `${base64({ alg: "none", kid: key.id })}.${t.split(".").slice(1).join(".")}`,
    kind: "refused",
  },
  {
    name: "HS256 under the public key",
    forged: (t) => hmac({ alg: "HS256" }, t, publicPem),
    kind: "refused",
  },
  {
    name: "ES256 by its name, an HMAC by its signature",
    forged: (t) => hmac(header, t, publicPem),
    kind: "refused",
  },
  {
    name: "the algorithm in another case",
    forged: (t) => forge(parse(t.split(".")[1]), { ...header, alg: "es256" }),
    kind: "refused",
  },
  {
    name: "critical extensions",
    forged: (t) => forge(parse(t.split(".")[1]), { ...header, crit: [] }),
    kind: "refused",
  },
  {
    name: "a key of its own",
    forged: (t) => {
      const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
      return forge(parse(t.split(".")[1]), header, privateKey);
    },
    kind: "refused",
  },
  {
    name: "a key in the header",
    forged: (t) => {
      const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
      const head = { alg: "ES256", jwk: publicKey.export({ format: "jwk" }) };
      return forge(parse(t.split(".")[1]), head, privateKey);
    },
    kind: "refused",
  },
  {
    name: "an unknown key id",
    forged: (t) => forge(parse(t.split(".")[1]), { ...header, kid: "x" }),
    kind: "refused",
  },
  {
    name: "a key id that is none",
    forged: (t) => forge(parse(t.split(".")[1]), { ...header, kid: { a: 1 } }),
    kind: "refused",
  },
  {
    name: "changed claims",
    forged: (t) => {
      const [head, claims, signature] = t.split(".");
      return `${head}.${base64({ ...parse(claims), exp: 9e9 })}.${signature}`;
    },
    kind: "refused",
  },
  { name: "an empty signature", forged: (t) => t.slice(0, t.lastIndexOf(".") + 1), kind: "refused" },
  {
    name: "a signature of zeros",
    forged: (t) => t.slice(0, t.lastIndexOf(".") + 1) + "A".repeat(86),
    kind: "refused",
  },
  { name: "a longer signature", forged: (t) => `${t}AAAA`, kind: "refused" },
  { name: "claims that are no object", forged: () => forge(["x"]), kind: "refused" },
  { name: "a header that is no object", forged: () => forge({}, "x"), kind: "foreign" },
  { name: "two parts", forged: (t) => t.slice(0, t.lastIndexOf(".")), kind: "foreign" },
  { name: "four parts", forged: (t) => `${t}.x`, kind: "foreign" },
  { name: "blanks", forged: (t) => t.replace(".", " ."), kind: "foreign" },
  { name: "one that is huge", forged: () => forge({ x: "y".repeat(20_000) }), kind: "foreign" },
  {
    name: "many brackets",
    forged: () => `${Buffer.from("[".repeat(9_000)).toString("base64url")}.x.x`,
    kind: "foreign",
  },
])("ServiceAccountTokens: refuses $name", ({ forged, kind }) => {
  const { issue, verify } = setUp();
  expect(verify(forged(issue())).kind).toBe(kind);
});

const account = { namespace: "default", serviceaccount: { name: "builder", uid: "uid-1" } };
const now = Date.UTC(2026, 0, 1) / 1000;
const claims = { iss: apiAudiences[0], aud: apiAudiences, exp: now + 60, "kubernetes.io": account };

test.each<{ name: string; claims: object; kind: string }>([
  { name: "the least", claims, kind: "user" },
  { name: "one audience, as a text", claims: { ...claims, aud: apiAudiences[0] }, kind: "user" },
  { name: "another issuer", claims: { ...claims, iss: "x" }, kind: "foreign" },
  { name: "no issuer", claims: { ...claims, iss: undefined }, kind: "foreign" },
  { name: "no audience", claims: { ...claims, aud: [] }, kind: "refused" },
  { name: "an audience that is none", claims: { ...claims, aud: { 0: apiAudiences[0] } }, kind: "refused" },
  { name: "no end", claims: { ...claims, exp: undefined }, kind: "refused" },
  { name: "an end as a text", claims: { ...claims, exp: "9999999999" }, kind: "refused" },
  { name: "a start as a text", claims: { ...claims, nbf: "0" }, kind: "refused" },
  { name: "no account", claims: { ...claims, "kubernetes.io": undefined }, kind: "refused" },
  {
    name: "a name that is none",
    claims: { ...claims, "kubernetes.io": { ...account, namespace: 1 } },
    kind: "refused",
  },
  {
    name: "a prototype's name",
    claims: {
      ...claims,
      "kubernetes.io": { namespace: "__proto__", serviceaccount: { name: "constructor", uid: "x" } },
    },
    kind: "refused",
  },
  {
    name: "an empty uid",
    claims: { ...claims, "kubernetes.io": { ...account, serviceaccount: { name: "builder", uid: "" } } },
    kind: "refused",
  },
  {
    name: "bound to a Pod",
    claims: { ...claims, "kubernetes.io": { ...account, pod: { name: "p", uid: "x" } } },
    kind: "refused",
  },
])("ServiceAccountTokens: signed claims with $name are $kind", ({ claims: given, kind }) => {
  expect(setUp().verify(forge(given)).kind).toBe(kind);
});

test("ServiceAccountTokens: without keys nothing is verified", () => {
  const { issue } = setUp();
  const none = setUp([]);
  expect(none.verify(issue()).kind).toBe("refused");
  expect(none.tokens.canSign).toBe(false);
});

const ecPem = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
const pkcs8 = ecPem.export({ type: "pkcs8", format: "pem" });
const sec1 = ecPem.export({ type: "sec1", format: "pem" });
const parameters = "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n";

test.each([
  { name: "PKCS #8", pem: pkcs8, canSign: [true] },
  { name: "what OpenSSL writes", pem: parameters + sec1, canSign: [true] },
  { name: "several, with words between", pem: `new\n${pkcs8}old\n${publicPem}`, canSign: [true, false] },
])("parseServiceAccountKeys: $name", ({ pem, canSign }) => {
  const keys = parseServiceAccountKeys(pem);
  expect(keys.map(({ privateKey }) => privateKey !== undefined)).toEqual(canSign);
  expect(keys.every(({ id }) => /^[\w-]{43}$/.test(id))).toBe(true);
});

const other = (curve: string) =>
  generateKeyPairSync("ec", { namedCurve: curve }).privateKey.export({ type: "pkcs8", format: "pem" });

test.each([
  { name: "nothing", pem: "hello", message: "no PEM block with a key in it" },
  {
    name: "another curve",
    pem: other("P-384"),
    message: "expected an elliptic curve key on P-256, not secp384r1",
  },
  {
    name: "another kind of key",
    pem: generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" }),
    message: "expected an elliptic curve key on P-256, not ed25519",
  },
  {
    name: "a certificate",
    pem: "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----",
    message: "expected a private or public key, not CERTIFICATE",
  },
  {
    name: "rubbish",
    pem: "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----",
    message: "the key cannot be read: ",
  },
])("parseServiceAccountKeys: refuses $name", ({ pem, message }) => {
  expect(() => parseServiceAccountKeys(pem)).toThrow(message);
});
