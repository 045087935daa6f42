import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach } from "vitest";
import { systemClock } from "../../../../kit/clock.ts";
import { silentLog } from "../../../../kit/log.ts";
import type { Store, StoreWrite } from "../../store.ts";
import { openSqliteStore, type SqliteStoreOptions } from "../sqlite-store.ts";

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** The name of a store's file in a folder of its own, which goes after the test. */
export function newFile(): string {
  const folder = mkdtempSync(join(tmpdir(), "wherry-store-"));
  folders.push(folder);
  return join(folder, "store.db");
}

export function open(file: string, options: Partial<SqliteStoreOptions> = {}): Promise<Store> {
  return openSqliteStore({ file, clock: systemClock, log: silentLog, ...options });
}

export function put(key: string, value: string): StoreWrite {
  return { kind: "put", key, value, expectedRevision: undefined };
}

/** Looks into a file that no store has open. */
export function inspect<Result>(file: string, look: (db: DatabaseSync) => Result): Result {
  const db = new DatabaseSync(file);
  try {
    return look(db);
  } finally {
    db.close();
  }
}

/** A store of the version before epochs and checksums. */
export function makeLayout1(file: string, entries: Readonly<Record<string, string>>): void {
  inspect(file, (db) => {
    db.exec(`
      PRAGMA journal_mode = WAL;
      CREATE TABLE counter (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
      CREATE TABLE entry (key TEXT PRIMARY KEY, value TEXT NOT NULL, revision INTEGER NOT NULL) WITHOUT ROWID;
      CREATE TABLE history (
        id INTEGER PRIMARY KEY, revision INTEGER NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL,
        deleted INTEGER NOT NULL, at INTEGER NOT NULL);
      CREATE INDEX history_revision ON history (revision);
      INSERT INTO counter VALUES ('revision', 0), ('compacted', 0), ('layout', 1);
    `);
    const entry = db.prepare("INSERT INTO entry VALUES (?, ?, ?)");
    const history = db.prepare(
      "INSERT INTO history (revision, key, value, deleted, at) VALUES (?, ?, ?, 0, 0)",
    );
    let revision = 0;
    for (const [key, value] of Object.entries(entries)) {
      entry.run(key, value, ++revision);
      history.run(revision, key, value);
    }
    db.prepare("UPDATE counter SET value = ? WHERE name = 'revision'").run(revision);
  });
}
