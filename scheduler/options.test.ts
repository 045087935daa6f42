import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { parsePrintPlacement, parseSchedulerOptions } from "./options.ts";

const folder = mkdtempSync(join(tmpdir(), "wherry-options-"));
afterAll(() => rmSync(folder, { recursive: true }));

function write(name: string, text: string): string {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
}

const pem = write("any.pem", "secret\n");
const tokenFile = write("tokens.csv", 'abc,alice,u1,"dev,ops"\n');
const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
const privateFile = write("sa.key", privateKey.export({ type: "pkcs8", format: "pem" }));
const publicFile = write("sa.pub", publicKey.export({ type: "spki", format: "pem" }));
const keys = join(folder, "encryption.keys");
const openKeys = join(folder, "open.keys");
for (const [path, mode] of [
  [keys, 0o600],
  [openKeys, 0o644],
] as const) {
  writeFileSync(path, `k1:${Buffer.alloc(32, 1).toString("base64")}\n`, { mode });
}
const complete = [
  "--store",
  "sqlite:/tmp/x.db",
  "--ca",
  pem,
  "--cert",
  pem,
  "--key",
  pem,
  "--token-file",
  pem,
];

test("parseSchedulerOptions: defaults", () => {
  expect(parseSchedulerOptions(complete)).toMatchObject({
    storeFile: "/tmp/x.db",
    listen: { host: "127.0.0.1", port: 7443 },
    nodesListen: { host: "127.0.0.1", port: 7444 },
    tokens: [{ token: "secret", user: "admin", uid: "", groups: ["system:masters"] }],
    serviceAccountKeys: [],
    audit: undefined,
    lostAfterMs: 15_000,
    wideHostNamespaces: [],
  });
});

test("parseSchedulerOptions: the servers of metrics, in whatever number", () => {
  const flag = "--allow-metrics-server";
  expect(parseSchedulerOptions(complete).metricServers).toEqual([]);
  const { metricServers } = parseSchedulerOptions([...complete, flag, "*", flag, "redis://10.0.0.5"]);
  expect(metricServers).toEqual([
    { scheme: undefined, host: { kind: "any" }, port: undefined },
    { scheme: "redis", host: { kind: "exact", host: "10.0.0.5" }, port: 6379 },
  ]);
});

test("parseSchedulerOptions: IPv6 address and duration", () => {
  const options = parseSchedulerOptions([...complete, "--listen", "[::1]:0", "--lost-after", "2m"]);
  expect(options.listen).toEqual({ host: "::1", port: 0 });
  expect(options.lostAfterMs).toBe(120_000);
});

test("parseSchedulerOptions: namespaces", () => {
  const of = (text: string) =>
    parseSchedulerOptions([...complete, "--wide-host-namespaces", text]).wideHostNamespaces;
  expect([of("default,shop"), of("*")]).toEqual([["default", "shop"], ["*"]]);
});

test("parseSchedulerOptions: tokens, keys and the audit log", () => {
  const options = parseSchedulerOptions([
    ...complete,
    `--token-auth-file=${tokenFile}`,
    `--service-account-key-file=${privateFile}`,
    `--service-account-key-file=${publicFile}`,
    "--audit-log=/tmp/audit.log",
    "--audit-log-maxsize=5",
  ]);
  expect(options.tokens.at(1)).toEqual({ token: "abc", user: "alice", uid: "u1", groups: ["dev", "ops"] });
  expect(options.serviceAccountKeys.map((key) => key.privateKey !== undefined)).toEqual([true, false]);
  expect(options.audit).toEqual({ file: "/tmp/audit.log", fileBytesMax: 5 * 2 ** 20, backupsMax: 10 });
});

const goodPlacement = write(
  "placement.yaml",
  "apiVersion: config.wherry.dev/v1alpha1\nkind: PlacementConfiguration\nprofiles: [{name: batch}]\n",
);
const badPlacement = write(
  "bad-placement.yaml",
  "apiVersion: config.wherry.dev/v1alpha1\nkind: PlacementConfiguration\nbackoff: {initial: 1h}\n",
);

test("parseSchedulerOptions: the placement configuration, and the one without a file", () => {
  const namesOf = (...args: readonly string[]) =>
    parseSchedulerOptions([...complete, ...args]).placement.profiles.map(({ name }) => name);
  expect(namesOf()).toEqual(["default", "pack"]);
  expect(namesOf("--placement-config", goodPlacement)).toEqual(["batch"]);
});

