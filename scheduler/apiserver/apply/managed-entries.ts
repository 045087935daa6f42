/** metadata.managedFields: who owns which fields, read from what clients and the store have, and written. */
import { isObject } from "../resource.ts";
import { difference, type FieldSet, isEmpty, leaf, unionOfAll } from "./field-set.ts";
import { parseFieldsV1 } from "./fields-v1.ts";
import { isEqualJson } from "./shape.ts";

export type Operation = "Apply" | "Update";

/** One manager with what it owns. Operations, subresources and, of updates, versions are kept apart. */
export interface ManagedEntry {
  readonly manager: string;
  readonly operation: Operation;
  readonly apiVersion: string;
  /** "" is the object itself. */
  readonly subresource: string;
  /** RFC 3339, as it is written. Missing where an owner changed nothing when it became one. */
  readonly time: string | undefined;
  readonly fields: FieldSet;
}

/** Everything about an entry but what it owns and since when. */
export type ManagerKey = Pick<ManagedEntry, "manager" | "operation" | "apiVersion" | "subresource">;

/** Update entries; the oldest of more are merged. */
const updateEntriesMax = 10;
const ancientManager = "ancient-changes";

/** A time that sorts and compares; unreadable ones are refused. */
const timeForm = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;

export function isSameManager(a: ManagerKey, b: ManagerKey): boolean {
  return (
    a.manager === b.manager &&
    a.operation === b.operation &&
    a.subresource === b.subresource &&
    // Who applies in another version than last time is the same applier.
    (a.operation === "Apply" || a.apiVersion === b.apiVersion)
  );
}

/** undefined: one of the entries is not well-formed, so none is taken. */
export function decodeManagedFields(value: unknown): readonly ManagedEntry[] | undefined {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) return undefined;
  const entries = new Map<string, ManagedEntry>();
  for (const one of value as readonly unknown[]) {
    const entry = decodeEntry(one);
    if (!entry) return undefined;
    // As in Kubernetes, the last of several entries of one manager is the one that counts.
    entries.set(identifierOf(entry), entry);
  }
  return [...entries.values()];
}

function decodeEntry(value: unknown): ManagedEntry | undefined {
  if (!isObject(value)) return undefined;
  const { manager = "", operation, apiVersion, subresource = "", time, fieldsType } = value;
  if (operation !== "Apply" && operation !== "Update") return undefined;
  if (typeof apiVersion !== "string" || apiVersion === "") return undefined;
  if (fieldsType !== "FieldsV1") return undefined;
  if (typeof manager !== "string" || typeof subresource !== "string") return undefined;
  const since = time ?? undefined;
  if (since !== undefined && (typeof since !== "string" || !isTime(since))) return undefined;
  const parsed = parseFieldsV1(value["fieldsV1"] ?? leaf);
  if (parsed.kind === "invalid") return undefined;
  return { manager, operation, apiVersion, subresource, time: since, fields: parsed.set };
}

/** RFC 3339 in whole seconds, as all times of metadata. */
export function timeText(nowMs: number): string {
  return `${new Date(nowMs).toISOString().slice(0, 19)}Z`;
}

function isTime(text: string): boolean {
  return timeForm.test(text) && !Number.isNaN(Date.parse(text));
}

/** Whether a client asks for all to be forgotten: `[]`, or `[{}]`. */
export function isReset(value: unknown): boolean {
  if (!Array.isArray(value)) return false;
  const [first] = value as readonly unknown[];
  return value.length === 0 || (value.length === 1 && isObject(first) && Object.keys(first).length === 0);
}

