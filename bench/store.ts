/**
 * The store alone, with durability on: creates of a kilobyte from some committers at once, beside one transaction each
 * with plain node:sqlite in the same run; and what a scheduler with 50,000 objects waits for when it starts.
 */
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { systemClock } from "../kit/clock.ts";
import { silentLog } from "../kit/log.ts";
import { openSqliteStore } from "../scheduler/store/sqlite/sqlite-store.ts";
import type { Store } from "../scheduler/store/store.ts";
import type { Figure } from "./figure.ts";

const seconds = 1.5;
const objects = 50_000;

const keyOf = (at: number) => `/registry/core/configmaps/default/object-${at}`;
const valueOf = (at: number) =>
  JSON.stringify({ kind: "ConfigMap", metadata: { name: `object-${at}` }, data: { text: "x".repeat(900) } });

export async function run(): Promise<readonly Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), "wherry-bench-"));
  try {
    return await measure(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function measure(folder: string): Promise<readonly Figure[]> {
  const file = join(folder, "store.db");
  const options = { file, clock: systemClock, log: silentLog };
  const plain = plainCreatesPerSecond(join(folder, "plain.db"));
  const figures: Figure[] = [
    { name: "creates with plain node:sqlite, one by one", value: plain, unit: "per s" },
  ];
  const writer = await openSqliteStore(options);
  let next = 0;
  const create = async (store: Store) => {
    const at = next++;
    await store.commit([{ kind: "put", key: keyOf(at), value: valueOf(at), expectedRevision: 0 }]);
  };
  for (const committers of [1, 16, 64]) {
    const rate = await createsPerSecond(committers, () => create(writer));
    const what = `creates from ${committers} committers`;
    figures.push({ name: what, value: rate, unit: "per s" });
    figures.push({ name: `${what}, of plain node:sqlite`, value: rate / plain, unit: "x" });
  }
  for (let missing = objects - next; missing > 0; missing -= 500)
    await Promise.all(Array.from({ length: Math.min(500, missing) }, () => create(writer)));
  await writer.close();
  figures.push({ name: "file, for each object", value: statSync(file).size / next, unit: "bytes" });
  const [store, openMs] = await timed(() => openSqliteStore(options));
  const [listed, listMs] = await timed(() => store.list("/registry/"));
  const [, historyMs] = await timed(() => store.history("/registry/"));
  const scale = objects / listed.entries.length;
  figures.push({ name: `opening a file of ${objects} objects`, value: openMs * scale, unit: "ms" });
  figures.push({ name: `list of ${objects} objects`, value: listMs * scale, unit: "ms" });
  figures.push({ name: "history of 20,000 events", value: historyMs, unit: "ms" });
  await store.close();
  return figures;
}

async function createsPerSecond(committers: number, create: () => Promise<void>): Promise<number> {
  const begin = performance.now();
  let count = 0;
  await Promise.all(
    Array.from({ length: committers }, async () => {
      for (; performance.now() - begin < seconds * 1_000; count++) await create();
    }),
  );
  return (count / (performance.now() - begin)) * 1_000;
}

function plainCreatesPerSecond(file: string): number {
  const db = new DatabaseSync(file);
  db.exec("PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;");
  db.exec("CREATE TABLE entry (key TEXT PRIMARY KEY, value TEXT NOT NULL)");
  const insert = db.prepare("INSERT INTO entry VALUES (?, ?)");
  const begin = performance.now();
  let count = 0;
  for (; performance.now() - begin < seconds * 1_000; count++) insert.run(keyOf(count), valueOf(count));
  db.close();
  return (count / (performance.now() - begin)) * 1_000;
}

async function timed<Result>(body: () => Promise<Result>): Promise<readonly [Result, number]> {
  const begin = performance.now();
  const result = await body();
  return [result, performance.now() - begin];
}
