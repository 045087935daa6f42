import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import type { Store } from "../store.ts";
import { restoreSqliteStore } from "./restore.ts";
import { inspect, makeLayout1, newFile, open, put } from "./testing/files.ts";

const newEpoch = "11111111-2222-4333-8444-555555555555";
const nowMs = Date.UTC(2026, 0, 1);
/** The first revision of a store that is restored then. */
const leaped = nowMs * 1_000 + 1_000_000_000;

function restore(from: string, file: string, force = false) {
  return restoreSqliteStore({ from, file, force, nowMs, newEpoch });
}

async function backUp(store: Store): Promise<string> {
  const file = newFile();
  await using backup = await store.backup();
  for await (const chunk of backup.content) appendFileSync(file, chunk);
  expect(statSync(file).size).toBe(backup.bytes);
  return file;
}

/** What is in the folder of a store, beside its files. */
function strangers(file: string): readonly string[] {
  return readdirSync(dirname(file)).filter(
    (name) => !["", "-wal"].some((end) => name === basename(file) + end),
  );
}

async function contents(file: string) {
  const store = await open(file);
  const { revision, entries } = await store.list("");
  const { epoch } = store;
  const history = await store.history("");
  await store.close();
  return {
    epoch,
    revision,
    history,
    values: Object.fromEntries(entries.map(({ key, value }) => [key, value])),
  };
}

test("backup: is the commits up to some point while others go on, and nothing stays in the folder", async () => {
  const file = newFile();
  const store = await open(file);
  await store.commit(Array.from({ length: 4_000 }, (_, at) => put(`/bulk/${at}`, "x".repeat(2_000))));
  const done = new AbortController();
  let writes = 0;
  const writing = (async () => {
    while (!done.signal.aborted) {
      // The two are far from each other in the file.
      await store.commit([
        put("/bulk/0", String(writes)),
        put("/bulk/3999", String(writes)),
        put("/new", "x"),
      ]);
      writes++;
    }
  })();
  const backup = await backUp(store);
  done.abort();
  await writing;
  expect(writes).toBeGreaterThan(1);
  expect(strangers(file)).toEqual([]);
  await store.close();
  const { values } = await contents(backup);
  expect(values["/bulk/0"]).toBe(values["/bulk/3999"]);
  expect(Object.keys(values).filter((key) => key.startsWith("/bulk/"))).toHaveLength(4_000);
});

test("backup: never meets a transaction, however much is written", async () => {
  const store = await open(newFile());
  await store.commit(Array.from({ length: 1_000 }, (_, at) => put(`/bulk/${at}`, "x".repeat(2_000))));
  const done = new AbortController();
  const writing = [1, 2, 3].map(async (writer) => {
    for (let at = 0; !done.signal.aborted; at++)
      await store.commit(Array.from({ length: 200 }, (_, key) => put(`/${writer}/${key}`, String(at))));
  });
  for (let round = 0; round < 20; round++) {
    await using backup = await store.backup();
    expect(backup.bytes).toBeGreaterThan(2_000_000);
  }
  done.abort();
  await Promise.all(writing);
  await store.close();
});

test("backup: its header says how long it is, and its owner alone may read what is beside the store", async () => {
  const file = newFile();
  const store = await open(file);
  await store.commit([put("/a", "1")]);
  const making = store.backup();
  const draft = strangers(file)[0] ?? "";
  expect(statSync(`${dirname(file)}/${draft}`).mode & 0o777).toBe(0o600);
  await (await making)[Symbol.asyncDispose]();
  const header = readFileSync(await backUp(store));
  expect(header.readUInt16BE(16) * header.readUInt32BE(28)).toBe(header.length);
  await store.close();
});

test("backup: what a killed process left of one is removed at the next opening", async () => {
  const file = newFile();
  const program = fileURLToPath(new URL("testing/endless-writer.ts", import.meta.url));
  const writer = spawn(process.execPath, [program, file, "0"], { stdio: ["ignore", "pipe", "inherit"] });
  await once(writer.stdout, "data");
  writer.kill("SIGKILL");
  await once(writer, "exit");
  for (const end of ["backup-1", "backup-1-journal", "before-restore-x"])
    writeFileSync(`${file}.${end}`, "x");
  await (await open(file)).close();
  expect(strangers(file)).toEqual([`${basename(file)}.before-restore-x`]);
});

test("close: waits for a backup that is being made", async () => {
  const store = await open(newFile());
  await store.commit(Array.from({ length: 1_000 }, (_, at) => put(`/${at}`, "x".repeat(2_000))));
  const making = store.backup();
  await Promise.resolve();
  await store.close();
  await using backup = await making;
  expect(backup.bytes).toBeGreaterThan(2_000_000);
});

