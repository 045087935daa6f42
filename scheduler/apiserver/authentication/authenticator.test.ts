import { expect, test } from "vitest";
import { fakeServiceAccounts } from "../testing/service-accounts.ts";
import { Authenticator } from "./authenticator.ts";
import type { PeerSocket } from "./client-certificate.ts";
import { apiAudiences } from "./service-account-tokens.ts";

const { tokens, clock } = fakeServiceAccounts();
const authenticator = new Authenticator(
  [
    { token: "secret-token", user: "admin", uid: "", groups: ["system:masters"] },
    { token: "t2", user: "bob", uid: "u2", groups: [] },
  ],
  tokens,
  clock,
);
const { token: accountToken } = tokens.sign({
  account: { namespace: "default", name: "builder", uid: "uid-1" },
  audiences: apiAudiences,
  issuedAtMs: clock.now(),
  expirationSeconds: 600,
  secret: undefined,
});
const { token: vaultToken } = tokens.sign({
  account: { namespace: "default", name: "builder", uid: "uid-1" },
  audiences: ["vault"],
  issuedAtMs: clock.now(),
  expirationSeconds: 600,
  secret: undefined,
});

/** A connection as Node has it: its types ask for more than is looked at. */
function socket(certificate?: "trusted" | "stranger"): PeerSocket {
  const peer = certificate && {
    subject: { CN: "carol" },
    fingerprint256: "AB",
    valid_from: "Jan  1 00:00:00 2020 GMT",
    valid_to: "Jan  1 00:00:00 2030 GMT",
  };
  const isTrusted = certificate === "trusted";
  return {
    authorized: isTrusted,
    authorizationError: isTrusted ? null : "SELF_SIGNED_CERT_IN_CHAIN",
    getPeerCertificate: () => peer ?? {},
  } as unknown as PeerSocket;
}

const refused = { kind: "refused" };
const malformed = { kind: "refused", reason: "the Authorization header has no bearer token" };
const unknown = { kind: "refused", reason: "invalid bearer token" };
const untrusted = {
  kind: "refused",
  reason: "the client certificate is not trusted: SELF_SIGNED_CERT_IN_CHAIN",
};
const user = (name: string) => ({ kind: "user", user: { name } });

test.each<{ name: string; header?: string; certificate?: "trusted" | "stranger"; expected: object }>([
  { name: "nothing", expected: { kind: "anonymous" } },
  {
    name: "a token",
    header: "Bearer secret-token",
    expected: {
      kind: "user",
      user: { name: "admin", uid: "", groups: ["system:masters", "system:authenticated"], extra: {} },
    },
  },
  { name: "another token", header: "bearer   t2 ", expected: user("bob") },
  {
    name: "an account's token",
    header: `Bearer ${accountToken}`,
    expected: user("system:serviceaccount:default:builder"),
  },
  { name: "an account's token for others", header: `Bearer ${vaultToken}`, expected: refused },
  { name: "an unknown token", header: "Bearer x", expected: unknown },
  { name: "the beginning of a token", header: "Bearer secret-toke", expected: unknown },
  { name: "a prototype's name", header: "Bearer __proto__", expected: unknown },
  { name: "a huge token", header: `Bearer ${"x".repeat(60_000)}`, expected: unknown },
  { name: "no token after all", header: "Bearer ", expected: malformed },
  { name: "an empty header", header: "", expected: malformed },
  { name: "a password", header: "Basic YWRtaW46eA==", expected: malformed },
  { name: "two tokens", header: "Bearer secret-token secret-token", expected: malformed },
  { name: "a list of tokens", header: "Bearer x, Bearer secret-token", expected: malformed },
  { name: "signs that are none of a token", header: "Bearer secret-token\u00e9", expected: malformed },
  { name: "a certificate", certificate: "trusted", expected: user("carol") },
  {
    name: "a certificate before a token",
    certificate: "trusted",
    header: "Bearer secret-token",
    expected: user("carol"),
  },
  {
    name: "a certificate before a bad token",
    certificate: "trusted",
    header: "Bearer x",
    expected: user("carol"),
  },
  { name: "a stranger's certificate", certificate: "stranger", expected: untrusted },
  {
    name: "a stranger's certificate with a token",
    certificate: "stranger",
    header: "Bearer t2",
    expected: user("bob"),
  },
  {
    name: "a stranger's certificate with a bad token",
    certificate: "stranger",
    header: "Bearer x",
    expected: { kind: "refused", reason: `${untrusted.reason}; invalid bearer token` },
  },
])("Authenticator: $name", ({ header, certificate, expected }) => {
  expect(authenticator.authenticate({ authorization: header, socket: socket(certificate) })).toMatchObject(
    expected,
  );
});

test("Authenticator: a token from a file is for the API, and for nobody else", () => {
  expect(authenticator.verifyToken("t2", ["x", ...apiAudiences])).toMatchObject({ audiences: apiAudiences });
  expect(authenticator.verifyToken("t2", ["x"])).toEqual({ kind: "foreign" });
});
