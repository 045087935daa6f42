/**
 * Puts a backup in the place of a store that is not in use.
 *
 *   copy beside the target ─▶ check all of it, salvage it if need be ─▶ new epoch, revision leaps ─▶ old file kept aside ─▶ rename
 *
 * Whatever it was interrupted at, there is a whole store in the target's place afterwards: the old one or the new one.
 */
import {
  closeSync,
  constants,
  copyFileSync,
  existsSync,
  fsyncSync,
  linkSync,
  openSync,
  chmodSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { errorCode, errorMessage, WherryError } from "../../../kit/errors.ts";
import { isCorrupt, storeError } from "./failures.ts";
import {
  bringUpToDate,
  inspectFile,
  inTransaction,
  readNumber,
  syncFolderOf,
  takeFile,
  verifyEntries,
} from "./layout.ts";
import { salvage } from "./salvage.ts";

export interface RestoreOptions {
  /** The backup. */
  readonly from: string;
  /** The store's file. */
  readonly file: string;
  /** Also when there is a store already; it is kept under another name. */
  readonly force: boolean;
  readonly nowMs: number;
  readonly newEpoch: string;
  /** Sees everything that is restored. */
  readonly onEntry?: (key: string, value: string) => void;
}

export interface RestoreReport {
  readonly entries: number;
  readonly revision: number;
  /** What is wrong with the backup, which concerns nothing that is stored. */
  readonly salvaged: string | undefined;
  /** Where the store of before is now. */
  readonly keptAside: string | undefined;
}

/**
 * Revisions of after the backup were given out already, and clients remember them: far more than could be written since.
 * A restore of every minute would take ten years to come near what a number can hold.
 */
const revisionLeap = 1_000_000_000;
/** The same backup may be restored twice, and the store in between be lost: so time counts too, for a million a second. */
const revisionsPerMs = 1_000;

/** Throws `StoreCorrupt`, `StoreForeign`, `StoreLocked`, `StoreExists` or `StoreUnwritable`; the target is untouched then. */
export function restoreSqliteStore(options: RestoreOptions): RestoreReport {
  const { from, file, force } = options;
  const draft = `${file}.restore-${options.newEpoch}`;
  try {
    const before = lookAtTarget(file);
    if (before.kind === "exists" && !force)
      throw new WherryError(
        "StoreExists",
        `${file} exists; with --force it is kept under another name and replaced`,
      );
    copyBackup(from, draft);
    const salvaged = attempt(from, () => salvage(draft, options.newEpoch));
    const report = attempt(from, () =>
      prepareDraft(draft, {
        onEntry: options.onEntry ?? (() => {}),
        newEpoch: options.newEpoch,
        revisionMin: Math.max(before.kind === "exists" ? before.revision : 0, options.nowMs * revisionsPerMs),
      }),
    );
    syncFile(draft);
    const keptAside = before.kind === "exists" ? keepAside(file, options.nowMs) : undefined;
    renameSync(draft, file);
    syncFolderOf(file);
    return { ...report, salvaged, keptAside };
  } finally {
    for (const suffix of ["", "-wal", "-shm", "-journal"]) rmSync(draft + suffix, { force: true });
  }
}

type Target = { readonly kind: "none" } | { readonly kind: "exists"; readonly revision: number };

/** The revision of a target that cannot be read counts as 0. Throws `StoreLocked` when it is in use. */
function lookAtTarget(file: string): Target {
  if (!existsSync(file)) return { kind: "none" };
  try {
    const db = new DatabaseSync(file);
    try {
      takeFile(db, undefined);
      // Everything into the one file that is kept.
      db.exec("PRAGMA wal_checkpoint(TRUNCATE)");
      return {
        kind: "exists",
        revision: readNumber(db, "SELECT value FROM counter WHERE name = 'revision'"),
      };
    } finally {
      db.close();
    }
  } catch (thrown) {
    const error = storeError(file, thrown);
    if (error.code === "StoreLocked") throw error;
    return { kind: "exists", revision: 0 };
  }
}

function copyBackup(from: string, draft: string): void {
  try {
    if (!statSync(from).isFile()) throw new Error("it is no file");
    copyFileSync(from, draft, constants.COPYFILE_EXCL);
    chmodSync(draft, 0o600);
    // The file of a scheduler that was killed has a part of its content beside it.
    if (existsSync(`${from}-wal`)) copyFileSync(`${from}-wal`, `${draft}-wal`, constants.COPYFILE_EXCL);
  } catch (thrown) {
    throw new WherryError("StoreUnwritable", `copying ${from} to ${draft}: ${errorMessage(thrown)}`, {
      cause: thrown,
    });
  }
}

interface DraftOptions {
  readonly newEpoch: string;
  /** No revision up to it may come (again). */
  readonly revisionMin: number;
  readonly onEntry: (key: string, value: string) => void;
}

function prepareDraft(
  draft: string,
  { newEpoch, revisionMin, onEntry }: DraftOptions,
): { readonly entries: number; readonly revision: number } {
  const db = new DatabaseSync(draft);
  try {
    takeFile(db, undefined);
    const content = inspectFile(db);
    if (content.kind === "new") throw new WherryError("StoreForeign", "the file is empty");
    bringUpToDate(db, content, newEpoch);
    const entries = verifyEntries(db, onEntry);
    const own = readNumber(db, "SELECT value FROM counter WHERE name = 'revision'");
    const revision = Math.max(own, revisionMin) + revisionLeap;
    inTransaction(db, () => {
      db.exec("DELETE FROM history");
      db.prepare("UPDATE identity SET value = ? WHERE name = 'epoch'").run(newEpoch);
      const set = db.prepare("UPDATE counter SET value = ? WHERE name = ?");
      for (const name of ["revision", "compacted"]) set.run(revision, name);
      for (const name of ["history_rows", "history_bytes"]) set.run(0, name);
    });
    db.exec("PRAGMA wal_checkpoint(TRUNCATE)");
    return { entries, revision };
  } finally {
    db.close();
  }
}

/** Under another name as well, so that the place is never empty. */
function keepAside(file: string, nowMs: number): string {
  const stamp = new Date(nowMs).toISOString().replaceAll(/[:.]/g, "-");
  const aside = `${file}.before-restore-${stamp}`;
  try {
    linkSync(file, aside);
  } catch (thrown) {
    // Not every file system has hard links.
    if (errorCode(thrown) === "EEXIST") throw thrown;
    copyFileSync(file, aside, constants.COPYFILE_EXCL);
  }
  // Only a file that SQLite could not open still has one. It must not be taken for the new file's.
  if (existsSync(`${file}-wal`)) renameSync(`${file}-wal`, `${aside}-wal`);
  rmSync(`${file}-shm`, { force: true });
  return aside;
}

function attempt<Result>(from: string, body: () => Result): Result {
  try {
    return body();
  } catch (thrown) {
    if (thrown instanceof WherryError) throw new WherryError(thrown.code, `${from}: ${thrown.message}`);
    if (isCorrupt(thrown))
      throw new WherryError(
        "StoreCorrupt",
        `${from} is damaged and cannot be restored: ${errorMessage(thrown)}`,
      );
    throw storeError(from, thrown);
  }
}

function syncFile(path: string): void {
  const descriptor = openSync(path, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
