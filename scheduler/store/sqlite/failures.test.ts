import { spawnSync } from "node:child_process";
import { appendFileSync, closeSync, openSync, readFileSync, statSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { FakeClock } from "../../../kit/fake-clock.ts";
import type { Log } from "../../../kit/log.ts";
import { restoreSqliteStore } from "./restore.ts";
import { inspect, newFile, open, put } from "./testing/files.ts";

/** A log that keeps the errors' and notices' texts. */
function recordingLog() {
  const lines: string[] = [];
  const log: Log = {
    debug() {},
    info: (message) => void lines.push(`info ${message}`),
    warn: (message) => void lines.push(`warn ${message}`),
    error: (message) => void lines.push(`error ${message}`),
    bind: () => log,
  };
  return { log, lines };
}

test("commit: a file at its bound refuses it, reads go on, and nothing acknowledged is lost", async () => {
  const file = newFile();
  const { log, lines } = recordingLog();
  const store = await open(file, { fileBytesMax: 400_000, log });
  const acknowledged: string[] = [];
  const outcomes: unknown[] = [];
  for (let at = 0; at < 200; at++) {
    await store.commit([put(`/${at}`, "x".repeat(5_000))]).then(
      () => acknowledged.push(`/${at}`),
      (thrown) => outcomes.push(thrown),
    );
  }
  expect(acknowledged.length).toBeGreaterThan(20);
  expect(outcomes[0]).toMatchObject({
    code: "StoreUnavailable",
    retryable: true,
    message: expect.stringContaining(`${file}: database or disk is full (the disk is full; free some space)`),
  });
  const keys = async () => new Set((await store.list("/")).entries.map((entry) => entry.key));
  expect(await keys()).toEqual(new Set(acknowledged));
  expect(lines.filter((line) => line.includes("commits"))).toEqual(["error commits fail"]);
  // What is small still finds a place.
  expect((await store.commit([put("/small", "x")])).kind).toBe("committed");
  expect(lines.at(-1)).toBe("info commits succeed again");
  acknowledged.push("/small");
  await store.close();
  const roomy = await open(file);
  expect(new Set((await roomy.list("/")).entries.map((entry) => entry.key))).toEqual(new Set(acknowledged));
  expect((await roomy.commit([put("/more", "x".repeat(5_000))])).kind).toBe("committed");
  await roomy.close();
});

const mountRights = spawnSync("unshare", [
  "--mount",
  "--map-root-user",
  "mount",
  "-t",
  "tmpfs",
  "none",
  "/mnt",
]);

test.skipIf(mountRights.status !== 0)(
  "commit: a disk that is full refuses it, and takes it when there is room again",
  () => {
    const program = fileURLToPath(new URL("testing/full-disk.ts", import.meta.url));
    const folder = dirname(newFile());
    const script = 'mount -t tmpfs -o size=1m none "$1" && exec "$2" "$3" "$1"';
    const { stdout, stderr } = spawnSync(
      "unshare",
      ["--mount", "--map-root-user", "sh", "-c", script, "sh", folder, process.execPath, program],
      { encoding: "utf8" },
    );
    expect(stderr).toBe("");
    const report = JSON.parse(stdout) as { readonly message: string; readonly written: number };
    expect(report).toMatchObject({
      code: "StoreUnavailable",
      readWhileFull: true,
      lost: 0,
      sameEpoch: true,
    });
    expect(report.message).toContain("free some space");
    expect(report.written).toBeGreaterThan(10);
  },
);

test("commit: a worker that died before it wrote is replaced, and nothing was written", async () => {
  const clock = new FakeClock();
  const workerScript = new URL("testing/dying-worker.ts", import.meta.url);
  const store = await open(newFile(), { clock, workerScript });
  await store.commit([put("/a", "1")]);
  const dying = store.commit([put("/die-before", "1")]);
  await expect(dying).rejects.toMatchObject({
    code: "StoreUnavailable",
    retryable: true,
    message: expect.stringContaining("not known"),
  });
  await expect(store.get("/a")).rejects.toMatchObject({ code: "StoreUnavailable", retryable: true });
  clock.advance(1_001);
  expect((await store.list("/")).entries.map((entry) => entry.key)).toEqual(["/a"]);
  expect((await store.commit([put("/b", "1")])).kind).toBe("committed");
  await store.close();
});

test("watch: hears what a worker wrote that died without saying so, before anything later", async () => {
  const clock = new FakeClock();
  const { log, lines } = recordingLog();
  const workerScript = new URL("testing/dying-worker.ts", import.meta.url);
  const store = await open(newFile(), { clock, workerScript, log });
  const seen: string[] = [];
  const stop = new AbortController();
  await store.watch("/", 0, (batch) => seen.push(...batch.events.map((event) => event.key)), stop.signal);
  await store.commit([put("/a", "1")]);
  await expect(store.commit([put("/die-after", "1")])).rejects.toMatchObject({ code: "StoreUnavailable" });
  clock.advance(1_001);
  await Promise.all([store.commit([put("/b", "1")]), store.commit([put("/c", "1")])]);
  expect(seen).toEqual(["/a", "/die-after", "/b", "/c"]);
  expect(lines.filter((line) => line.startsWith("error"))).toEqual([
    "error commits fail",
    "error the store's thread has ended; starting it again",
  ]);
  stop.abort();
  await store.close();
});

test("close: after the worker died it ends all the same", async () => {
  const workerScript = new URL("testing/dying-worker.ts", import.meta.url);
  const store = await open(newFile(), { workerScript });
  await expect(store.commit([put("/die-before", "1")])).rejects.toThrow();
  await store.close();
  await expect(store.get("/a")).rejects.toMatchObject({ code: "StoreClosed" });
});

/** A store with a few hundred pages of entries and of history. */
async function makeFile(): Promise<string> {
  const file = newFile();
  const store = await open(file);
  for (let round = 0; round < 2; round++)
    for (let at = 0; at < 10; at++)
      await store.commit(
        Array.from({ length: 10 }, (_, key) => put(`/${at}/${key}`, `${round}`.repeat(3_000))),
      );
  await store.close();
  return file;
}

/** Overwrites a page of a table or an index: the root, or the leaf at some place of it. */
function damage(
  file: string,
  table: string,
  change: (page: Buffer) => void,
  place: number | "root" = 0.5,
): void {
  const pages = inspect(file, (db) =>
    db
      .prepare("SELECT pageno FROM dbstat WHERE name = ? AND iif(?, path = '/', pagetype = 'leaf')")
      .all(table, place === "root" ? 1 : 0),
  );
  const number = Number(pages[place === "root" ? 0 : Math.floor(pages.length * place)]?.["pageno"]);
  const offset = (number - 1) * 4096;
  const page = readFileSync(file).subarray(offset, offset + 4096);
  change(page);
  const descriptor = openSync(file, "r+");
  writeSync(descriptor, page, 0, page.length, offset);
  closeSync(descriptor);
}

test.each<{ table: string; place: number | "root" }>([
  { table: "history", place: 0.5 },
  { table: "history", place: 0 },
  { table: "history", place: "root" },
  { table: "history_revision", place: 0.5 },
])(
  "openSqliteStore: with damage in $table at $place it is read only, and says why",
  async ({ table, place }) => {
    const file = await makeFile();
    damage(file, table, (page) => page.fill(0xee), place);
    const { log, lines } = recordingLog();
    const store = await open(file, { log });
    expect(store.readOnly).toContain(`store ${file}: `);
    expect(store.readOnly).toContain("wherry restore FILE");
    expect(lines).toContain("error store is read only");
    expect((await store.list("/")).entries).toHaveLength(100);
    expect((await store.get("/3/3"))?.value).toBe("1".repeat(3_000));
    for (const write of [() => store.commit([put("/a", "1")]), () => store.forgetHistory()])
      await expect(write()).rejects.toMatchObject({ code: "StoreReadOnly", message: store.readOnly });
    const stop = new AbortController();
    const { revision } = await store.list("/");
    await store
      .watch("/3/3", revision, () => {}, stop.signal)
      .catch((thrown: unknown) => {
        expect(thrown).toMatchObject({ code: "StoreCorrupt" });
      });
    stop.abort();
    const size = statSync(file).size;
    const saved = newFile();
    await using backup = await store.backup();
    for await (const chunk of backup.content) appendFileSync(saved, chunk);
    await store.close();
    expect(statSync(file).size).toBe(size);

    const report = restoreSqliteStore({ from: saved, file, force: true, nowMs: 1, newEpoch: "new" });
    expect(report).toMatchObject({ entries: 100, salvaged: expect.stringMatching(/./) });
    const salvaged = await open(file);
    expect((await salvaged.list("/")).entries.filter(({ value }) => value === "1".repeat(3_000)).length).toBe(
      100,
    );
    expect((await salvaged.commit([put("/a", "1")])).kind).toBe("committed");
    await salvaged.close();
  },
);

test.each([
  { title: "an entry's page", table: "entry", change: (page: Buffer) => page.fill(0) },
  {
    title: "the index of keys",
    table: "sqlite_autoindex_entry_1",
    change: (page: Buffer) => page.fill(0x11),
  },
])(
  "openSqliteStore: with damage in $title it is StoreCorrupt, and says what to do",
  async ({ table, change }) => {
    const file = await makeFile();
    damage(file, table, change);
    await expect(open(file)).rejects.toMatchObject({
      code: "StoreCorrupt",
      message: expect.stringMatching(new RegExp(`^store ${file}: .*restore a backup`, "s")),
    });
  },
);

test("get: a text with a flipped bit is never taken for what was written, and ends all writing", async () => {
  const file = await makeFile();
  damage(file, "entry", (page) => {
    page[2_000] = page.readUInt8(2_000) ^ 1;
  });
  const store = await open(file);
  expect(store.readOnly).toBeUndefined();
  await expect(store.list("/")).rejects.toMatchObject({
    code: "StoreCorrupt",
    message: expect.stringMatching(/the text of \/\d\/\d is not as it was written/),
  });
  expect(store.readOnly).toContain("is not as it was written");
  await expect(store.commit([put("/a", "1")])).rejects.toMatchObject({ code: "StoreReadOnly" });
  const others = await Promise.allSettled(
    Array.from({ length: 100 }, (_, at) => store.get(`/${Math.floor(at / 10)}/${at % 10}`)),
  );
  expect(others.filter((one) => one.status === "fulfilled")).toHaveLength(99);
  await store.close();
});
