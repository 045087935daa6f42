import { once } from "node:events";
import { createServer, request, type RequestOptions } from "node:https";
import type { AddressInfo } from "node:net";
import { connect, type PeerCertificate, type TLSSocket } from "node:tls";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type LeafOptions, TestAuthority } from "../testing/certificate.ts";
import { certificateUser, ClientCertificates, clientCertificateTls } from "./client-certificate.ts";

const hourMs = 3_600_000;
const certificates = new ClientCertificates();
let nowMs = Date.now();
let authority: TestAuthority;
let stranger: TestAuthority;
let server: ReturnType<typeof createServer>;
let port: number;

beforeAll(async () => {
  [authority, stranger] = await Promise.all([
    TestAuthority.create("cluster"),
    TestAuthority.create("stranger"),
  ]);
  const { key, cert } = authority;
  server = createServer({ key, cert, ...clientCertificateTls(cert) }, (incoming, response) => {
    const socket = incoming.socket as TLSSocket; // An HTTPS server has no others.
    const outcome = certificates.authenticate(socket, nowMs);
    const { authorized } = socket;
    response.end(JSON.stringify({ authorized, reused: socket.isSessionReused(), ...outcome }));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  port = (server.address() as AddressInfo).port; // A TCP server has no other kind.
});

afterAll(() => {
  server.closeAllConnections();
  server.close();
});

async function ask(options: RequestOptions): Promise<Record<string, unknown>> {
  const { promise, resolve, reject } = Promise.withResolvers<Record<string, unknown>>();
  const sent = request(
    { host: "127.0.0.1", port, ca: authority.cert, agent: false, ...options },
    (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
      response.on("end", () => resolve(JSON.parse(text) as Record<string, unknown>));
    },
  );
  sent.on("error", reject);
  sent.end();
  return promise;
}

const leaf = (options: LeafOptions, of = authority) => of.leaf(options);
const admin = [{ CN: ["alice"] }, { O: ["system:masters"] }];

test.each<{ name: string; tls: () => Promise<RequestOptions>; expected: object }>([
  { name: "without one", tls: async () => ({}), expected: { kind: "none" } },
  {
    name: "several organizations, and signs that text forms escape",
    tls: () =>
      leaf({ subject: [{ CN: ["Ünal, O=system:masters\nO=x+/y"] }, { O: ["a=b, c"] }, { O: ["d+e"] }] }),
    expected: {
      kind: "user",
      user: {
        name: "Ünal, O=system:masters\nO=x+/y",
        uid: "",
        groups: ["a=b, c", "d+e", "system:authenticated"],
        extra: {
          "authentication.kubernetes.io/credential-id": [expect.stringMatching(/^X509SHA256=[0-9a-f]{64}$/)],
        },
      },
    },
  },
  {
    name: "a node daemon's",
    tls: () => leaf({ subject: [{ CN: ["system:node:n1"] }, { O: ["system:nodes"] }] }),
    expected: {
      kind: "user",
      user: { name: "system:node:n1", groups: ["system:nodes", "system:authenticated"] },
    },
  },
  {
    name: "no usage is every usage",
    tls: () => leaf({ subject: [{ CN: ["bob"] }], usage: "none" }),
    expected: { kind: "user", user: { name: "bob", groups: ["system:authenticated"] } },
  },
  {
    name: "nobody's name",
    tls: () => leaf({ subject: [{ O: ["x"] }] }),
    expected: { kind: "none", authorized: true },
  },
  {
    name: "of a server, as the scheduler's own",
    tls: () => leaf({ subject: admin, usage: "server" }),
    expected: { kind: "refused", reason: "the client certificate is not trusted: INVALID_PURPOSE" },
  },
  {
    name: "of another authority",
    tls: () => leaf({ subject: admin }, stranger),
    expected: { kind: "refused", reason: expect.stringContaining("not trusted: UNABLE_TO_") },
  },
  {
    name: "expired",
    tls: () => leaf({ subject: admin, notAfter: new Date(Date.now() - 1000) }),
    expected: { kind: "refused", reason: "the client certificate is not trusted: CERT_HAS_EXPIRED" },
  },
  {
    name: "not valid yet",
    tls: () => leaf({ subject: admin, notBefore: new Date(Date.now() + 60_000) }),
    expected: { kind: "refused", reason: "the client certificate is not trusted: CERT_NOT_YET_VALID" },
  },
  {
    name: "the stranger's authority itself",
    tls: async () => ({ key: stranger.key, cert: stranger.cert }),
    expected: { kind: "refused" },
  },
])("ClientCertificates: $name", async ({ tls, expected }) => {
  expect(await ask(await tls())).toMatchObject(expected);
});

/** Connects, waits for a ticket, connects again with it, and gives what the server says then. */
async function resumed(
  tls: { readonly key?: string; readonly cert?: string },
  maxVersion: "TLSv1.2" | "TLSv1.3",
): Promise<Record<string, unknown>> {
  const options = { host: "127.0.0.1", port, ca: authority.cert, maxVersion, ...tls };
  const first = connect(options);
  const session = Promise.withResolvers<Buffer>();
  first.on("session", session.resolve);
  first.on("error", session.reject);
  first.write("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  first.resume();
  const ticket = await session.promise;
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  // No certificate is offered the second time: it would not be asked for.
  const second = connect({ ...options, session: ticket });
  let text = "";
  second.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
  second.on("end", () => resolve(text));
  second.on("error", reject);
  second.write("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  const body = (await promise).split("\r\n").find((line) => line.startsWith("{"));
  return JSON.parse(body ?? "{}") as Record<string, unknown>;
}

test.each(["TLSv1.2", "TLSv1.3"] as const)(
  "ClientCertificates: a resumed %s session keeps its certificate",
  async (version) => {
    const tls = await leaf({ subject: admin });
    const expected = { reused: true, authorized: true, kind: "user", user: { name: "alice" } };
    expect(await resumed(tls, version)).toMatchObject(expected);
  },
);

test.each(["TLSv1.2", "TLSv1.3"] as const)(
  "ClientCertificates: a resumed %s session without a certificate is nobody's",
  async (version) => {
    expect(await resumed({}, version)).toMatchObject({ reused: true, kind: "none" });
  },
);

test.each(["TLSv1.2", "TLSv1.3"] as const)(
  "ClientCertificates: a resumed %s session of a stranger stays refused",
  async (version) => {
    const tls = await leaf({ subject: admin }, stranger);
    expect(await resumed(tls, version)).toMatchObject({ reused: true, kind: "refused" });
  },
);

test("ClientCertificates: a connection does not outlive its certificate", async () => {
  const tls = await leaf({ subject: admin });
  nowMs = Date.now() + 2 * hourMs;
  expect(await ask(tls)).toMatchObject({ kind: "refused", reason: "the client certificate has expired" });
  nowMs = Date.now() - 2 * hourMs;
  expect(await ask(tls)).toMatchObject({
    kind: "refused",
    reason: "the client certificate is not valid yet",
  });
  nowMs = Date.now();
});

const peer = (subject: object, usages?: readonly string[]) =>
  ({
    subject,
    ext_key_usage: usages,
    fingerprint256: "AB:CD",
    valid_from: "Jan  1 00:00:00 2026 GMT",
    valid_to: "Jan  1 00:00:00 2027 GMT",
  }) as unknown as PeerCertificate; // As Node makes them, of which its types know less.

const uid = "1.3.6.1.4.1.57683.2";

test.each([
  { name: "the last of two names", subject: { CN: ["a", "b"] }, expected: { user: { name: "b" } } },
  { name: "a uid", subject: { CN: "a", [uid]: "u-1" }, expected: { user: { uid: "u-1" } } },
  { name: "two uids", subject: { CN: "a", [uid]: ["u", "v"] }, expected: { kind: "refused" } },
  { name: "an empty uid", subject: { CN: "a", [uid]: "" }, expected: { kind: "refused" } },
  { name: "an empty name", subject: { CN: "" }, expected: { kind: "none" } },
  {
    name: "a group that says it for everybody",
    subject: { CN: "a", O: ["system:unauthenticated"] },
    expected: { user: { groups: ["system:unauthenticated"] } },
  },
  {
    name: "any usage",
    subject: { CN: "a" },
    usages: ["2.5.29.37.0"],
    expected: { kind: "user", notBeforeMs: Date.UTC(2026, 0, 1), notAfterMs: Date.UTC(2027, 0, 1) },
  },
  { name: "for mail", subject: { CN: "a" }, usages: ["1.3.6.1.5.5.7.3.4"], expected: { kind: "refused" } },
])("certificateUser: $name", ({ subject, usages, expected }) => {
  expect(certificateUser(peer(subject, usages))).toMatchObject(expected);
});
