import type { DatabaseSync, StatementSync } from "node:sqlite";
import { canShrink, requireSum } from "./layout.ts";
import type { HistoryLimits, Tidiness } from "./messages.ts";
import { RowStatement } from "./rows.ts";

/** Rows that one transaction prunes at most beyond what it adds, so that no single write pays for a long past. */
const pruneRowsMax = 2_000;
/** What a row takes besides its texts: its numbers, and its place in the table and the index. */
const rowBytes = 64;
/** Free pages are handed back to the file system above this share of the file, down to half of it. */
const freeShareMax = 0.2;
/** A file is not worth shrinking below this. */
const freePagesMin = 1_024;
/** Pages that one step moves at most. */
const shrinkPagesMax = 1_024;
/** Free pages are counted once in so many transactions. */
const countEvery = 64;

interface State {
  readonly compacted: number;
  readonly rows: number;
  readonly bytes: number;
  readonly oldestAtMs: number | undefined;
}

export interface HistoryRow {
  readonly key: string;
  readonly deleted: number;
  readonly revision: number;
  readonly previous: string | null;
  readonly previousRevision: number;
}

/** The undo log of the file, and what becomes of it. Its owner opens the transactions. */
export class History {
  readonly #db: DatabaseSync;
  readonly #limits: HistoryLimits;
  readonly #recordChange: StatementSync;
  readonly #recordCreate: StatementSync;
  readonly #selectOldest: RowStatement;
  readonly #measure: RowStatement;
  readonly #remove: StatementSync;
  readonly #setCounter: StatementSync;
  readonly #countPages: RowStatement;
  readonly #countFree: RowStatement;
  readonly #canShrink: boolean;
  #state: State;
  #saved: State;
  #added = 0;
  #saves = 0;
  #isFragmented = false;

