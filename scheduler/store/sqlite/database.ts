import { backup, DatabaseSync, type StatementSync } from "node:sqlite";
import { errorMessage } from "../../../kit/errors.ts";
import type { CommitOutcome, StoredEntry, StoreWrite } from "../store.ts";
import { corruption } from "./failures.ts";
import { History } from "./history.ts";
import {
  bringUpToDate,
  checksum,
  createPrivately,
  currentLayout,
  inspectFile,
  inTransaction,
  readNumber,
  requireSum,
  syncFoldersOf,
  takeFile,
  verifyEntries,
} from "./layout.ts";
import type { Tidiness, WorkerOptions, WorkerPart } from "./messages.ts";
import { RowStatement } from "./rows.ts";

/** What one part of a long answer holds at most, so that the other thread reads one while the next is made. */
const partTextsMax = 1_000;
const partCharactersMax = 1_000_000;
/** Pages of a backup that are copied without letting a commit in between. */
const backupStepPages = 256;

interface Head {
  readonly revision: number;
  readonly bytes: number;
}

/** The SQLite file, synchronously: runs in the store's worker thread only. One transaction takes many commits. */
export class Database {
  readonly epoch: string;
  /** What is wrong with the file, when it can only be read. */
  readonly damage: string | undefined;
  readonly #db: DatabaseSync;
  readonly #history: History;
  readonly #selectEntry: RowStatement;
  readonly #selectHead: RowStatement;
  readonly #insertEntry: StatementSync;
  readonly #updateEntry: StatementSync;
  readonly #deleteEntry: StatementSync;
  readonly #setCounter: StatementSync;
  #revision: number;
  #isCopying = false;

