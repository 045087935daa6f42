/**
 * The file: how it is opened, what is in it, and how a file of an older version becomes one of this.
 *
 *   counter   revision, compacted (nothing is kept up to it), layout, history_rows, history_bytes
 *   identity  epoch
 *   entry     what is stored now. `sum` is over key and value: SQLite itself does not notice a flipped bit in a text
 *   history   an undo log, oldest first: what each write replaced. The text that it wrote is in the next row of its key
 *             or in its entry, so a text is written once, and a new key costs the log next to nothing
 *
 * Entries are in a rowid table: SQLite keeps texts above a kilobyte of one without rowid on pages of their own, which
 * made the file twice as large and creating twice as slow.
 */
import { closeSync, fsyncSync, openSync } from "node:fs";
import { dirname } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { crc32 } from "node:zlib";
import { WherryError } from "../../../kit/errors.ts";
import { corruption } from "./failures.ts";

export const currentLayout = 2;
/** "WHRY", so that `file` and we ourselves know what it is. */
const applicationId = 0x57485259;
const incrementalVacuum = 2;

const tables = `
  CREATE TABLE counter (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
  ${tablesSince2("entry")}
  INSERT INTO counter VALUES ('revision', 0), ('compacted', 0), ('layout', ${currentLayout}),
    ('history_rows', 0), ('history_bytes', 0);
`;

function tablesSince2(entry: string): string {
  return `
    CREATE TABLE identity (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE ${entry} (
      id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, value TEXT NOT NULL, revision INTEGER NOT NULL,
      sum INTEGER NOT NULL);
    CREATE TABLE history (
      id INTEGER PRIMARY KEY, revision INTEGER NOT NULL, key TEXT NOT NULL, previous TEXT,
      previous_revision INTEGER NOT NULL, sum INTEGER NOT NULL, deleted INTEGER NOT NULL, at INTEGER NOT NULL,
      bytes INTEGER NOT NULL);
    CREATE INDEX history_revision ON history (revision);
  `;
}

export function checksum(key: string, value: string): number {
  return crc32(value, crc32(key));
}

/** A new file is for its owner only. Failures are left for SQLite to meet and report. */
export function createPrivately(file: string): void {
  try {
    closeSync(openSync(file, "wx", 0o600));
  } catch {
    // It exists, or it cannot be made.
  }
}

/** Takes the file for this process alone; the lock falls with the process, whatever way it ends. */
export function takeFile(db: DatabaseSync, fileBytesMax: number | undefined): void {
  db.exec("PRAGMA busy_timeout = 2000; PRAGMA locking_mode = EXCLUSIVE;");
  // Looked at again once it is ours; here so that nothing is written to somebody else's file.
  identifyFile(db);
  // Before the first page is written: it cannot be chosen later without writing everything anew.
  db.exec("PRAGMA auto_vacuum = INCREMENTAL;");
  db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;");
  // What was overwritten is zeroed, so that no old secret is left in a free page. It costs nothing that can be measured.
  db.exec("PRAGMA secure_delete = ON;");
  db.exec("PRAGMA journal_size_limit = 16777216; PRAGMA cache_size = -16384;");
  db.exec("BEGIN EXCLUSIVE; COMMIT;");
  if (fileBytesMax === undefined) return;
  const pageBytes = readNumber(db, "PRAGMA page_size");
  db.exec(`PRAGMA max_page_count = ${Math.max(1, Math.floor(fileBytesMax / pageBytes))}`);
}

type FileIdentity = { readonly kind: "new" } | { readonly kind: "ours"; readonly layout: number };

/** Looks without writing. Throws when it is somebody else's database or one of a later version. */
function identifyFile(db: DatabaseSync): FileIdentity {
  const names = db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all();
  if (names.length === 0) return { kind: "new" };
  const known = new Set(names.map((row) => String(row["name"])));
  if (!known.has("counter") || !known.has("entry"))
    throw new WherryError("StoreForeign", "the file is a database, but not one of Wherry's");
  const layout = readNumber(db, "SELECT value FROM counter WHERE name = 'layout'");
  if (!(layout >= 1 && layout <= currentLayout))
    throw new WherryError(
      "StoreForeign",
      `the file has layout ${layout}, written by another version of Wherry`,
    );
  return { kind: "ours", layout };
}

export type FileContent =
  | { readonly kind: "new" }
  /** `damage`: what SQLite's own check found. */
  | { readonly kind: "ours"; readonly layout: number; readonly damage: string | undefined };

/**
 * SQLite's quick check reads the whole file: 0.1 s for 50,000 objects, which is why it is done at every start. Without it
 * the first write could make damage worse.
 */
