/**
 * Server-side apply: who owns which field of an object, and what becomes of it when somebody applies a configuration.
 * https://kubernetes.io/docs/reference/using-api/server-side-apply/
 *
 * Pure. The one who writes objects calls trackUpdate with every change that is no apply, and apply with those that are;
 * both give back an object with its metadata.managedFields.
 *
 *   change ──▶ (patch) ──▶ defaults, validation ──▶ trackUpdate ──▶ store      defaults are the writer's
 *   config ──▶ apply ──▶ defaults, validation ──▶ keepTimes ──▶ store          defaults are nobody's
 *
 * What an update changes becomes the updater's and nobody else's. What an apply says becomes the applier's, beside those
 * who own it already if they agree, and is a conflict if they do not.
 */
import type { ApiObject } from "../../../api/object-meta.ts";
import type { JsonObject, Schema } from "../resource.ts";
import { badRequest } from "../status.ts";
import { type Comparison, compareObjects } from "./compare.ts";
import { type Conflict, conflictError } from "./conflicts.ts";
import {
  difference,
  type FieldSet,
  intersection,
  isEmpty,
  leaf,
  setOf,
  union,
  unionOfAll,
} from "./field-set.ts";
import { compileType, type FieldType } from "./field-type.ts";
import { kubectlManager, lastAppliedFields, withLastApplied } from "./last-applied.ts";
import {
  capUpdates,
  decodeManagedFields,
  encodeManagedFields,
  isReset,
  isSameManager,
  type ManagedEntry,
  type ManagerKey,
  type Operation,
  timeText,
  withoutFields,
} from "./managed-entries.ts";
import { mergeObjects } from "./merge.ts";
import { pruneFields } from "./prune.ts";
import { fitToType } from "./set-against-type.ts";
import { asMap, isEqualJson } from "./shape.ts";
import { toFieldSet } from "./to-field-set.ts";
import { validateConfig } from "./validate-config.ts";

export interface FieldManagerParts {
  /** The kind's, with apiVersion, kind and metadata. */
  readonly schema: Schema;
  readonly apiVersion: string;
  readonly kind: string;
  /** Whether there is a `status` subresource. */
  readonly hasStatus: boolean;
  /** Whose entries are kept, as the same paths: conversion is by name only. undefined: those of any version. */
  readonly servedVersions?: readonly string[];
  /** What every object of the kind has even if nobody says so: the structs of Kubernetes' own kinds, such as `spec: {}`. */
  readonly emptyObject?: JsonObject;
}

export interface UpdateBy {
  readonly manager: string;
  /** "" for the object itself. */
  readonly subresource: string;
  readonly nowMs: number;
}

export interface ApplyBy extends UpdateBy {
  readonly force: boolean;
}

/** Owns what objects had before the first who tracks their owners came. */
const beforeFirstApply = "before-first-apply";

/** Type and identity belong to nobody. */
const ownedByNobody: FieldSet = {
  "f:apiVersion": leaf,
  "f:kind": leaf,
  "f:metadata": {
    ".": leaf,
    "f:clusterName": leaf,
    "f:creationTimestamp": leaf,
    "f:generation": leaf,
    "f:managedFields": leaf,
    "f:name": leaf,
    "f:namespace": leaf,
    "f:resourceVersion": leaf,
    "f:selfLink": leaf,
    "f:uid": leaf,
  },
};

/** However little a configuration says of it, an object has metadata. */
const metadataField: FieldSet = { "f:metadata": leaf };

export class FieldManager {
  readonly #parts: FieldManagerParts;
  readonly #type: FieldType;
  readonly #empty: JsonObject;

  constructor(parts: FieldManagerParts) {
    this.#parts = parts;
    this.#type = compileType(parts.schema);
    this.#empty = { ...parts.emptyObject, metadata: {} };
  }

  /**
   * `next` is what the object becomes, with its defaults; its metadata.managedFields is what the client sent, or the live
   * ones if it sent none. Gives back `next` with the managedFields that are right for it: the live ones, the very same
   * array, if nothing changed.
   */
  trackUpdate(live: ApiObject | undefined, next: ApiObject, by: UpdateBy): ApiObject {
    const entries = this.#entriesFor(live, next, by.subresource);
    // Nobody tracks this object: it is older than this, or was reset. The next apply begins anew.
    if (live && entries.length === 0) return withManagedFields(next, undefined);
    const before = live ? withoutManagedFields(live) : this.#empty;
    const comparison = this.#compare(before, withoutManagedFields(next), by.subresource);
    const changed = difference(changedBy(comparison), ownedByNobody);
    const left = this.#afterChange(entries, comparison);
    const all = isEmpty(changed) ? left : this.#withUpdate(left, changed, by);
    return withManagedFields(next, encodeManagedFields(all, live?.metadata.managedFields));
  }

