import { chmodSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { systemClock } from "../../../kit/clock.ts";
import { silentLog } from "../../../kit/log.ts";
import { openSqliteStore } from "../../store/sqlite/sqlite-store.ts";
import { TestServer } from "../testing/test-server.ts";
import { ValueCodec } from "./encryption.ts";
import { parseEncryptionKeys, readEncryptionKeys, type EncryptionKeys } from "./encryption-keys.ts";

const key = "/registry/core/secrets/default/password";
const text = JSON.stringify({ kind: "Secret", data: { password: "dGVsbC1ub2JvZHk=" } });

function keyLine(name: string, fill: number): string {
  return `${name}:${Buffer.alloc(32, fill).toString("base64")}`;
}

function keys(...lines: readonly string[]): EncryptionKeys {
  return { kind: "keys", file: "/k", keys: parseEncryptionKeys("keys", lines.join("\n")) };
}

const codec = new ValueCodec(keys(keyLine("k1", 1)));
const missing = new ValueCodec({ kind: "missing", reason: "the key file /k cannot be read (ENOENT)" });

test("ValueCodec: a Secret comes back as it was, and is stored otherwise each time", () => {
  const stored = codec.encode(key, text);
  expect(stored).toMatch(/^k8s:enc:aesgcm:v1:k1:[A-Za-z0-9+/]+=*$/);
  expect(stored).not.toContain("dGVsbC1ub2JvZHk");
  expect(codec.decode(key, stored)).toBe(text);
  expect(codec.encode(key, text)).not.toBe(stored);
});

test.each([
  { name: "a ConfigMap", of: "/registry/core/configmaps/default/a" },
  { name: "a kind that is only called so", of: "/registry/example.com/secrets/default/a" },
])("ValueCodec: leaves $name alone, whatever its text looks like", ({ of }) => {
  const fake = "k8s:enc:aesgcm:v1:k1:AAAA";
  expect(codec.encode(of, text)).toBe(text);
  expect(codec.decode(of, fake)).toBe(fake);
  expect(codec.needsRewrite(of, text)).toBe(false);
  expect(missing.encode(of, text)).toBe(text);
});

test("ValueCodec: what was stored in plain is read, and to be written anew", () => {
  expect(codec.decode(key, text)).toBe(text);
  expect(codec.needsRewrite(key, text)).toBe(true);
  expect(codec.needsRewrite(key, codec.encode(key, text))).toBe(false);
});

test("ValueCodec: after a rotation the old key still decrypts and the new one encrypts", () => {
  const old = codec.encode(key, text);
  const rotated = new ValueCodec(keys(keyLine("k2", 2), keyLine("k1", 1)));
  expect(rotated.decode(key, old)).toBe(text);
  expect(rotated.needsRewrite(key, old)).toBe(true);
  const fresh = rotated.encode(key, text);
  expect(fresh).toContain(":k2:");
  expect(rotated.needsRewrite(key, fresh)).toBe(false);
  expect(new ValueCodec(keys(keyLine("k2", 2))).decode(key, fresh)).toBe(text);
});

test("ValueCodec: without keys texts go through, but nothing encrypted is taken for a text", () => {
  const none = new ValueCodec({ kind: "none" });
  expect(none.encode(key, text)).toBe(text);
  expect(none.decode(key, text)).toBe(text);
  expect(none.needsRewrite(key, text)).toBe(false);
  expect(() => none.decode(key, codec.encode(key, text))).toThrow(
    expect.objectContaining({ code: "EncryptionKeyMissing" }),
  );
});

test("ValueCodec: with a missing key file no Secret is stored in plain, and those in plain are read", () => {
  expect(() => missing.encode(key, text)).toThrow(
    expect.objectContaining({
      code: "EncryptionKeyMissing",
      message: expect.stringContaining('"default/password"') as string,
    }),
  );
  expect(missing.decode(key, text)).toBe(text);
  expect(() => missing.decode(key, codec.encode(key, text))).toThrow(/"k1".*ENOENT/s);
});

const sealed = codec.encode(key, text);
const at = (index: number) =>
  `${sealed.slice(0, index)}${sealed.at(index) === "A" ? "B" : "A"}${sealed.slice(index + 1)}`;

test.each([
  { name: "under another object's key", of: `${key}-2`, stored: sealed },
  { name: "with a changed nonce", of: key, stored: at(sealed.lastIndexOf(":") + 2) },
  { name: "with a changed text", of: key, stored: at(sealed.lastIndexOf(":") + 40) },
  { name: "with a changed tag", of: key, stored: at(sealed.length - 5) },
  { name: "cut off", of: key, stored: sealed.slice(0, -8) },
  { name: "without anything", of: key, stored: "k8s:enc:aesgcm:v1:k1:" },
  { name: "without a key's name", of: key, stored: "k8s:enc:aesgcm:v1:" },
])("ValueCodec: refuses what is $name, and names the object", ({ of, stored }) => {
  expect(() => codec.decode(of, stored)).toThrow(
    expect.objectContaining({
      code: "ValueUndecipherable",
      message: expect.stringContaining('Secret "default/password') as string,
    }),
  );
});

test("ValueCodec: another key of the same name is refused", () => {
  expect(() => new ValueCodec(keys(keyLine("k1", 9))).decode(key, sealed)).toThrow(
    'Secret "default/password" in the store cannot be decrypted with the key "k1"',
  );
});

test.each([
  { name: "no key", lines: ["# nothing", ""], message: "it has no key" },
  {
    name: "a line without a name",
    lines: [Buffer.alloc(32).toString("base64")],
    message: "line 1: expected",
  },
  { name: "an odd name", lines: [keyLine("K 1", 1)], message: "line 1: expected NAME:BASE64" },
  { name: "a short key", lines: ["# c", "k1:AAAA"], message: 'line 2: the key "k1" must be 32 bytes' },
  { name: "other characters", lines: [`${keyLine("k1", 1)}!`], message: 'line 1: the key "k1" must be' },
  { name: "a name twice", lines: [keyLine("k1", 1), keyLine("k1", 2)], message: "two keys have the same" },
])("parseEncryptionKeys: refuses $name without showing the key", ({ lines, message }) => {
  const parse = () => parseEncryptionKeys("/k", lines.join("\n"));
  expect(parse).toThrow(expect.objectContaining({ code: "InvalidKeyFile" }));
  expect(parse).toThrow(message);
  expect(parse).not.toThrow(Buffer.alloc(32).toString("base64").slice(0, 20));
});

test("readEncryptionKeys: refuses a file that others may read, and says how to change that", () => {
  const folder = mkdtempSync(join(tmpdir(), "wherry-keys-"));
  const file = join(folder, "encryption.keys");
  writeFileSync(file, `# ours\n${keyLine("k2", 2)}\n${keyLine("k1", 1)}\n`);
  chmodSync(file, 0o640);
  expect(() => readEncryptionKeys(file)).toThrow(`run: chmod 600 ${file}`);
  chmodSync(file, 0o600);
  expect(readEncryptionKeys(file)).toMatchObject({ kind: "keys", keys: [{ name: "k2" }, { name: "k1" }] });
  rmSync(folder, { recursive: true });
});

test("createApiServer: more Secrets than the store queues are encrypted at the first start with a key", async () => {
  const count = 20_001;
  await using first = await TestServer.start();
  const secret = (name: string) => ({
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name, namespace: "default", uid: name, creationTimestamp: "2026-01-01T00:00:00Z" },
  });
  const writes = Array.from({ length: count }, (_, i) => ({
    kind: "put" as const,
    key: `/registry/core/secrets/default/s${i}`,
    value: JSON.stringify(secret(`s${i}`)),
    expectedRevision: undefined,
  }));
  await first.store.commit(writes);
  await first.api.close();
  await first.store.close();
  await using server = await TestServer.start({ folder: first.folder, encryption: keys(keyLine("k1", 1)) });
  const { entries } = await server.store.list("/registry/core/secrets/");
  expect(entries.filter(({ value }) => value.includes("Secret"))).toEqual([]);
  expect(entries.length).toBe(count);
});

