import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { FakeClock } from "../kit/fake-clock.ts";
import { silentLog } from "../kit/log.ts";
import { seededRandom } from "../kit/random.ts";
import { parseEncryptionKeys } from "./apiserver/storage/encryption-keys.ts";
import { ValueCodec } from "./apiserver/storage/encryption.ts";
import { parseRestoreFlags, runRestore } from "./restore-command.ts";
import { openSqliteStore } from "./store/sqlite/sqlite-store.ts";

test.each([
  { name: "missing store", args: ["--from", "b"], message: "expected sqlite:FILE" },
  { name: "another store", args: ["--store", "redis://x", "--from", "b"], message: "--store redis://x" },
  {
    name: "store without file",
    args: ["--store", "sqlite:", "--from", "b"],
    message: "expected sqlite:FILE",
  },
  { name: "missing backup", args: ["--store", "sqlite:a"], message: "--from is required" },
  { name: "unknown flag", args: ["--to", "x"], message: "--to" },
])("parseRestoreFlags: $name", ({ args, message }) => {
  expect(() => parseRestoreFlags(args)).toThrow(message);
});

function run(...args: readonly string[]) {
  const printed = { out: "", err: "" };
  const code = runRestore(args, new FakeClock(), seededRandom(1), {
    out: (text) => void (printed.out += text),
    err: (text) => void (printed.err += text),
  });
  return { code, ...printed };
}

test("runRestore: wrong flags are code 2 with the usage, a failure is code 1 with the reason", () => {
  const folder = mkdtempSync(join(tmpdir(), "wherry-restore-"));
  expect(run()).toMatchObject({ code: 2, err: expect.stringContaining("Usage: wherry-scheduler restore") });
  const store = `sqlite:${join(folder, "store.db")}`;
  const failed = run("--store", store, "--from", join(folder, "nowhere"));
  expect(failed).toMatchObject({ code: 1, out: "" });
  expect(failed.err).toMatch(/^nothing was changed: copying .*nowhere.*ENOENT/s);
  rmSync(folder, { recursive: true });
});

test("runRestore: says what nobody can read with the keys that are there", async () => {
  const folder = mkdtempSync(join(tmpdir(), "wherry-restore-"));
  const from = join(folder, "backup.db");
  const line = (name: string) => `${name}:${Buffer.alloc(32, name).toString("base64")}`;
  const keys = parseEncryptionKeys("", line("old"));
  const codec = new ValueCodec({ kind: "keys", file: "", keys });
  const store = await openSqliteStore({ file: from, clock: new FakeClock(), log: silentLog });
  const put = (key: string) =>
    ({ kind: "put", key, value: codec.encode(key, "{}"), expectedRevision: undefined }) as const;
  const names = ["core/secrets/default/a", "core/secrets/default/b", "core/configmaps/default/c"];
  await store.commit(names.map((name) => put(`/registry/${name}`)));
  await store.close();

  const keyFile = join(folder, "keys");
  const restored = (file: string, ...lines: readonly string[]) => {
    if (lines.length > 0) writeFileSync(keyFile, lines.join("\n"), { mode: 0o600 });
    const target = join(folder, file);
    return run("--store", `sqlite:${target}`, "--from", from, "--encryption-key-file", keyFile);
  };
  const start = (file: string) => `restored 3 objects from ${from} into ${join(folder, file)}\n`;
  const warning = "warning: 2 of them cannot be read without another key. The first: ";
  expect(restored("1.db")).toMatchObject({ code: 0, err: "" });
  expect(restored("2.db").out).toContain(
    `${start("2.db")}${warning}Secret "default/a" in the store is encrypted with the key "old": the key file ${keyFile} cannot be read`,
  );
  expect(restored("3.db", line("new")).out).toBe(
    `${start("3.db")}${warning}Secret "default/a" in the store is encrypted with the key "old", which is not in ${keyFile}; put its line back there, after the first, and restart the scheduler\n`,
  );
  expect(restored("4.db", line("new"), line("old")).out).toBe(start("4.db"));
  rmSync(folder, { recursive: true });
});
