import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterEach, expect, test } from "vitest";
import { systemClock } from "../../../kit/clock.ts";
import { FakeClock } from "../../../kit/fake-clock.ts";
import { silentLog } from "../../../kit/log.ts";
import { storeContract } from "../store-contract.ts";
import type { Store } from "../store.ts";
import { openSqliteStore } from "./sqlite-store.ts";

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function newFile(): string {
  const folder = mkdtempSync(join(tmpdir(), "wherry-store-"));
  folders.push(folder);
  return join(folder, "store.db");
}

function open(file: string, eventsMax = 1_000, clock = systemClock): Promise<Store> {
  return openSqliteStore({ file, clock, log: silentLog, history: { eventsMax, ageMsMax: 3_600_000 } });
}

storeContract("SQLite", async ({ eventsMax }) => {
  const file = newFile();
  let store = await open(file, eventsMax);
  return {
    store,
    async reopen() {
      await store.close();
      store = await open(file, eventsMax);
      return store;
    },
    dispose: () => store.close(),
  };
});

test("openSqliteStore: every acknowledged write survives kill -9", async () => {
  const file = newFile();
  const writer = spawn(
    process.execPath,
    [fileURLToPath(new URL("testing/endless-writer.ts", import.meta.url)), file],
    {
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  const acknowledged: string[] = [];
  const lines = createInterface({ input: writer.stdout });
  for await (const line of lines) {
    acknowledged.push(line);
    if (acknowledged.length === 500) writer.kill("SIGKILL");
  }
  const store = await open(file);
  const kept = new Set((await store.list("/")).entries.map((entry) => entry.key));
  await store.close();
  expect(acknowledged.length).toBeGreaterThanOrEqual(500);
  expect(acknowledged.filter((key) => !kept.has(key))).toEqual([]);
});

test("openSqliteStore: a year of updates does not grow the file", async () => {
  const file = newFile();
  const store = await open(file, 200);
  const churn = async (rounds: number) => {
    for (let round = 0; round < rounds; round++) {
      await Promise.all(
        Array.from({ length: 100 }, (_, at) =>
          store.commit([
            { kind: "put", key: `/${at}`, value: "x".repeat(500 + (round % 7)), expectedRevision: undefined },
          ]),
        ),
      );
    }
  };
  await churn(200);
  await store.close();
  // 100 entries and 200 events of half a kilobyte; without a bound it would be 10 MB.
  expect(statSync(file).size).toBeLessThan(1_000_000);
});

test("openSqliteStore: history goes by age too", async () => {
  const clock = new FakeClock();
  const store = await open(newFile(), 1_000, clock);
  const write = () => store.commit([{ kind: "put", key: "/a", value: "1", expectedRevision: undefined }]);
  await write();
  clock.advance(3_700_000);
  await write();
  await write();
  await expect(store.watch("/", 0, () => {}, new AbortController().signal)).rejects.toMatchObject({
    code: "Compacted",
  });
  await store.close();
});

test("openSqliteStore: a file that is no database is StoreCorrupt and stays as it is", async () => {
  const file = newFile();
  writeFileSync(file, "this is no database, but somebody's diary ".repeat(100));
  await expect(open(file)).rejects.toMatchObject({
    code: "StoreCorrupt",
    message: expect.stringContaining(file),
  });
  expect(statSync(file).size).toBe(4200);
});

test("openSqliteStore: a folder that is missing is StoreUnwritable", async () => {
  await expect(open(join(newFile(), "nowhere", "store.db"))).rejects.toMatchObject({
    code: "StoreUnwritable",
  });
});

test("openSqliteStore: a second process or store on the file is StoreLocked", async () => {
  const file = newFile();
  const store = await open(file);
  await expect(open(file)).rejects.toMatchObject({ code: "StoreLocked" });
  await store.close();
  await (await open(file)).close();
});