/** As it is stored. `before` is what was stored, parts of which come back as they are; undefined: nobody owns a thing. */
export function encodeManagedFields(
  entries: readonly ManagedEntry[],
  before: unknown,
): readonly unknown[] | undefined {
  const owning = entries.filter(({ fields }) => !isEmpty(fields));
  if (owning.length === 0) return undefined;
  const old: readonly unknown[] = Array.isArray(before) ? before : [];
  const encoded = owning.sort(compareEntries).map((entry, at) => {
    const one = encodeEntry(entry);
    return isEqualJson(one, old[at]) ? old[at] : one;
  });
  const isSame = encoded.length === old.length && encoded.every((one, at) => one === old[at]);
  return isSame ? old : encoded;
}

function encodeEntry({ manager, operation, apiVersion, subresource, time, fields }: ManagedEntry): object {
  return {
    manager,
    operation,
    apiVersion,
    ...(time === undefined ? {} : { time }),
    fieldsType: "FieldsV1",
    fieldsV1: fields,
    ...(subresource === "" ? {} : { subresource }),
  };
}

function compareEntries(a: ManagedEntry, b: ManagedEntry): number {
  return (
    compareText(a.operation, b.operation) ||
    secondsOf(a) - secondsOf(b) ||
    compareText(a.manager, b.manager) ||
    compareText(a.apiVersion, b.apiVersion) ||
    compareText(a.subresource, b.subresource)
  );
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function secondsOf({ time }: ManagedEntry): number {
  return time === undefined ? 0 : Math.floor(Date.parse(time) / 1000);
}

/** The entries without what somebody else has taken or removed; those of which nothing is left are gone. */
export function withoutFields(entries: readonly ManagedEntry[], fields: FieldSet): readonly ManagedEntry[] {
  if (isEmpty(fields)) return entries;
  return entries.flatMap((entry) => {
    const left = difference(entry.fields, fields);
    if (left === entry.fields) return [entry];
    return isEmpty(left) ? [] : [{ ...entry, fields: left }];
  });
}

/** Merges the oldest updates until at most ten are left, those of each version into one of their own. */
export function capUpdates(entries: readonly ManagedEntry[]): readonly ManagedEntry[] {
  const isUpdate = ({ operation }: ManagedEntry): boolean => operation === "Update";
  if (entries.filter(isUpdate).length <= updateEntriesMax) return entries;
  const updates = entries
    .filter(isUpdate)
    .map((entry) => ({ entry, seconds: secondsOf(entry), identifier: identifierOf(entry) }))
    .sort((a, b) => a.seconds - b.seconds || compareText(a.identifier, b.identifier))
    .map(({ entry }) => entry);
  // The first of a version is only merged when there is a second, which makes one entry less.
  const oldOf = new Map<string, ManagedEntry[]>();
  let count = updates.length;
  for (const entry of updates) {
    if (count <= updateEntriesMax) break;
    const old = oldOf.get(entry.apiVersion);
    if (!old) oldOf.set(entry.apiVersion, [entry]);
    else {
      old.push(entry);
      count--;
    }
  }
  const gone = new Set<ManagedEntry>();
  const buckets: ManagedEntry[] = [];
  for (const [apiVersion, old] of oldOf) {
    const newest = old.at(-1);
    if (old.length < 2 || !newest) continue;
    const bucket: ManagerKey = { manager: ancientManager, operation: "Update", apiVersion, subresource: "" };
    // A bucket from before goes on.
    const merged = new Set([...old, ...updates.filter((entry) => isSameManager(entry, bucket))]);
    for (const entry of merged) gone.add(entry);
    const fields = unionOfAll([...merged].map((entry) => entry.fields));
    buckets.push({ ...bucket, time: newest.time, fields });
  }
  return [...entries.filter((entry) => !gone.has(entry)), ...buckets];
}

/** The text by which Kubernetes tells managers apart, and in the order of which it lists them. */
export function identifierOf({ manager, operation, apiVersion, subresource }: ManagerKey): string {
  return JSON.stringify({
    ...(manager === "" ? {} : { manager }),
    operation,
    ...(operation === "Apply" ? {} : { apiVersion }),
    ...(subresource === "" ? {} : { subresource }),
  });
}