test("parsePrintPlacement: beside all other flags or none, and only where it is asked for", () => {
  expect(parsePrintPlacement(complete)).toBeUndefined();
  expect(parsePrintPlacement(["--print-placement-config"])?.profiles.length).toBe(2);
  const args = [...complete, "--placement-config", goodPlacement, "--print-placement-config"];
  expect(parsePrintPlacement(args)?.profiles.map(({ name }) => name)).toEqual(["batch"]);
});

const badTokens = write("bad.csv", "abc,alice,u1\nxyz,bob\n");
const sameToken = write("same.csv", "secret,alice,u1\n");
const blankToken = write("blank", "two words\n");

test.each([
  { name: "none", args: [], expected: { kind: "none" } },
  {
    name: "a file",
    args: ["--encryption-key-file", keys],
    expected: { kind: "keys", file: expect.any(String), keys: [{ name: "k1", bytes: Buffer.alloc(32, 1) }] },
  },
  {
    name: "a file that is gone",
    args: ["--encryption-key-file", join(folder, "gone")],
    expected: { kind: "missing", reason: expect.stringContaining("gone cannot be read (ENOENT") },
  },
])("parseSchedulerOptions: encryption keys from $name", ({ args, expected }) => {
  expect(parseSchedulerOptions([...complete, ...args]).encryption).toEqual(expected);
});

test.each([
  { name: "missing store", args: complete.slice(2), message: "--store is required" },
  { name: "unknown store", args: [...complete, "--store", "etcd:x"], message: "expected sqlite:FILE" },
  {
    name: "bad port",
    args: [...complete, "--listen", "localhost:99999"],
    message: "--listen localhost:99999",
  },
  { name: "no port", args: [...complete, "--nodes-listen", "localhost"], message: "expected HOST:PORT" },
  { name: "bad duration", args: [...complete, "--lost-after", "soon"], message: "--lost-after soon" },
  {
    name: "no namespace",
    args: [...complete, "--wide-host-namespaces", "a,,b"],
    message: "--wide-host-namespaces a,,b",
  },
  { name: "zero duration", args: [...complete, "--lost-after", "0s"], message: "--lost-after 0s" },
  {
    name: "a server of metrics without a scheme",
    args: [...complete, "--allow-metrics-server", "prometheus:9090"],
    message: "--allow-metrics-server prometheus:9090: expected *, or SCHEME://HOST[:PORT]",
  },
  { name: "unknown flag", args: [...complete, "--colour", "red"], message: "--colour" },
  {
    name: "a bad line among the tokens",
    args: [...complete, "--token-auth-file", badTokens],
    message: `--token-auth-file ${badTokens}: line 2: must have at least 3 columns (token, user name, user uid), found 2`,
  },
  {
    name: "the administrator's token again",
    args: [...complete, "--token-auth-file", sameToken],
    message: `--token-auth-file ${sameToken}: the token of --token-file is there again`,
  },
  {
    name: "a token with blanks",
    args: [...complete, "--token-file", blankToken],
    message: `--token-file ${blankToken}: expected one token without blanks`,
  },
  {
    name: "no token file there",
    args: [...complete, "--token-auth-file", "/nowhere"],
    message: "--token-auth-file /nowhere: ENOENT",
  },
  {
    name: "what is no key",
    args: [...complete, "--service-account-key-file", pem],
    message: `--service-account-key-file ${pem}: no PEM block with a key in it`,
  },
  {
    name: "a first key that cannot sign",
    args: [...complete, "--service-account-key-file", publicFile],
    message: `--service-account-key-file ${publicFile}: the first key signs and must be a private one`,
  },
  { name: "the audit log to a stream", args: [...complete, "--audit-log", "-"], message: "expected a file" },
  {
    name: "an audit log of no size",
    args: [...complete, "--audit-log-maxsize", "0"],
    message: "--audit-log-maxsize 0: expected a whole number from 1 to 100000",
  },
  {
    name: "a negative number of backups",
    args: [...complete, "--audit-log-maxbackup=-1"],
    message: "--audit-log-maxbackup -1: expected a whole number from 0 to 10000",
  },
  {
    name: "a key file that others may read",
    args: [...complete, "--encryption-key-file", openKeys],
    message: "--encryption-key-file: key file",
  },
  {
    name: "a placement configuration that is none",
    args: [...complete, "--placement-config", badPlacement],
    message: `--placement-config ${badPlacement}: backoff.initial "1h": expected a duration from 10ms to 10m`,
  },
  { name: "missing file", args: [...complete, "--ca", "/nowhere"], message: "--ca: ENOENT" },
])("parseSchedulerOptions: $name", ({ args, message }) => {
  expect(() => parseSchedulerOptions(args)).toThrow(message);
});
