import type { CommitOutcome, PastEvent, StoredEntry, StoreEvent, StoreWrite } from "../store.ts";
import type { WorkerPart } from "./messages.ts";

/**
 * The events of commits, made from what was asked for: the texts of puts are here already and need not come back from the
 * worker. `removed`: for each delete of a commit that was made, what the entry held.
 */
export function eventsOf(
  commits: readonly (readonly StoreWrite[])[],
  outcomes: readonly CommitOutcome[],
  removed: readonly (string | null)[],
): StoreEvent[] {
  const events: StoreEvent[] = [];
  let deletes = 0;
  for (const [at, writes] of commits.entries()) {
    const outcome = outcomes[at];
    if (outcome?.kind !== "committed") continue;
    const { revision } = outcome;
    for (const write of writes) {
      if (write.kind === "put") events.push({ kind: "put", key: write.key, value: write.value, revision });
      if (write.kind !== "delete") continue;
      const value = removed[deletes++];
      if (typeof value === "string") events.push({ kind: "delete", key: write.key, value, revision });
    }
  }
  return events;
}

/** The events of an undo log: what each wrote is what the next of its key replaced, or what the key holds now. */
export function eventsOfUndoLog(newestFirst: readonly WorkerPart[], current: readonly string[]): PastEvent[] {
  const values = new Map<string, string | undefined>();
  for (let at = 0; at < current.length; at += 2) values.set(current[at] ?? "", current[at + 1]);
  const events: PastEvent[] = [];
  for (const row of rowsOf(newestFirst, 5)) {
    const key = String(row[0]);
    const revision = Number(row[2]);
    const replaced = typeof row[3] === "string" ? row[3] : undefined;
    const previous: StoredEntry | undefined =
      replaced === undefined ? undefined : { key, value: replaced, revision: Number(row[4]) };
    const value = row[1] === 1 ? replaced : values.get(key);
    values.set(key, replaced);
    events.push({ kind: row[1] === 1 ? "delete" : "put", key, value: value ?? "", revision, previous });
  }
  return events.reverse();
}

export function entriesOf(parts: readonly WorkerPart[]): StoredEntry[] {
  const entries: StoredEntry[] = [];
  for (const part of parts) {
    for (let at = 0; at < part.length; at += 3)
      entries.push({ key: String(part[at]), value: String(part[at + 1]), revision: Number(part[at + 2]) });
  }
  return entries;
}

function* rowsOf(parts: readonly WorkerPart[], columns: number): Iterable<WorkerPart> {
  for (const part of parts) {
    for (let at = 0; at < part.length; at += columns) yield part.slice(at, at + columns);
  }
}