  constructor(options: WorkerOptions) {
    createPrivately(options.file);
    const db = new DatabaseSync(options.file);
    this.#db = db;
    try {
      this.damage = openFile(db, options);
      this.#selectEntry = new RowStatement(db, "SELECT value, revision, sum FROM entry WHERE key = ?");
      this.#selectHead = new RowStatement(
        db,
        "SELECT revision, octet_length(value) FROM entry WHERE key = ?",
      );
      this.#insertEntry = db.prepare("INSERT INTO entry (key, value, revision, sum) VALUES (?, ?, ?, ?)");
      this.#updateEntry = db.prepare("UPDATE entry SET value = ?, revision = ?, sum = ? WHERE key = ?");
      this.#deleteEntry = db.prepare("DELETE FROM entry WHERE key = ?");
      this.#setCounter = db.prepare("UPDATE counter SET value = ? WHERE name = ?");
      this.#history = new History(db, options.history, this.damage !== undefined);
      this.#revision = readNumber(db, "SELECT value FROM counter WHERE name = 'revision'");
      this.epoch = String(db.prepare("SELECT value FROM identity WHERE name = 'epoch'").get()?.["value"]);
    } catch (thrown) {
      db.close();
      throw thrown;
    }
  }

  get revision(): number {
    return this.#revision;
  }

  get tidiness(): Tidiness {
    return this.#history.tidiness;
  }

  /** Applies the commits in one transaction. When it throws, nothing of any of them was written. */
  commit(
    commits: readonly (readonly StoreWrite[])[],
    nowMs: number,
  ): { readonly outcomes: readonly CommitOutcome[]; readonly removed: readonly (string | null)[] } {
    const revisionBefore = this.#revision;
    const historyBefore = this.#history.state;
    try {
      return inTransaction(this.#db, () => {
        const removed: (string | null)[] = [];
        const outcomes = commits.map((writes) => this.#apply(writes, nowMs, removed));
        this.#history.prune(nowMs);
        if (this.#revision !== revisionBefore) this.#setCounter.run(this.#revision, "revision");
        this.#history.save();
        return { outcomes, removed };
      });
    } catch (thrown) {
      this.#revision = revisionBefore;
      this.#history.putBack(historyBefore);
      throw thrown;
    }
  }

  get(key: string): StoredEntry | undefined {
    const row = this.#selectEntry.get(key);
    if (!row) return undefined;
    const value = String(row[0]);
    requireSum(key, value, Number(row[2]));
    return { key, value, revision: Number(row[1]) };
  }

  /** Key, value and revision of each entry. */
  list(prefix: string, onPart: (part: WorkerPart) => void): void {
    const [from, to] = prefixRange(prefix);
    const select = new RowStatement(
      this.#db,
      "SELECT key, value, revision, sum FROM entry WHERE key >= ? AND key < ? ORDER BY key",
    );
    const parts = new Parts(onPart);
    for (const row of select.iterate(from, to)) {
      const [key, value, revision] = [String(row[0]), String(row[1]), Number(row[2])];
      requireSum(key, value, Number(row[3]));
      parts.push(value.length, key, value, revision);
    }
    parts.end();
  }

  /**
   * Key, deleted, revision, previous value and its revision of each event after a revision, newest first. Returns what
   * their keys hold now; undefined when some of the events are no longer kept.
   */
  history(
    prefix: string,
    afterRevision: number | undefined,
    onPart: (part: WorkerPart) => void,
  ): readonly string[] | undefined {
    const after = afterRevision ?? this.#history.compacted;
    if (after < this.#history.compacted) return undefined;
    // A watch from now on works also where the history is damaged.
    if (after >= this.#revision) return [];
    const parts = new Parts(onPart);
    const keys = new Set<string>();
    for (const row of this.#history.newestFirst(after, ...prefixRange(prefix))) {
      keys.add(row.key);
      parts.push(
        row.previous?.length ?? 0,
        row.key,
        row.deleted,
        row.revision,
        row.previous,
        row.previousRevision,
      );
    }
    parts.end();
    return [...keys].flatMap((key) => {
      const entry = this.get(key);
      return entry ? [key, entry.value] : [];
    });
  }

  /** Everything after this revision is kept. */
  get completeAfter(): number {
    return this.#history.compacted;
  }

  /** One bounded step; there is more to do while `tidiness` says so. */
  tidy(nowMs: number): void {
    this.#changeHistory(() => this.#history.prune(nowMs));
    if (this.#isCopying) this.#history.leaveFile();
    else this.#history.shrinkFile();
  }

  /** Nothing of the past is left, neither in the file nor in its log. */
  forget(): void {
    this.#changeHistory(() => this.#history.clear(this.#revision));
    this.#db.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  }

  /**
   * `between` is called after each step but the last: only then may other methods be called. What is committed there is
   * in the copy. The file must not shrink meanwhile: Node would wait for ever for the pages that are gone.
   */
  async copyTo(file: string, between: () => void): Promise<void> {
    this.#isCopying = true;
    try {
      await backup(this.#db, file, { rate: backupStepPages, progress: between });
    } finally {
      this.#isCopying = false;
    }
  }

  close(): void {
    this.#db.close();
  }

  #changeHistory(change: () => void): void {
    const before = this.#history.state;
    try {
      inTransaction(this.#db, () => {
        change();
        this.#history.save();
      });
    } catch (thrown) {
      this.#history.putBack(before);
      throw thrown;
    }
  }

  #apply(writes: readonly StoreWrite[], nowMs: number, removed: (string | null)[]): CommitOutcome {
    const heads = new Map<string, Head | undefined>();
    for (const write of writes) {
      const head = this.#head(write.key);
      heads.set(write.key, head);
      const revision = head?.revision ?? 0;
      if (write.expectedRevision !== undefined && write.expectedRevision !== revision)
        return { kind: "conflict", key: write.key, currentRevision: revision };
    }
    const revision = ++this.#revision;
    for (const write of writes) {
      if (write.kind === "check") continue;
      const { key } = write;
      const head = heads.get(key);
      if (write.kind === "put") {
        this.#history.record(key, { revision, deleted: 0, nowMs }, head?.bytes);
        const sum = checksum(key, write.value);
        if (head) this.#updateEntry.run(write.value, revision, sum, key);
        else this.#insertEntry.run(key, write.value, revision, sum);
        if (writes.length > 1) heads.set(key, { revision, bytes: Buffer.byteLength(write.value) });
        continue;
      }
      removed.push(head ? (this.get(key)?.value ?? null) : null);
      if (!head) continue;
      this.#history.record(key, { revision, deleted: 1, nowMs }, head.bytes);
      this.#deleteEntry.run(key);
      heads.set(key, undefined);
    }
    return { kind: "committed", revision };
  }

  #head(key: string): Head | undefined {
    const row = this.#selectHead.get(key);
    return row && { revision: Number(row[0]), bytes: Number(row[1]) };
  }
}

/** Collects rows into parts of bounded size. */
class Parts {
  readonly #onPart: (part: WorkerPart) => void;
  #values: (string | number | null)[] = [];
  #characters = 0;

  constructor(onPart: (part: WorkerPart) => void) {
    this.#onPart = onPart;
  }

  push(characters: number, ...values: readonly (string | number | null)[]): void {
    this.#values.push(...values);
    this.#characters += characters;
    if (this.#values.length >= partTextsMax || this.#characters >= partCharactersMax) this.end();
  }

  end(): void {
    if (this.#values.length > 0) this.#onPart(this.#values);
    this.#values = [];
    this.#characters = 0;
  }
}

/** Returns the damage of a file whose entries can all be read; throws when they cannot. */
function openFile(db: DatabaseSync, options: WorkerOptions): string | undefined {
  takeFile(db, options.fileBytesMax);
  const content = inspectFile(db);
  if (content.kind === "ours" && content.damage !== undefined) {
    try {
      if (content.layout < currentLayout)
        throw new Error("a file of an earlier version must be changed first");
      verifyEntries(db);
    } catch (thrown) {
      throw corruption(`${content.damage}; what is stored cannot be read: ${errorMessage(thrown)}`);
    }
    db.exec("PRAGMA query_only = ON");
    return content.damage;
  }
  bringUpToDate(db, content, options.newEpoch);
  if (content.kind === "new") syncFoldersOf(options.file);
  return undefined;
}

/** The texts with a prefix are those from the first up to, without, the second; a blob is above every text. */
export function prefixRange(prefix: string): readonly [from: string, to: string | Uint8Array] {
  const points = Array.from(prefix, (character) => character.codePointAt(0) ?? 0);
  for (let last = points.pop(); last !== undefined; last = points.pop()) {
    if (last === 0x10ffff) continue;
    // The surrogates are no characters of their own.
    const next = last === 0xd7ff ? 0xe000 : last + 1;
    return [prefix, String.fromCodePoint(...points, next)];
  }
  return [prefix, new Uint8Array()];
}
