import { DatabaseSync, type StatementSync } from "node:sqlite";
import type { CommitOutcome, StoredEntry, StoreEvent, StoreWrite } from "../store.ts";
import type { HistoryLimits, WorkerOptions } from "./messages.ts";

/** Rows that one commit prunes at most beyond what it adds, so that no single write pays for a long past. */
const pruneRowsMax = 2_000;

const layout = `
  CREATE TABLE IF NOT EXISTS counter (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS entry (key TEXT PRIMARY KEY, value TEXT NOT NULL, revision INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS history (
    id INTEGER PRIMARY KEY, revision INTEGER NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL,
    deleted INTEGER NOT NULL, at INTEGER NOT NULL);
  CREATE INDEX IF NOT EXISTS history_revision ON history (revision);
  INSERT OR IGNORE INTO counter VALUES ('revision', 0), ('compacted', 0), ('layout', 1);
`;

type Row = Readonly<Record<string, string | number | null>>;

/** The SQLite file, synchronously: runs in the store's worker thread only. One transaction takes many commits. */
export class Database {
  readonly #db: DatabaseSync;
  readonly #limits: HistoryLimits;
  readonly #selectEntry: StatementSync;
  readonly #upsertEntry: StatementSync;
  readonly #deleteEntry: StatementSync;
  readonly #insertHistory: StatementSync;
  readonly #setCounter: StatementSync;
  #revision: number;
  #compacted: number;
  #historyRows: number;

