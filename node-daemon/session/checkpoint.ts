/**
 * What the daemon must remember across its own death, in `<state>/daemon.db`.
 *
 * Writes of one event-loop turn are one transaction: the caller gathers them and calls `commit`. With WAL and
 * synchronous=NORMAL a commit costs no fsync: what is committed survives `kill -9` of this process (it is in the kernel's page
 * cache), and a crash of the whole machine loses at most the last moments without corrupting anything. FULL would buy
 * nothing: after a machine crash every instance is gone too, and the scheduler decides anew from what the node reports.
 *
 * Instances lie in the order in which they came, by a number: those that start together change together, and so share the
 * pages that are written. By their uids, which are random, each change would write a page of its own: measured, 4 times
 * the CPU time and 3 to 4 times the time.
 *
 * The file holds Secrets (templates have them resolved), so it and its folder are the daemon's user's alone.
 */
import { chmodSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { deserialize, serialize } from "node:v8";
import { errorMessage, WherryError } from "../../kit/errors.ts";
import type { NodeAssignment, NodeTemplate, TemplateContents, VolumeContent } from "../core/assignment.ts";
import type { Lifecycle } from "../core/lifecycle-state.ts";

export interface StoredInstance {
  readonly assignment: NodeAssignment;
  readonly lifecycle: Lifecycle;
}

export type CheckpointChange =
  | { readonly kind: "putInstance"; readonly instance: StoredInstance }
  | { readonly kind: "removeInstance"; readonly uid: string }
  | { readonly kind: "putTemplate"; readonly template: NodeTemplate }
  /** Of a template that is stored; volumes that are not named stay as they are. */
  | { readonly kind: "putContents"; readonly contents: TemplateContents }
  | { readonly kind: "removeTemplate"; readonly id: string }
  | { readonly kind: "putGatewayFact"; readonly fact: GatewayFact }
  | ({ readonly kind: "removeGatewayFact" } & Pick<GatewayFact, "about" | "id">)
  | { readonly kind: "putWakeForm"; readonly assignment: NodeAssignment }
  /** `workload`: the uid of its assignment's owner. */
  | { readonly kind: "removeWakeForm"; readonly workload: string };

/** What the scheduler has told the node's gateway. */
export interface GatewayFact {
  readonly about: "route" | "workload" | "certificate" | "ticketKey";
  readonly id: string;
  readonly json: string;
}

/** Without contents, which may be large. */
export type StoredTemplate = Pick<NodeTemplate, "id" | "specJson" | "contentsId">;

export interface StoredMeta {
  /** The highest epoch seen. */
  readonly epoch: number;
  /** From the last Welcome; undefined before the first. */
  readonly stopDisconnectedAfterMs: number | undefined;
}

export interface Checkpoint {
  loadInstances(): readonly StoredInstance[];
  loadTemplates(): readonly StoredTemplate[];
  loadContents(templateId: string): readonly VolumeContent[];
  loadGatewayFacts(): readonly GatewayFact[];
  loadWakeForms(): readonly NodeAssignment[];
  loadMeta(): StoredMeta;
  saveMeta(meta: StoredMeta): void;
  commit(changes: readonly CheckpointChange[]): void;
  close(): void;
}

/** Raised when stored values change their meaning. */
const schemaVersion = 5;

const instancesTable = `
  CREATE TABLE IF NOT EXISTS instances (id INTEGER PRIMARY KEY, uid TEXT NOT NULL, value TEXT NOT NULL) STRICT;
`;
const schema = `
  ${instancesTable}
  CREATE TABLE IF NOT EXISTS templates (
    id TEXT PRIMARY KEY, spec BLOB NOT NULL, contents BLOB NOT NULL, contents_id TEXT NOT NULL DEFAULT ''
  ) STRICT;
  CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS gateway_facts (
    about TEXT NOT NULL, id TEXT NOT NULL, json TEXT NOT NULL, PRIMARY KEY (about, id)
  ) STRICT;
  CREATE TABLE IF NOT EXISTS wake_forms (workload TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
`;

/**
 * From the version before to each one. What runs is taken over by an upgraded daemon, so what was written is as well.
 * 2 had instances by their uids; 3 had contents that never changed, so they had no ids; 4 knew of no gateway.
 */
const upgrades: ReadonlyMap<number, string> = new Map([
  [
    3,
    `
      ALTER TABLE instances RENAME TO instances_by_uid;
      ${instancesTable}
      INSERT INTO instances (uid, value) SELECT uid, value FROM instances_by_uid;
      DROP TABLE instances_by_uid;
    `,
  ],
  [4, "ALTER TABLE templates ADD COLUMN contents_id TEXT NOT NULL DEFAULT '';"],
]);
const oldestVersion = 2;

export function openCheckpoint(file: string): Checkpoint {
  const database = new DatabaseSync(file);
  try {
    chmodSync(file, 0o600);
    takeLock(database, file);
    const { user_version: version } = database.prepare("PRAGMA user_version").get() as {
      user_version: number;
    };
    if (version >= oldestVersion && version < schemaVersion) upgrade(database, version);
    else if (version !== 0 && version !== schemaVersion) {
      throw new WherryError(
        "StateVersionUnknown",
        `${file} was written by another version of the node daemon (schema ${version}, this one knows ${schemaVersion}); use that version, or move the file away to start with nothing`,
      );
    }
    database.exec(schema);
    database.exec(`PRAGMA user_version = ${schemaVersion}`);
    return new SqliteCheckpoint(database);
  } catch (error) {
    database.close();
    throw error;
  }
}

function upgrade(database: DatabaseSync, from: number): void {
  database.exec("BEGIN IMMEDIATE");
  for (let version = from + 1; version <= schemaVersion; version++)
    database.exec(upgrades.get(version) ?? "");
  database.exec(`PRAGMA user_version = ${schemaVersion}; COMMIT`);
}

/**
 * The database is also the lock on the state directory: the kernel frees it with the process, however that ended. The
 * wait is for a predecessor that is just leaving.
 */
function takeLock(database: DatabaseSync, file: string): void {
  try {
    database.exec("PRAGMA busy_timeout = 2000; PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL;");
    database.exec("PRAGMA synchronous = NORMAL; BEGIN IMMEDIATE; COMMIT;");
  } catch (error) {
    if (!/locked|busy/i.test(errorMessage(error))) throw error;
    throw new WherryError(
      "StateDirLocked",
      `another node daemon uses ${dirname(file)}; stop it, or give this one a directory of its own with --state-dir`,
      { cause: error },
    );
  }
}

class SqliteCheckpoint implements Checkpoint {
  readonly #database: DatabaseSync;
  /** The number of each instance that is stored, and of those that were to be in a transaction that failed. */
  readonly #ids = new Map<string, number>();
  #nextId = 1;
  readonly #putInstance: StatementSync;
  readonly #removeInstance: StatementSync;
  readonly #putTemplate: StatementSync;
  readonly #putContents: StatementSync;
  readonly #removeTemplate: StatementSync;
  readonly #putMeta: StatementSync;
  readonly #putGatewayFact: StatementSync;
  readonly #removeGatewayFact: StatementSync;
  readonly #putWakeForm: StatementSync;
  readonly #removeWakeForm: StatementSync;

  constructor(database: DatabaseSync) {
    this.#database = database;
    this.#putInstance = database.prepare(
      "INSERT INTO instances VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET value = excluded.value",
    );
    this.#removeInstance = database.prepare("DELETE FROM instances WHERE id = ?");
    this.#putTemplate = database.prepare("INSERT INTO templates VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING");
    this.#putContents = database.prepare("UPDATE templates SET contents = ?, contents_id = ? WHERE id = ?");
    this.#removeTemplate = database.prepare("DELETE FROM templates WHERE id = ?");
    this.#putMeta = database.prepare(
      "INSERT INTO meta VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value",
    );
    this.#putGatewayFact = database.prepare(
      "INSERT INTO gateway_facts VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET json = excluded.json",
    );
    this.#removeGatewayFact = database.prepare("DELETE FROM gateway_facts WHERE about = ? AND id = ?");
    this.#putWakeForm = database.prepare(
      "INSERT INTO wake_forms VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value",
    );
    this.#removeWakeForm = database.prepare("DELETE FROM wake_forms WHERE workload = ?");
    const rows = database.prepare("SELECT id, uid FROM instances ORDER BY id").all();
    for (const { id, uid } of rows as { id: number; uid: string }[]) {
      this.#ids.set(uid, id);
      this.#nextId = id + 1;
    }
  }

  loadInstances(): readonly StoredInstance[] {
    const rows = this.#database.prepare("SELECT value FROM instances").all() as { value: string }[];
    return rows.map(({ value }) => JSON.parse(value) as StoredInstance);
  }

  loadTemplates(): readonly StoredTemplate[] {
    const rows = this.#database.prepare("SELECT id, spec, contents_id FROM templates").all();
    return (rows as { id: string; spec: Uint8Array; contents_id: string }[]).map((row) => ({
      id: row.id,
      specJson: row.spec,
      contentsId: row.contents_id,
    }));
  }

  loadContents(templateId: string): readonly VolumeContent[] {
    const row = this.#database.prepare("SELECT contents FROM templates WHERE id = ?").get(templateId);
    return row ? (deserialize((row as { contents: Uint8Array }).contents) as readonly VolumeContent[]) : [];
  }

  loadGatewayFacts(): readonly GatewayFact[] {
    const rows = this.#database.prepare("SELECT about, id, json FROM gateway_facts").all();
    // Only this file writes them.
    return (rows as unknown as readonly GatewayFact[]).map(({ about, id, json }) => ({ about, id, json }));
  }

  loadWakeForms(): readonly NodeAssignment[] {
    const rows = this.#database.prepare("SELECT value FROM wake_forms").all() as { value: string }[];
    return rows.map(({ value }) => JSON.parse(value) as NodeAssignment);
  }

  loadMeta(): StoredMeta {
    const rows = this.#database.prepare("SELECT name, value FROM meta").all() as {
      name: string;
      value: number;
    }[];
    const values = new Map(rows.map(({ name, value }) => [name, value]));
    return {
      epoch: values.get("epoch") ?? 0,
      stopDisconnectedAfterMs: values.get("stopDisconnectedAfterMs"),
    };
  }

  saveMeta({ epoch, stopDisconnectedAfterMs }: StoredMeta): void {
    this.#putMeta.run("epoch", epoch);
    if (stopDisconnectedAfterMs !== undefined) {
      this.#putMeta.run("stopDisconnectedAfterMs", stopDisconnectedAfterMs);
    }
  }

  commit(changes: readonly CheckpointChange[]): void {
    if (changes.length === 0) return;
    this.#database.exec("BEGIN IMMEDIATE");
    try {
      for (const change of changes) this.#apply(change);
      this.#database.exec("COMMIT");
    } catch (error) {
      this.#database.exec("ROLLBACK");
      throw error;
    }
    // Not before: in a transaction that failed nothing was removed.
    for (const uid of removedBy(changes)) this.#ids.delete(uid);
  }

  close(): void {
    this.#database.close();
  }

  #apply(change: CheckpointChange): void {
    switch (change.kind) {
      case "putInstance":
        this.#put(change.instance);
        return;
      case "removeInstance":
        this.#removeInstance.run(this.#ids.get(change.uid) ?? null);
        return;
      case "putTemplate": {
        const { id, specJson, contents, contentsId } = change.template;
        this.#putTemplate.run(id, specJson, serialize(contents), contentsId);
        return;
      }
      case "putContents": {
        const { templateId, contents, contentsId } = change.contents;
        const stored = mergedContents(this.loadContents(templateId), contents);
        this.#putContents.run(serialize(stored), contentsId, templateId);
        return;
      }
      case "removeTemplate":
        this.#removeTemplate.run(change.id);
        return;
      case "putGatewayFact": {
        const { about, id, json } = change.fact;
        this.#putGatewayFact.run(about, id, json);
        return;
      }
      case "removeGatewayFact":
        this.#removeGatewayFact.run(change.about, change.id);
        return;
      case "putWakeForm":
        this.#putWakeForm.run(change.assignment.owner.uid, JSON.stringify(change.assignment));
        return;
      case "removeWakeForm":
        this.#removeWakeForm.run(change.workload);
    }
  }

  #put(instance: StoredInstance): void {
    const { uid } = instance.assignment;
    const id = this.#ids.get(uid) ?? this.#nextId++;
    this.#ids.set(uid, id);
    this.#putInstance.run(id, uid, JSON.stringify(instance));
  }
}

/** Each volume as it is named last. */
export function mergedContents(
  before: readonly VolumeContent[],
  after: readonly VolumeContent[],
): readonly VolumeContent[] {
  const named = new Set(after.map(({ volume }) => volume));
  return [...before.filter(({ volume }) => !named.has(volume)), ...after];
}

/** Uids of instances that are not there after all of them. */
function removedBy(changes: readonly CheckpointChange[]): ReadonlySet<string> {
  const removed = new Set<string>();
  for (const change of changes) {
    if (change.kind === "removeInstance") removed.add(change.uid);
    if (change.kind === "putInstance") removed.delete(change.instance.assignment.uid);
  }
  return removed;
}