test("restore: into an empty place, at an epoch of its own and far beyond the revisions given out", async () => {
  const store = await open(newFile());
  await store.commit([put("/a", "1")]);
  await store.commit([put("/a", "2"), put("/b", "1")]);
  const backup = await backUp(store);
  const { epoch } = store;
  await store.close();
  const file = newFile();
  expect(restore(backup, file)).toEqual({
    entries: 2,
    revision: leaped,
    salvaged: undefined,
    keptAside: undefined,
  });
  expect(strangers(file)).toEqual([]);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  const restored = await contents(file);
  expect(restored).toEqual({
    epoch: newEpoch,
    revision: leaped,
    history: { completeAfter: leaped, revision: leaped, events: [] },
    values: { "/a": "2", "/b": "1" },
  });
  expect(restored.epoch).not.toBe(epoch);
});

test("restore: refuses a store that exists, and keeps it aside with force", async () => {
  const file = newFile();
  const store = await open(file);
  await store.commit([put("/a", "old")]);
  const backup = await backUp(store);
  await store.commit([put("/a", "new"), put("/b", "new")]);
  await store.commit([put("/a", "newer")]);
  await store.close();
  expect(() => restore(backup, file)).toThrow(expect.objectContaining({ code: "StoreExists" }));
  expect((await contents(file)).values).toEqual({ "/a": "newer", "/b": "new" });

  const aside = `${file}.before-restore-2026-01-01T00-00-00-000Z`;
  // Further than both: the same backup may be restored twice.
  expect(restore(backup, file, true)).toEqual({
    entries: 1,
    revision: leaped,
    salvaged: undefined,
    keptAside: aside,
  });
  expect(restoreSqliteStore({ from: backup, file, force: true, nowMs: nowMs + 1, newEpoch })).toMatchObject({
    revision: leaped + 1_000_000_000,
  });
  expect((await contents(file)).values).toEqual({ "/a": "old" });
  expect((await contents(aside)).values).toEqual({ "/a": "newer", "/b": "new" });
});

test("restore: refuses while the store is in use, also with force", async () => {
  const file = newFile();
  const store = await open(file);
  await store.commit([put("/a", "1")]);
  const backup = await backUp(store);
  expect(() => restore(backup, file, true)).toThrow(expect.objectContaining({ code: "StoreLocked" }));
  expect((await store.get("/a"))?.value).toBe("1");
  await store.close();
});

test("restore: takes the place of a damaged store, with what is beside it", async () => {
  const store = await open(newFile());
  await store.commit([put("/a", "1")]);
  const backup = await backUp(store);
  await store.close();
  const file = newFile();
  writeFileSync(file, "no database ".repeat(1_000));
  writeFileSync(`${file}-wal`, "no log");
  const { keptAside } = restore(backup, file, true);
  expect(readFileSync(keptAside ?? "", "utf8")).toContain("no database");
  expect(existsSync(`${file}-wal`)).toBe(false);
  expect((await contents(file)).values).toEqual({ "/a": "1" });
});

test("restore: takes the files of a scheduler that was killed, and those of the layout before", async () => {
  const writer = await open(newFile());
  const killed = newFile();
  const source = newFile();
  await writer.close();
  const store = await open(source);
  await store.commit([put("/a", "1")]);
  copyFileSync(source, killed);
  copyFileSync(`${source}-wal`, `${killed}-wal`);
  await store.close();
  const file = newFile();
  restore(killed, file);
  expect((await contents(file)).values).toEqual({ "/a": "1" });

  const old = newFile();
  makeLayout1(old, { "/registry/a": "1" });
  expect(restore(old, file, true).entries).toBe(1);
  expect((await contents(file)).values).toEqual({ "/registry/a": "1" });
});

test.each<{ name: string; spoil: (backup: string) => void; code: string }>([
  { name: "cut off", spoil: (backup) => truncateSync(backup, 20_000), code: "StoreCorrupt" },
  { name: "empty", spoil: (backup) => truncateSync(backup, 0), code: "StoreForeign" },
  {
    name: "of another program",
    spoil: (backup) => {
      truncateSync(backup, 0);
      inspect(backup, (db) => db.exec("CREATE TABLE recipe (name TEXT)"));
    },
    code: "StoreForeign",
  },
  { name: "a text", spoil: (backup) => writeFileSync(backup, "diary ".repeat(1_000)), code: "StoreCorrupt" },
  {
    name: "one whose text was changed",
    spoil: (backup) => inspect(backup, (db) => db.exec("UPDATE entry SET value = 'y' WHERE key = '/7'")),
    code: "StoreCorrupt",
  },
])("restore: refuses a backup that is $name, and leaves the store as it is", async ({ spoil, code }) => {
  const file = newFile();
  const store = await open(file);
  await store.commit(Array.from({ length: 100 }, (_, at) => put(`/${at}`, "x".repeat(1_000))));
  const backup = await backUp(store);
  await store.close();
  spoil(backup);
  expect(() => restore(backup, file, true)).toThrow(
    expect.objectContaining({ code, message: expect.stringContaining(backup) }),
  );
  expect(strangers(file)).toEqual([]);
  expect(Object.keys((await contents(file)).values)).toHaveLength(100);
});
