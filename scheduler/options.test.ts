import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parseSchedulerOptions } from "./options.ts";

const folder = mkdtempSync(join(tmpdir(), "wherry-options-"));
const pem = join(folder, "any.pem");
writeFileSync(pem, "secret\n");
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
    adminToken: "secret",
    lostAfterMs: 15_000,
  });
});

test("parseSchedulerOptions: IPv6 address and duration", () => {
  const options = parseSchedulerOptions([...complete, "--listen", "[::1]:0", "--lost-after", "2m"]);
  expect(options.listen).toEqual({ host: "::1", port: 0 });
  expect(options.lostAfterMs).toBe(120_000);
});

test.each([
  { name: "none", args: [], expected: { kind: "none" } },
  {
    name: "a file",
    args: ["--encryption-key-file", keys],
    expected: { kind: "keys", keys: [{ name: "k1", bytes: Buffer.alloc(32, 1) }] },
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
  { name: "zero duration", args: [...complete, "--lost-after", "0s"], message: "--lost-after 0s" },
  { name: "unknown flag", args: [...complete, "--colour", "red"], message: "--colour" },
  {
    name: "a key file that others may read",
    args: [...complete, "--encryption-key-file", openKeys],
    message: "--encryption-key-file: key file",
  },
  { name: "missing file", args: [...complete, "--ca", "/nowhere"], message: "--ca: ENOENT" },
])("parseSchedulerOptions: $name", ({ args, message }) => {
  expect(() => parseSchedulerOptions(args)).toThrow(message);
});