export function inspectFile(db: DatabaseSync): FileContent {
  const identity = identifyFile(db);
  return identity.kind === "new" ? identity : { ...identity, damage: findDamage(db, "quick_check") };
}

export function findDamage(db: DatabaseSync, check: "quick_check" | "integrity_check"): string | undefined {
  const result = Object.values(db.prepare(`PRAGMA ${check}(1)`).get() ?? {})[0];
  if (result === "ok") return undefined;
  // It names the database first, of which there is one.
  const lines = String(result).split("\n");
  return lines.filter((line) => line !== "" && !line.startsWith("***")).join("; ") || "damaged";
}

/** Makes a new file, or makes an older one current. In one transaction: after a crash it is as it was. */
export function bringUpToDate(db: DatabaseSync, content: FileContent, newEpoch: string): void {
  if (content.kind === "new") {
    inTransaction(db, () => {
      db.exec(tables);
      writeIdentity(db, newEpoch);
    });
  } else if (content.layout === 1) {
    inTransaction(db, () => migrateFrom1(db, newEpoch));
  }
  if (canShrink(db)) return;
  try {
    // A file from before layout 2: written anew once, so that it can shrink from now on.
    db.exec("PRAGMA auto_vacuum = INCREMENTAL; VACUUM;");
  } catch {
    // There is no room for it now. The file works as it is, and the next start tries again.
  }
}

export function canShrink(db: DatabaseSync): boolean {
  return readNumber(db, "PRAGMA auto_vacuum") === incrementalVacuum;
}

/** Its history does not say what each write replaced, so that past ends here: watches list again. */
function migrateFrom1(db: DatabaseSync, newEpoch: string): void {
  db.function("checksum", { deterministic: true }, (key, value) => checksum(String(key), String(value)));
  db.exec(`
    DROP TABLE history;
    ${tablesSince2("entry_2")}
    INSERT INTO entry_2 (key, value, revision, sum) SELECT key, value, revision, checksum(key, value) FROM entry ORDER BY key;
    DROP TABLE entry;
    ALTER TABLE entry_2 RENAME TO entry;
    INSERT INTO counter VALUES ('history_rows', 0), ('history_bytes', 0);
    UPDATE counter SET value = (SELECT value FROM counter WHERE name = 'revision') WHERE name = 'compacted';
    UPDATE counter SET value = ${currentLayout} WHERE name = 'layout';
  `);
  writeIdentity(db, newEpoch);
}

function writeIdentity(db: DatabaseSync, epoch: string): void {
  db.prepare("INSERT INTO identity VALUES ('epoch', ?)").run(epoch);
  db.exec(`PRAGMA application_id = ${applicationId}`);
}

/** Reads every entry, and throws unless each is whole and none is missing from the table or from its index. */
export function verifyEntries(
  db: DatabaseSync,
  onEntry: (key: string, value: string) => void = () => {},
): number {
  const rows = db.prepare("SELECT key, value, sum FROM entry NOT INDEXED");
  let count = 0;
  for (const row of rows.iterate()) {
    const [key, value] = [String(row["key"]), String(row["value"])];
    requireSum(key, value, Number(row["sum"]));
    onEntry(key, value);
    count++;
  }
  const byKey = readNumber(db, "SELECT count(*) FROM (SELECT key FROM entry ORDER BY key)");
  if (count !== byKey) throw corruption(`${count} entries, but ${byKey} keys`);
  return count;
}

export function requireSum(key: string, value: string, sum: number): void {
  if (checksum(key, value) !== sum)
    throw corruption(`the text of ${key} is not as it was written (its checksum does not match)`);
}

export function inTransaction<Result>(db: DatabaseSync, body: () => Result): Result {
  db.exec("BEGIN IMMEDIATE");
  try {
    const result = body();
    db.exec("COMMIT");
    return result;
  } catch (thrown) {
    // SQLite has rolled back by itself after some failures, such as a full disk.
    if (db.isTransaction) db.exec("ROLLBACK");
    throw thrown;
  }
}

export function readNumber(db: DatabaseSync, sql: string): number {
  return Number(Object.values(db.prepare(sql).get() ?? {})[0] ?? 0);
}

/** SQLite syncs the folder only together with its journals; a file's own name must survive power loss too. */
export function syncFolderOf(file: string): void {
  const folder = openSync(dirname(file), "r");
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

/** The same for a file whose folder may be as new as it is, and so may the folder's own. */
export function syncFoldersOf(file: string): void {
  syncFolderOf(file);
  for (const folder of [dirname(file), dirname(dirname(file))]) {
    try {
      syncFolderOf(folder);
    } catch {
      // Somebody else's, which was there before.
    }
  }
}