  /** `isDamaged`: the file is only read, and perhaps not even the history's beginning can be. */
  constructor(db: DatabaseSync, limits: HistoryLimits, isDamaged: boolean) {
    this.#db = db;
    this.#limits = limits;
    this.#recordChange = db.prepare(
      `INSERT INTO history (revision, key, previous, previous_revision, sum, deleted, at, bytes)
       SELECT ?2, key, value, revision, sum, ?3, ?4, ?5 FROM entry WHERE key = ?1`,
    );
    this.#recordCreate = db.prepare(
      `INSERT INTO history (revision, key, previous, previous_revision, sum, deleted, at, bytes)
       VALUES (?2, ?1, NULL, 0, 0, ?3, ?4, ?5)`,
    );
    this.#selectOldest = new RowStatement(db, "SELECT revision, at, bytes FROM history ORDER BY id LIMIT ?");
    this.#measure = new RowStatement(db, "SELECT count(*), total(bytes) FROM history WHERE revision <= ?");
    this.#remove = db.prepare("DELETE FROM history WHERE revision <= ?");
    this.#setCounter = db.prepare("UPDATE counter SET value = ? WHERE name = ?");
    this.#countPages = new RowStatement(db, "PRAGMA page_count");
    this.#countFree = new RowStatement(db, "PRAGMA freelist_count");
    this.#state = this.#saved = this.#load(isDamaged);
    this.#canShrink = canShrink(db);
    this.#isFragmented = this.#freePages() > 0;
  }

  get state(): State {
    return this.#state;
  }

  /** After a rollback: `state` as it was when the transaction began. */
  putBack(state: State): void {
    this.#state = this.#saved = state;
    this.#added = 0;
  }

  get compacted(): number {
    return this.#state.compacted;
  }

  get tidiness(): Tidiness {
    return { oldestAtMs: this.#state.oldestAtMs, isUntidy: this.#isFragmented || this.#isOverfull };
  }

  /** Called before the entry is changed. `previousBytes`: of the text it has, or undefined when it does not exist. */
  record(
    key: string,
    event: { readonly revision: number; readonly deleted: 0 | 1; readonly nowMs: number },
    previousBytes: number | undefined,
  ): void {
    const bytes = rowBytes + key.length + (previousBytes ?? 0);
    const statement = previousBytes === undefined ? this.#recordCreate : this.#recordChange;
    statement.run(key, event.revision, event.deleted, event.nowMs, bytes);
    const state = this.#state;
    this.#state = {
      ...state,
      rows: state.rows + 1,
      bytes: state.bytes + bytes,
      oldestAtMs: state.oldestAtMs ?? event.nowMs,
    };
    this.#added++;
  }

  /** Removes the oldest events beyond the limits, by whole revisions and a bounded number of them. */
  prune(nowMs: number): void {
    const limit = pruneRowsMax + this.#added;
    this.#added = 0;
    const tooOldMs = nowMs - this.#limits.ageMsMax;
    if (!this.#isOverfull && !((this.#state.oldestAtMs ?? Infinity) < tooOldMs)) return;
    let { rows, bytes } = this.#state;
    let upTo = 0;
    for (const row of this.#selectOldest.iterate(limit)) {
      const [revision, at, size] = [Number(row[0]), Number(row[1]), Number(row[2])];
      const isOver = rows > this.#limits.eventsMax || bytes > this.#limits.bytesMax || at < tooOldMs;
      if (!isOver && revision !== upTo) break;
      upTo = revision;
      rows--;
      bytes -= size;
    }
    if (upTo > 0) this.#removeUpTo(upTo);
  }

  clear(revision: number): void {
    this.#db.exec("DELETE FROM history");
    this.#state = { compacted: revision, rows: 0, bytes: 0, oldestAtMs: undefined };
    this.#added = 0;
  }

  /** Writes the counters that have changed, within the transaction. */
  save(): void {
    const { compacted, rows, bytes } = this.#state;
    if (compacted !== this.#saved.compacted) this.#setCounter.run(compacted, "compacted");
    if (rows !== this.#saved.rows) this.#setCounter.run(rows, "history_rows");
    if (bytes !== this.#saved.bytes) this.#setCounter.run(bytes, "history_bytes");
    this.#saved = this.#state;
    if (++this.#saves % countEvery === 0) this.#isFragmented = this.#freePages() > 0;
  }

  /** Hands free pages back to the file system: one bounded step, outside of any transaction. */
  shrinkFile(): void {
    const free = this.#freePages();
    if (free > 0) this.#db.exec(`PRAGMA incremental_vacuum(${Math.min(free, shrinkPagesMax)})`);
    this.#isFragmented = free > shrinkPagesMax;
  }

  /** Not now: asked again after some more transactions. */
  leaveFile(): void {
    this.#isFragmented = false;
  }

  *newestFirst(afterRevision: number, from: string, to: string | Uint8Array): Iterable<HistoryRow> {
    const select = new RowStatement(
      this.#db,
      `SELECT key, deleted, revision, previous, previous_revision, sum FROM history
       WHERE revision > ? AND key >= ? AND key < ? ORDER BY id DESC`,
    );
    for (const row of select.iterate(afterRevision, from, to)) {
      const key = String(row[0]);
      const previous = row[3] === null ? null : String(row[3]);
      if (previous !== null) requireSum(key, previous, Number(row[5]));
      yield {
        key,
        deleted: Number(row[1]),
        revision: Number(row[2]),
        previous,
        previousRevision: Number(row[4]),
      };
    }
  }

  get #isOverfull(): boolean {
    return this.#state.rows > this.#limits.eventsMax || this.#state.bytes > this.#limits.bytesMax;
  }

  #removeUpTo(revision: number): void {
    const [rows, bytes] = this.#measure.get(revision) ?? [0, 0];
    this.#remove.run(revision);
    this.#state = {
      compacted: revision,
      rows: this.#state.rows - Number(rows),
      bytes: this.#state.bytes - Number(bytes),
      oldestAtMs: this.#readOldest(),
    };
  }

  #readOldest(): number | undefined {
    const row = this.#selectOldest.get(1);
    return row && Number(row[1]);
  }

  #load(isDamaged: boolean): State {
    const counters = new RowStatement(this.#db, "SELECT name, value FROM counter").all();
    const value = (name: string) => Number(counters.find((row) => row[0] === name)?.[1] ?? 0);
    return {
      compacted: value("compacted"),
      rows: value("history_rows"),
      bytes: value("history_bytes"),
      oldestAtMs: isDamaged ? undefined : this.#readOldest(),
    };
  }

  /** How many pages there are to hand back now. */
  #freePages(): number {
    if (!this.#canShrink) return 0;
    const first = (statement: RowStatement) => Number(statement.get()?.[0]);
    const free = first(this.#countFree);
    const most = Math.max(freePagesMin, first(this.#countPages) * freeShareMax);
    return free > most ? free - Math.floor(most / 2) : 0;
  }
}
