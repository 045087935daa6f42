import { renameSync, rmSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import {
  bringUpToDate,
  createPrivately,
  currentLayout,
  findDamage,
  inspectFile,
  inTransaction,
  readNumber,
  takeFile,
  verifyEntries,
} from "./layout.ts";

const suffixes = ["", "-wal", "-shm", "-journal"];

/**
 * Replaces a file whose damage leaves every entry readable by a new one with those entries, and returns the damage.
 * undefined: there is none, and the file is as it was. Throws when an entry cannot be read, or might be missing.
 */
export function salvage(file: string, newEpoch: string): string | undefined {
  const damaged = new DatabaseSync(file);
  const fresh = `${file}-salvaged`;
  try {
    takeFile(damaged, undefined);
    const content = inspectFile(damaged);
    if (content.kind === "new") return undefined;
    const damage = content.damage ?? findDamage(damaged, "integrity_check");
    if (damage === undefined) return undefined;
    if (content.layout < currentLayout) throw damageError(damage);
    try {
      verifyEntries(damaged);
    } catch (thrown) {
      throw damageError(damage, thrown);
    }
    createPrivately(fresh);
    copyEntries(damaged, fresh, newEpoch);
    damaged.close();
    for (const suffix of suffixes.slice(1)) rmSync(file + suffix, { force: true });
    renameSync(fresh, file);
    return damage;
  } finally {
    if (damaged.isOpen) damaged.close();
    for (const suffix of suffixes) rmSync(fresh + suffix, { force: true });
  }
}

function copyEntries(damaged: DatabaseSync, file: string, newEpoch: string): void {
  const db = new DatabaseSync(file);
  try {
    takeFile(db, undefined);
    bringUpToDate(db, { kind: "new" }, newEpoch);
    inTransaction(db, () => {
      const insert = db.prepare("INSERT INTO entry (key, value, revision, sum) VALUES (?, ?, ?, ?)");
      const rows = damaged.prepare("SELECT key, value, revision, sum FROM entry ORDER BY key");
      for (const row of rows.iterate())
        insert.run(String(row["key"]), String(row["value"]), Number(row["revision"]), Number(row["sum"]));
      const revision = readNumber(damaged, "SELECT value FROM counter WHERE name = 'revision'");
      db.prepare("UPDATE counter SET value = ? WHERE name = 'revision'").run(revision);
    });
    db.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  } finally {
    db.close();
  }
}

function damageError(damage: string, cause?: unknown): Error {
  return Object.assign(new Error(damage, { cause }), { errcode: 11 });
}
