import { spawn } from "node:child_process";
import { cpSync, readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { seededRandom } from "../../../kit/random.ts";
import { inspect, makeLayout1, newFile, open, put } from "./testing/files.ts";

interface Acknowledged {
  readonly key: string;
  readonly revision: number;
}

/** Runs the writer and kills it after so many acknowledgements. */
async function writeAndKill(file: string, round: number, count: number): Promise<Acknowledged[]> {
  const program = fileURLToPath(new URL("testing/endless-writer.ts", import.meta.url));
  const writer = spawn(process.execPath, [program, file, String(round)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const acknowledged: Acknowledged[] = [];
  for await (const line of createInterface({ input: writer.stdout })) {
    const [key = "", revision = ""] = line.split(" ");
    acknowledged.push({ key, revision: Number(revision) });
    if (acknowledged.length === count) writer.kill("SIGKILL");
  }
  return acknowledged;
}

test("commit: every acknowledged one survives kill -9 at any moment, and no revision comes twice", async () => {
  const file = newFile();
  const seed = 20_260_101;
  const random = seededRandom(seed);
  const acknowledged: Acknowledged[] = [];
  for (let round = 0; round < 10; round++) {
    const before = acknowledged.reduce((most, { revision }) => Math.max(most, revision), 0);
    const ofRound = await writeAndKill(file, round, 1 + Math.floor(random.fraction() * 800));
    expect(Math.min(...ofRound.map(({ revision }) => revision))).toBeGreaterThan(before);
    acknowledged.push(...ofRound);
  }
  const store = await open(file);
  const kept = new Map((await store.list("/")).entries.map((entry) => [entry.key, entry.revision]));
  await store.close();
  expect(acknowledged.filter(({ key, revision }) => kept.get(key) !== revision)).toEqual([]);
  expect(inspect(file, (db) => db.prepare("PRAGMA integrity_check").get())).toEqual({
    integrity_check: "ok",
  });
});

/** What power loss leaves of a log that was not yet synced: some of its beginning, and perhaps rubbish after it. */
test("commit: whatever is lost of the log's end, what is left is the commits up to some point", async () => {
  const file = newFile();
  const writer = await open(file);
  const sizes: number[] = [];
  for (let at = 0; at < 40; at++) {
    await writer.commit([
      put(`/${String(at).padStart(2, "0")}`, "x".repeat(at * 40)),
      put("/last", String(at)),
    ]);
    sizes.push(statSync(`${file}-wal`).size);
  }
  const [data, log] = [`${file}.data`, `${file}.log`];
  cpSync(file, data);
  cpSync(`${file}-wal`, log);
  await writer.close();
  const whole = statSync(log).size;
  const cuts = Array.from({ length: 25 }, (_, at) => Math.floor((whole * at) / 24));
  for (const [at, cut] of cuts.entries()) {
    const damaged = newFile();
    cpSync(data, damaged);
    cpSync(log, `${damaged}-wal`);
    truncateSync(`${damaged}-wal`, cut);
    // In every other case the disk had made room already, and holds whatever was there before.
    if (at % 2 === 1) writeFileSync(`${damaged}-wal`, Buffer.alloc(5_000, at), { flag: "a" });
    const store = await open(damaged);
    const { entries } = await store.list("/");
    await store.close();
    const numbers = entries.filter(({ key }) => key !== "/last").map(({ key }) => Number(key.slice(1)));
    expect(numbers).toEqual(numbers.map((_, index) => index));
    expect(entries.find(({ key }) => key === "/last")?.value).toBe(numbers.at(-1)?.toString());
    // What was on disk when it was acknowledged is there.
    expect(numbers.length).toBeGreaterThanOrEqual(sizes.filter((size) => size <= cut).length);
  }
});

test("openSqliteStore: 200,000 updates of a few keys leave a small file", async () => {
  const file = newFile();
  const store = await open(file, { history: { eventsMax: 2_000 } });
  let logMax = 0;
  for (let round = 0; round < 200; round++) {
    const updates = Array.from({ length: 50 }, (_, commit) =>
      store.commit(
        Array.from({ length: 20 }, (_, key) =>
          put(`/${key}`, `${round} ${commit}`.padEnd(500 + key * 50, "x")),
        ),
      ),
    );
    await Promise.all(updates);
    logMax = Math.max(logMax, statSync(`${file}-wal`).size);
  }
  expect((await store.list("/")).entries).toHaveLength(20);
  await store.close();
  // 2,000 events of a kilobyte. Without a bound it would be 200 MB.
  expect(statSync(file).size).toBeLessThan(6_000_000);
  // A checkpoint comes after four mebibytes, and the transaction under way is finished first.
  expect(logMax).toBeLessThan(16_000_000);
});

test("openSqliteStore: a file shrinks when what it held is deleted", async () => {
  const file = newFile();
  const store = await open(file, { history: { eventsMax: 10 } });
  const keys = Array.from({ length: 8_000 }, (_, at) => `/${at}`);
  await store.commit(keys.map((key) => put(key, "x".repeat(2_000))));
  const large = statSync(`${file}-wal`).size;
  await store.commit(keys.map((key) => ({ kind: "delete", key, expectedRevision: undefined })));
  // Tidying goes on by itself between the commits.
  for (let at = 0; at < 200; at++) await store.commit([put("/last", String(at))]);
  await store.forgetHistory();
  await store.close();
  expect(large).toBeGreaterThan(16_000_000);
  expect(statSync(file).size).toBeLessThan(8_000_000);
});

test("forgetHistory: nothing of what was overwritten or deleted is left in the files", async () => {
  const file = newFile();
  const store = await open(file);
  await store.commit([put("/a", `first ${"tell-nobody ".repeat(2_000)}`), put("/b", "tell-nobody")]);
  await store.commit([put("/a", "second"), { kind: "delete", key: "/b", expectedRevision: undefined }]);
  await store.forgetHistory();
  for (const path of [file, `${file}-wal`]) expect(readFileSync(path).includes("tell-nobody")).toBe(false);
  await store.close();
});

test("openSqliteStore: a file of the layout before is brought up to date, once", async () => {
  const file = newFile();
  const entries = Object.fromEntries(
    Array.from({ length: 300 }, (_, at) => [`/registry/${String(at).padStart(3, "0")}`, `{"at":${at}}`]),
  );
  makeLayout1(file, entries);
  const first = await open(file);
  const { epoch } = first;
  expect(await first.list("/registry/")).toEqual({
    revision: 300,
    entries: Object.entries(entries).map(([key, value], at) => ({ key, value, revision: at + 1 })),
  });
  expect(await first.history("")).toEqual({ completeAfter: 300, revision: 300, events: [] });
  expect(await first.commit([put("/registry/new", "1")])).toEqual({ kind: "committed", revision: 301 });
  await first.close();
  expect(inspect(file, (db) => db.prepare("PRAGMA auto_vacuum").get())).toEqual({ auto_vacuum: 2 });
  const second = await open(file);
  expect(second.epoch).toBe(epoch);
  expect((await second.list("")).entries).toHaveLength(301);
  await second.close();
});

test("openSqliteStore: a file of a later layout is StoreForeign and stays as it is", async () => {
  const file = newFile();
  await (await open(file)).close();
  inspect(file, (db) => db.exec("UPDATE counter SET value = 3 WHERE name = 'layout'"));
  const before = readFileSync(file);
  await expect(open(file)).rejects.toMatchObject({
    code: "StoreForeign",
    message: expect.stringContaining("layout 3"),
  });
  expect(readFileSync(file).equals(before)).toBe(true);
});

test("openSqliteStore: a new file is its owner's alone, and somebody else's database is left alone", async () => {
  const file = newFile();
  await (await open(file)).close();
  expect(statSync(file).mode & 0o777).toBe(0o600);
  const foreign = newFile();
  inspect(foreign, (db) => db.exec("CREATE TABLE recipe (name TEXT)"));
  const before = readFileSync(foreign);
  await expect(open(foreign)).rejects.toMatchObject({ code: "StoreForeign" });
  expect(readFileSync(foreign).equals(before)).toBe(true);
});