  /**
   * Gives back the live object with the configuration merged in, before the server's defaults; the live object itself if
   * that changes nothing. Without a live object it is the object to create.
   *
   * The caller then does what it does with updates: metadata that is the server's, preconditions, defaults, validation;
   * and calls keepTimes. Ownership is settled here: the defaults that follow belong to nobody.
   */
  apply(live: ApiObject | undefined, config: JsonObject, by: ApplyBy): JsonObject {
    this.#checkConfig(config);
    const before = live ? withoutManagedFields(live) : this.#empty;
    const entries = live ? this.#entriesBeforeApply(live, before, by) : [];
    const own = this.#keyOf("Apply", by);
    const last = entries.find((entry) => isSameManager(entry, own));
    const others = entries.filter((entry) => entry !== last);

    const given = union(toFieldSet(config, this.#type, "given"), metadataField);
    const applied = this.#partOf(given, by.subresource);
    const merged = mergeObjects(before, config, this.#type);
    const owned = unionOfAll([applied, ...others.map(({ fields }) => fields)]);
    const pruned = last ? pruneFields(merged, last.fields, owned, this.#type) : merged;
    // Pruning may take an empty list, which nobody owns, away with what held it: an apply must not need a second one.
    const complete = pruned === merged ? merged : mergeObjects(pruned, config, this.#type);
    const object = this.#partOfObject(before, complete, live !== undefined, by.subresource);

    const comparison = this.#compare(before, object, by.subresource);
    if (!by.force) this.#refuseConflicts(others, comparison, before, by);
    const isSame = live !== undefined && isEqualJson(before, object);
    const fields = difference(applied, ownedByNobody);
    const entry = { ...own, time: isSame ? last?.time : timeText(by.nowMs), fields };
    const left = this.#afterChange(others, comparison);
    const all = isEmpty(fields) ? left : [...left, entry];
    const result = by.manager === kubectlManager ? withLastApplied(object, config) : object;
    return asLive(live, result, encodeManagedFields(all, live?.metadata.managedFields));
  }

  #entriesFor(live: ApiObject | undefined, next: ApiObject, subresource: string): readonly ManagedEntry[] {
    const ofLive = live?.metadata.managedFields;
    const given = next.metadata.managedFields;
    // What a subresource says of other parts of the object does not count.
    if (subresource === "" && given !== undefined && given !== ofLive) {
      if (isReset(given)) return [];
      const entries = decodeManagedFields(given);
      // Clients that know nothing of managedFields must not remove them by leaving them out.
      if (entries && entries.length > 0) return this.#known(entries);
    }
    return this.#known(decodeManagedFields(ofLive) ?? []);
  }

  #entriesBeforeApply(live: ApiObject, before: JsonObject, by: UpdateBy): readonly ManagedEntry[] {
    const entries = this.#known(decodeManagedFields(live.metadata.managedFields) ?? []);
    if (entries.length > 0) return entries.map((entry) => this.#fitted(entry));
    const { added, modified } = this.#compare(this.#empty, before, by.subresource);
    const fields = difference(union(modified, added), ownedByNobody);
    return isEmpty(fields) ? [] : this.#withUpdate([], fields, { ...by, manager: beforeFirstApply });
  }

  #known(entries: readonly ManagedEntry[]): readonly ManagedEntry[] {
    const { servedVersions } = this.#parts;
    if (!servedVersions) return entries;
    return entries.filter(({ apiVersion }) => servedVersions.includes(apiVersion));
  }

  #fitted(entry: ManagedEntry): ManagedEntry {
    const fields = fitToType(entry.fields, this.#type);
    return fields === entry.fields ? entry : { ...entry, fields };
  }

  /** What managers other than the one who made a change still own after it. */
  #afterChange(entries: readonly ManagedEntry[], comparison: Comparison): readonly ManagedEntry[] {
    const changed = union(changedBy(comparison), comparison.removed);
    if (isEmpty(changed)) return entries;
    return withoutFields(
      entries.map((entry) => this.#fitted(entry)),
      changed,
    );
  }

  #withUpdate(entries: readonly ManagedEntry[], fields: FieldSet, by: UpdateBy): readonly ManagedEntry[] {
    const own = this.#keyOf("Update", by);
    const before = entries.find((entry) => isSameManager(entry, own));
    const entry: ManagedEntry = {
      ...own,
      time: timeText(by.nowMs),
      fields: before ? union(fields, before.fields) : fields,
    };
    return capUpdates([...entries.filter((one) => one !== before), entry]);
  }

  #keyOf(operation: Operation, { manager, subresource }: UpdateBy): ManagerKey {
    return { manager: manager || "unknown", operation, apiVersion: this.#parts.apiVersion, subresource };
  }

  #compare(before: JsonObject, after: JsonObject, subresource: string): Comparison {
    const { removed, modified, added } = compareObjects(before, after, this.#type);
    return {
      removed: this.#partOf(removed, subresource),
      modified: this.#partOf(modified, subresource),
      added: this.#partOf(added, subresource),
    };
  }

  /** Of a set, what a write of this part can own. */
  #partOf(set: FieldSet, subresource: string): FieldSet {
    const { "f:status": status, ...rest } = set;
    if (subresource === "status") return status === undefined ? leaf : setOf([["f:status", status]]);
    return status !== undefined && subresource === "" && this.#parts.hasStatus ? rest : set;
  }

  /** A merged object with the other part as it was, which the write cannot change. */
  #partOfObject(before: JsonObject, merged: JsonObject, isLive: boolean, subresource: string): JsonObject {
    if (subresource === "status") {
      const { status: _old, ...rest } = before;
      const { resourceVersion, uid } = asMap(merged["metadata"]);
      const metadata = { ...asMap(before["metadata"]), ...definedOf({ resourceVersion, uid }) };
      return { ...rest, metadata, ...definedOf({ status: merged["status"] }) };
    }
    if (subresource !== "" || !this.#parts.hasStatus) return merged;
    const { status: _status, ...rest } = merged;
    return isLive ? { ...rest, ...definedOf({ status: before["status"] }) } : rest;
  }

  #refuseConflicts(
    others: readonly ManagedEntry[],
    comparison: Comparison,
    before: JsonObject,
    by: ApplyBy,
  ): void {
    const changed = changedBy(comparison);
    if (isEmpty(changed)) return;
    const conflicts = others.flatMap((owner): Conflict[] => {
      const fields = intersection(owner.fields, changed);
      return isEmpty(fields) ? [] : [{ owner, fields }];
    });
    if (conflicts.length === 0) return;
    const allowed =
      by.manager === kubectlManager
        ? lastAppliedFields(before, this.#type, this.#parts.apiVersion)
        : undefined;
    const refused = conflicts.flatMap(({ owner, fields }): Conflict[] => {
      const left = allowed ? difference(fields, allowed) : fields;
      return isEmpty(left) ? [] : [{ owner, fields: left }];
    });
    if (refused.length > 0) throw conflictError(refused);
  }

  #checkConfig(config: JsonObject): void {
    const { apiVersion, kind } = config;
    if (apiVersion !== this.#parts.apiVersion || kind !== this.#parts.kind)
      throw badRequest(`invalid object type: ${showType(apiVersion, kind)}`);
    const metadata = asMap(config["metadata"]);
    if (Array.isArray(metadata["managedFields"])) throw badRequest("metadata.managedFields must be nil");
    const why = validateConfig(config, this.#type);
    if (why === undefined) return;
    const place = `${textOf(metadata["namespace"])}/${textOf(metadata["name"])}`;
    throw badRequest(`failed to create typed patch object (${place}; ${showType(apiVersion, kind)}): ${why}`);
  }
}

/**
 * For the object as it will be stored: if it differs from the live one in nothing but the times of its managedFields, it
 * is the live one. So a write that changes nothing costs no revision.
 */
export function keepTimes(live: ApiObject, next: ApiObject): ApiObject {
  const isSame =
    isEqualJson(timeless(live.metadata.managedFields), timeless(next.metadata.managedFields)) &&
    isEqualJson(withoutManagedFields(live), withoutManagedFields(next));
  return isSame ? live : next;
}

function timeless(managedFields: readonly unknown[] | undefined): unknown {
  return managedFields?.map((entry) => ({ ...asMap(entry), time: undefined }));
}

function changedBy({ modified, added }: Comparison): FieldSet {
  return union(modified, added);
}

function withoutManagedFields(object: ApiObject): JsonObject {
  const { managedFields: _managed, ...metadata } = object.metadata;
  return { ...object, metadata };
}

function withManagedFields(object: ApiObject, managedFields: readonly unknown[] | undefined): ApiObject {
  if (object.metadata.managedFields === managedFields) return object;
  const { managedFields: _before, ...metadata } = object.metadata;
  return {
    ...object,
    metadata: managedFields === undefined ? metadata : { ...metadata, managedFields },
  };
}

function asLive(
  live: ApiObject | undefined,
  object: JsonObject,
  managedFields: readonly unknown[] | undefined,
): JsonObject {
  if (
    live &&
    managedFields === live.metadata.managedFields &&
    isEqualJson(withoutManagedFields(live), object)
  )
    return live;
  const { resourceVersion, ...metadata } = asMap(object["metadata"]);
  return {
    ...object,
    metadata: {
      ...metadata,
      // There is no version yet that it could be a condition on.
      ...(live ? definedOf({ resourceVersion }) : {}),
      ...definedOf({ managedFields }),
    },
  };
}

function definedOf(fields: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

function showType(apiVersion: unknown, kind: unknown): string {
  const [group, version] = textOf(apiVersion).includes("/")
    ? textOf(apiVersion).split("/", 2)
    : ["", textOf(apiVersion)];
  return `${group}/${version}, Kind=${textOf(kind)}`;
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}