test("ValueCodec: no file of the store has a Secret's text, nor has a backup", async () => {
  const folder = mkdtempSync(join(tmpdir(), "wherry-encrypted-"));
  const store = await openSqliteStore({
    file: join(folder, "store.db"),
    clock: systemClock,
    log: silentLog,
  });
  // One from before there was a key, which is then written anew and forgotten, as at a start.
  await store.commit([{ kind: "put", key, value: text, expectedRevision: 0 }]);
  for (let round = 0; round < 3; round++)
    await store.commit([
      { kind: "put", key, value: codec.encode(key, text), expectedRevision: undefined },
      {
        kind: "put",
        key: `${key}-${round}`,
        value: codec.encode(`${key}-${round}`, text),
        expectedRevision: 0,
      },
    ]);
  await store.commit([{ kind: "delete", key: `${key}-0`, expectedRevision: undefined }]);
  await store.forgetHistory();
  const chunks: Uint8Array[] = [];
  await using backup = await store.backup();
  for await (const chunk of backup.content) chunks.push(chunk);
  expect(codec.decode(key, (await store.get(key))?.value ?? "")).toBe(text);
  const files = readdirSync(folder).map((name) => readFileSync(join(folder, name)));
  expect(files.length).toBeGreaterThan(1);
  for (const content of [...files, Buffer.concat(chunks)])
    expect(content.includes("dGVsbC1ub2JvZHk")).toBe(false);
  await store.close();
  rmSync(folder, { recursive: true });
});