  constructor(options: WorkerOptions) {
    this.#limits = options.history;
    this.#db = new DatabaseSync(options.file);
    try {
      this.#open();
    } catch (thrown) {
      this.#db.close();
      throw thrown;
    }
    this.#selectEntry = this.#db.prepare("SELECT value, revision FROM entry WHERE key = ?");
    this.#upsertEntry = this.#db.prepare(
      "INSERT INTO entry VALUES (?1, ?2, ?3) ON CONFLICT (key) DO UPDATE SET value = ?2, revision = ?3",
    );
    this.#deleteEntry = this.#db.prepare("DELETE FROM entry WHERE key = ?");
    this.#insertHistory = this.#db.prepare(
      "INSERT INTO history (revision, key, value, deleted, at) VALUES (?, ?, ?, ?, ?)",
    );
    this.#setCounter = this.#db.prepare("UPDATE counter SET value = ? WHERE name = ?");
    this.#revision = this.#number("SELECT value FROM counter WHERE name = 'revision'");
    this.#compacted = this.#number("SELECT value FROM counter WHERE name = 'compacted'");
    this.#historyRows = this.#number("SELECT count(*) FROM history");
  }

  get revision(): number {
    return this.#revision;
  }

  /** Applies the commits in one transaction. When it throws, nothing of any of them was written. */
  commit(
    commits: readonly (readonly StoreWrite[])[],
    nowMs: number,
  ): { readonly outcomes: readonly CommitOutcome[]; readonly events: readonly StoreEvent[] } {
    const before = { revision: this.#revision, compacted: this.#compacted, historyRows: this.#historyRows };
    this.#db.exec("BEGIN IMMEDIATE");
    try {
      const events: StoreEvent[] = [];
      const outcomes = commits.map((writes) => this.#apply(writes, nowMs, events));
      if (events.length > 0) this.#prune(nowMs);
      this.#setCounter.run(this.#revision, "revision");
      this.#db.exec("COMMIT");
      return { outcomes, events };
    } catch (thrown) {
      this.#revision = before.revision;
      this.#compacted = before.compacted;
      this.#historyRows = before.historyRows;
      if (this.#db.isTransaction) this.#db.exec("ROLLBACK");
      throw thrown;
    }
  }

  get(key: string): StoredEntry | undefined {
    const row = this.#selectEntry.get(key) as Row | undefined;
    return row && { key, value: String(row["value"]), revision: Number(row["revision"]) };
  }

  list(prefix: string): StoredEntry[] {
    const rows = this.#db
      .prepare("SELECT key, value, revision FROM entry WHERE key >= ? AND key < ? ORDER BY key")
      .all(prefix, afterPrefix(prefix)) as Row[];
    return rows.map((row) => ({
      key: String(row["key"]),
      value: String(row["value"]),
      revision: Number(row["revision"]),
    }));
  }

  /** The events after a revision, or undefined when some of them have been pruned. */
  history(prefix: string, afterRevision: number): StoreEvent[] | undefined {
    if (afterRevision < this.#compacted) return undefined;
    const rows = this.#db
      .prepare("SELECT * FROM history WHERE revision > ? AND key >= ? AND key < ? ORDER BY id")
      .all(afterRevision, prefix, afterPrefix(prefix)) as Row[];
    return rows.map((row) => ({
      kind: row["deleted"] === 1 ? "delete" : "put",
      key: String(row["key"]),
      value: String(row["value"]),
      revision: Number(row["revision"]),
    }));
  }

  get oldestRevision(): number {
    return this.#compacted;
  }

  close(): void {
    this.#db.close();
  }

  #open(): void {
    // One process owns the file; the lock falls with the process, whatever way it ends.
    this.#db.exec("PRAGMA busy_timeout = 2000; PRAGMA locking_mode = EXCLUSIVE;");
    this.#db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;");
    this.#db.exec("PRAGMA journal_size_limit = 16777216; PRAGMA cache_size = -16384;");
    this.#db.exec(`BEGIN EXCLUSIVE; ${layout} COMMIT;`);
    const check = this.#db.prepare("PRAGMA quick_check(1)").get() as Row | undefined;
    if (check?.["quick_check"] !== "ok")
      throw Object.assign(new Error(String(check?.["quick_check"])), { errcode: sqliteCorrupt });
    const version = this.#number("SELECT value FROM counter WHERE name = 'layout'");
    if (version !== 1)
      throw new Error(`the file has layout ${version}, written by another version of Wherry`);
  }

  #apply(writes: readonly StoreWrite[], nowMs: number, events: StoreEvent[]): CommitOutcome {
    const current = new Map<string, StoredEntry | undefined>();
    for (const write of writes) {
      const entry = this.get(write.key);
      current.set(write.key, entry);
      const revision = entry?.revision ?? 0;
      if (write.expectedRevision !== undefined && write.expectedRevision !== revision)
        return { kind: "conflict", key: write.key, currentRevision: revision };
    }
    const revision = this.#revision + 1;
    for (const write of writes) {
      if (write.kind === "check") continue;
      if (write.kind === "put") {
        this.#upsertEntry.run(write.key, write.value, revision);
        current.set(write.key, { key: write.key, value: write.value, revision });
        this.#record({ kind: "put", key: write.key, value: write.value, revision }, nowMs, events);
        continue;
      }
      const old = current.get(write.key);
      if (!old) continue;
      this.#deleteEntry.run(write.key);
      current.set(write.key, undefined);
      this.#record({ kind: "delete", key: write.key, value: old.value, revision }, nowMs, events);
    }
    this.#revision = revision;
    return { kind: "committed", revision };
  }

  #record(event: StoreEvent, nowMs: number, events: StoreEvent[]): void {
    this.#insertHistory.run(event.revision, event.key, event.value, event.kind === "delete" ? 1 : 0, nowMs);
    this.#historyRows++;
    events.push(event);
  }

  /** Removes the oldest events beyond the limits, by whole revisions. */
  #prune(nowMs: number): void {
    const excess = Math.max(0, this.#historyRows - this.#limits.eventsMax);
    const rows = this.#db
      .prepare("SELECT revision, at FROM history ORDER BY id LIMIT ?")
      .all(Math.max(1, Math.min(excess + 1, pruneRowsMax))) as Row[];
    const byCount = excess > 0 ? rows.at(Math.min(excess, rows.length) - 1) : undefined;
    const oldest = rows[0];
    const byAge = oldest && Number(oldest["at"]) < nowMs - this.#limits.ageMsMax;
    let upTo = byCount ? Number(byCount["revision"]) : 0;
    if (byAge) upTo = Math.max(upTo, this.#expiredRevision(nowMs));
    if (upTo === 0) return;
    const removed = this.#db.prepare("DELETE FROM history WHERE revision <= ?").run(upTo);
    this.#historyRows -= Number(removed.changes);
    this.#compacted = upTo;
    this.#setCounter.run(upTo, "compacted");
  }

  #expiredRevision(nowMs: number): number {
    const rows = this.#db
      .prepare("SELECT revision, at FROM history ORDER BY id LIMIT ?")
      .all(pruneRowsMax) as Row[];
    const last = rows.findLast((row) => Number(row["at"]) < nowMs - this.#limits.ageMsMax);
    return Number(last?.["revision"] ?? 0);
  }

  #number(sql: string): number {
    const row = this.#db.prepare(sql).get() as Row | undefined;
    return Number(Object.values(row ?? {})[0] ?? 0);
  }
}

export const sqliteCorrupt = 11;

/** The smallest text above every text with this prefix. */
function afterPrefix(prefix: string): string {
  return `${prefix}\u{10FFFF}`;
}
