/**
 * All writes of stored objects, whoever asks: HTTP clients and the scheduler's own controllers.
 *
 * A write reads the object from the cache, decides what it becomes, and commits that on the condition that the object
 * still has the revision that was read. Somebody else's write in between means reading and deciding again; only a client
 * that named a resourceVersion itself gets a conflict. Nothing is locked.
 *
 *   submitted ─▶ prepare (defaults, pruning, field owners, validation) ─▶ admission ─▶ commit ─▶ cache
 */
import type { ApiObject } from "../../../api/object-meta.ts";
import type { Clock } from "../../../kit/clock.ts";
import { type Random, randomSuffix } from "../../../kit/random.ts";
import type { CommitOutcome, Store, StoreWrite } from "../../store/store.ts";
import type { AdmissionPlugin, AdmissionRequest } from "../admission/admission.ts";
import { schedulerUser, type User } from "../authentication/user.ts";
import type { CommitResult } from "../metrics/api-metrics.ts";
import type { Kind, Registry } from "../registry.ts";
import { apiVersionOf, type JsonObject } from "../resource.ts";
import {
  alreadyExists,
  ApiError,
  badRequest,
  conflict,
  forbidden,
  invalid,
  modified,
  notFound,
  unknownPath,
} from "../status.ts";
import { objectKey, type StoreCache, type StoredForm, toStored } from "../storage/store-cache.ts";
import { checkDelete, type DeleteOptions, isNamespace, markDeleted } from "./deletion.ts";
import { type FollowedCommit, followedCommit, type WriteTraces } from "./followed-commit.ts";
import {
  type Author,
  metadataOf,
  prepareCreate,
  prepareUpdate,
  type Strictness,
  type Submitted,
  type Subresource,
} from "./prepare.ts";

export interface WriteOptions extends Strictness {
  readonly user: User;
  readonly manager: string;
  readonly dryRun: boolean;
  readonly signal?: AbortSignal | undefined;
  /** As the client has sent it: the trace that its request is part of. */
  readonly traceparent?: string | undefined;
}

/** What the scheduler itself writes is checked like everybody's; it just is not told about unknown fields. */
export const internalWrite: WriteOptions = {
  user: schedulerUser,
  manager: "wherry-scheduler",
  fieldValidation: "Ignore",
  warn: () => {},
  dryRun: false,
};

export type DeleteOutcome =
  | { readonly kind: "removed"; readonly object: ApiObject }
  /** Marked for deletion; it goes when its finalizers have. */
  | { readonly kind: "marked"; readonly object: ApiObject };

/** Turns what is stored into what shall be. May run several times, each time with what the object is now. */
export type Change = (current: ApiObject, author: Author) => Submitted;

/** How often a write is decided again because the object changed meanwhile. Only a storm on one object needs more. */
const attemptsMax = 100;
const generatedNameAttemptsMax = 8;
/** Room for the suffix within the 63 characters of a label. */
const generateNameLengthMax = 58;
/** etcd's limit of a request; so that what works here works there. */
const storedBytesMax = 1_572_864;

type Next = { readonly kind: "put" | "delete"; readonly object: ApiObject } | { readonly kind: "unchanged" };

export interface ObjectWriterParts {
  readonly store: Store;
  readonly cache: StoreCache;
  readonly form: StoredForm;
  readonly registry: Registry;
  readonly clock: Clock;
  readonly random: Random;
  /** Asked in this order. */
  readonly admission: readonly AdmissionPlugin[];
  /** Told of every commit when it is over. */
  readonly committed?: (result: CommitResult, seconds: number) => void;
  /** Follows what becomes of workloads. */
  readonly traces?: WriteTraces | undefined;
}

export class ObjectWriter {
  readonly #parts: ObjectWriterParts;
  readonly #namespaces: Kind;

  constructor(parts: ObjectWriterParts) {
    this.#parts = parts;
    const namespaces = parts.registry.findPlural("", "namespaces");
    if (!namespaces) throw new TypeError("the kind Namespace is not defined");
    this.#namespaces = namespaces;
  }

  async create(
    kind: Kind,
    namespace: string,
    submitted: Submitted,
    options: WriteOptions,
  ): Promise<ApiObject> {
    const metadata = metadataOf(submitted.object);
    if (typeof metadata["resourceVersion"] === "string" && metadata["resourceVersion"] !== "")
      throw badRequest("resourceVersion should not be set on objects to be created");
    const generateName = metadata["generateName"];
    const isGenerated = !metadata["name"] && typeof generateName === "string" && generateName !== "";
    for (let attempt = 0; ; attempt++) {
      const name = isGenerated
        ? generateName.slice(0, generateNameLengthMax) + randomSuffix(this.#parts.random)
        : nameOf(kind, metadata);
      const created = await this.#createNamed(kind, namespace, name, submitted, options);
      if (created) return created;
      if (!isGenerated || attempt >= generatedNameAttemptsMax) throw alreadyExists(kind.resource, name);
    }
  }

  update(
    kind: Kind,
    namespace: string,
    name: string,
    subresource: Subresource,
    change: Change,
    options: WriteOptions,
  ): Promise<ApiObject> {
    return this.#mutate(kind, namespace, name, options, (current) => {
      const author: Author = { manager: options.manager, nowMs: this.#parts.clock.now() };
      const submitted = change(current, author);
      const object = prepareUpdate(kind, submitted, current, subresource, author, options);
      if (object === current) return { kind: "unchanged" };
      const isGone =
        object.metadata.deletionTimestamp !== undefined &&
        !object.metadata.finalizers?.length &&
        subresource !== "status" &&
        !isNamespace(kind);
      return { kind: isGone ? "delete" : "put", object, subresource };
    });
  }

  /**
   * Server-side apply: changes what is there, or creates what is not. `isNew` tells which of them it was.
   */
  async apply(
    kind: Kind,
    namespace: string,
    name: string,
    subresource: Subresource,
    merge: (current: ApiObject | undefined, author: Author) => JsonObject,
    options: WriteOptions,
  ): Promise<{ readonly object: ApiObject; readonly isNew: boolean }> {
    const submit = (current: ApiObject | undefined, author: Author): Submitted => ({
      object: merge(current, author),
      duplicateFields: [],
      isApplied: true,
    });
    for (let attempt = 0; attempt < attemptsMax; attempt++) {
      const isThere = this.#current(kind, namespace, name) !== undefined;
      if (isThere || subresource !== "") {
        const change: Change = (current, author) => submit(current, author);
        const object = await this.update(kind, namespace, name, subresource, change, options);
        return { object, isNew: false };
      }
      const author: Author = { manager: options.manager, nowMs: this.#parts.clock.now() };
      const created = await this.#createNamed(kind, namespace, name, submit(undefined, author), options);
      if (created) return { object: created, isNew: true };
    }
    throw modified(kind.resource, name);
  }

  async delete(kind: Kind, namespace: string, name: string, options: DeleteOptions): Promise<DeleteOutcome> {
    let marked = false;
    const object = await this.#mutate(kind, namespace, name, options, (current) => {
      checkDelete(kind, current, options);
      const going = markDeleted(kind, current, options.policy, this.#parts.clock.now());
      marked = going !== undefined;
      if (!going) return { kind: "delete", object: current };
      return going === current ? { kind: "unchanged" } : { kind: "put", object: going };
    });
    return { kind: marked ? "marked" : "removed", object };
  }

  /** Whatever it is: nothing of it can be known. */
  async deleteUnread(key: string, signal?: AbortSignal): Promise<void> {
    await this.#commit([{ kind: "delete", key, expectedRevision: undefined }], signal);
  }

  /**
   * Deletes what has no finalizers and marks the rest; what has changed meanwhile is left as it is now. For whole
   * namespaces and expired events. One commit for each, so that no two events share a revision and a watch can resume
   * between them; the store groups them.
   */
  async deleteBatch(
    items: readonly { readonly kind: Kind; readonly object: ApiObject }[],
    signal?: AbortSignal,
  ): Promise<void> {
    const writes = items.flatMap(({ kind, object }): StoreWrite[] => {
      const { metadata } = object;
      const key = objectKey(kind.resource, metadata.namespace ?? "", metadata.name);
      const going = markDeleted(kind, object, undefined, this.#parts.clock.now());
      const expectedRevision = Number(metadata.resourceVersion);
      if (!going) return [{ kind: "delete", key, expectedRevision }];
      if (going === object) return [];
      return [{ kind: "put", key, value: this.#storedText(kind, key, going), expectedRevision }];
    });
    await Promise.all(writes.map((write) => this.#commit([write], signal)));
  }

  /** Removes a namespace whose contents are gone. Returns false when it is not, or no longer, in that state. */
  async removeNamespace(object: ApiObject): Promise<boolean> {
    const key = objectKey(this.#namespaces.resource, "", object.metadata.name);
    const expectedRevision = Number(object.metadata.resourceVersion);
    const outcome = await this.#commit([{ kind: "delete", key, expectedRevision }]);
    return outcome.kind === "committed";
  }

  /** Writes the object again as it is, so that it is stored in today's form. */
  async rewrite(kind: Kind, object: ApiObject): Promise<void> {
    const { namespace = "", name, resourceVersion } = object.metadata;
    const key = objectKey(kind.resource, namespace, name);
    const value = this.#storedText(kind, key, object);
    const write: StoreWrite = { kind: "put", key, value, expectedRevision: Number(resourceVersion) };
    await this.#commit([write]);
  }

  /** undefined: the name is taken. */
  async #createNamed(
    kind: Kind,
    namespace: string,
    name: string,
    submitted: Submitted,
    options: WriteOptions,
  ): Promise<ApiObject | undefined> {
    const { resource } = kind;
    const { clock, random } = this.#parts;
    const author: Author = { manager: options.manager, nowMs: clock.now() };
    const identity = { namespace, name, uid: random.uuid() };
    const object = prepareCreate(kind, submitted, identity, author, options);
    const key = objectKey(resource, namespace, name);
    for (let attempt = 0; attempt < attemptsMax; attempt++) {
      // A definition may have gone while its client took its time to say what it creates.
      if (!this.#parts.registry.find(resource.group, resource.version, resource.plural)) throw unknownPath();
      const checks = this.#checkNamespace(kind, namespace, name);
      if (this.#current(kind, namespace, name)) return undefined;
      using _admitted = this.#admit({
        operation: "create",
        resource,
        subresource: "",
        user: options.user,
        object,
        old: undefined,
        dryRun: options.dryRun,
      });
      if (options.dryRun) return object;
      const value = this.#storedText(kind, key, object);
      const write: FollowedCommit = { kind, object, old: undefined, traceparent: options.traceparent };
      const outcome = await followedCommit(this.#parts.traces, write, () =>
        this.#commit([{ kind: "put", key, value, expectedRevision: 0 }, ...checks], options.signal),
      );
      if (outcome.kind === "committed") return withRevision(object, outcome.revision);
      if (outcome.key === key) return undefined;
    }
    throw conflict(resource, name, "its namespace kept changing; try again");
  }

  async #mutate(
    kind: Kind,
    namespace: string,
    name: string,
    options: {
      readonly user: User;
      readonly dryRun: boolean;
      readonly signal?: AbortSignal | undefined;
      readonly traceparent?: string | undefined;
    },
    decide: (current: ApiObject) => Next & { readonly subresource?: Subresource },
  ): Promise<ApiObject> {
    const { resource } = kind;
    const key = objectKey(resource, namespace, name);
    for (let attempt = 0; attempt < attemptsMax; attempt++) {
      const current = this.#current(kind, namespace, name);
      if (!current) throw notFound(resource, name);
      const next = decide(current);
      if (next.kind === "unchanged") return current;
      using _admitted = this.#admit({
        operation: next.kind === "delete" ? "delete" : "update",
        resource,
        subresource: next.subresource ?? "",
        user: options.user,
        object: next.object,
        old: current,
        dryRun: options.dryRun,
      });
      if (options.dryRun) return next.object;
      const expectedRevision = Number(current.metadata.resourceVersion);
      const write: StoreWrite =
        next.kind === "put"
          ? { kind: "put", key, value: this.#storedText(kind, key, next.object), expectedRevision }
          : { kind: "delete", key, expectedRevision };
      const { traceparent } = options;
      const followed: FollowedCommit = { kind, object: next.object, old: current, traceparent };
      const outcome = await followedCommit(this.#parts.traces, followed, () =>
        this.#commit([write], options.signal),
      );
      if (outcome.kind === "committed") return withRevision(next.object, outcome.revision);
    }
    throw modified(resource, name);
  }

  async #commit(writes: readonly StoreWrite[], signal?: AbortSignal): Promise<CommitOutcome> {
    const { store, clock, committed } = this.#parts;
    const startMs = clock.monotonic();
    let result: CommitResult = "failed";
    try {
      const outcome = await store.commit(writes, signal);
      result = outcome.kind;
      return outcome;
    } finally {
      committed?.(result, (clock.monotonic() - startMs) / 1_000);
    }
  }

  /** The object in the kind's version. Throws when it is there and cannot be read. */
  #current(kind: Kind, namespace: string, name: string): ApiObject | undefined {
    const { resource } = kind;
    const cache = this.#parts.cache.of(resource);
    const stored = cache.get(resource.namespaced ? namespace : "", name);
    if (stored) return kind.view(stored);
    const why = cache.unreadable(objectKey(resource, namespace, name));
    if (why === undefined) return undefined;
    throw new ApiError("InternalError", `${resource.plural} "${name}" cannot be read: ${why}`);
  }

  #admit(request: AdmissionRequest): Disposable {
    const admitted = new DisposableStack();
    try {
      for (const plugin of this.#parts.admission) {
        const reservation = plugin.admit(request);
        if (reservation) admitted.use(reservation);
      }
    } catch (thrown) {
      admitted.dispose();
      throw thrown;
    }
    return admitted;
  }

  /** The namespace must exist and not be going; the commit fails if that changes meanwhile. */
  #checkNamespace(kind: Kind, namespace: string, name: string): readonly StoreWrite[] {
    if (!kind.resource.namespaced) return [];
    const { resource } = this.#namespaces;
    const object = this.#parts.cache.of(resource).get("", namespace);
    if (!object) throw notFound(resource, namespace);
    if (object.metadata.deletionTimestamp !== undefined)
      throw forbidden(
        kind.resource,
        name,
        `unable to create new content in namespace ${namespace} because it is being terminated`,
        [
          {
            reason: "NamespaceTerminating",
            message: `namespace ${namespace} is being terminated`,
            field: "metadata.namespace",
          },
        ],
      );
    const expectedRevision = Number(object.metadata.resourceVersion);
    return [{ kind: "check", key: objectKey(resource, "", namespace), expectedRevision }];
  }

  #storedText(kind: Kind, key: string, object: ApiObject): string {
    const { group, storageVersion, alias } = kind.resource;
    const apiVersion = apiVersionOf({ group, version: storageVersion });
    const text = toStored(alias?.toStored(object) ?? { ...object, apiVersion });
    const bytes = Buffer.byteLength(text);
    if (bytes <= storedBytesMax) return this.#parts.form.encode(key, text);
    throw new ApiError(
      "RequestEntityTooLarge",
      `${kind.resource.kind} "${object.metadata.name}" has ${bytes} bytes; an object may have ${storedBytesMax}`,
    );
  }
}

function nameOf(kind: Kind, metadata: JsonObject): string {
  const { name } = metadata;
  if (typeof name === "string" && name !== "") return name;
  throw invalid(kind.resource, "", [
    {
      reason: "FieldValueRequired",
      field: "metadata.name",
      message: "Required value: name or generateName is required",
    },
  ]);
}

function withRevision(object: ApiObject, revision: number): ApiObject {
  return { ...object, metadata: { ...object.metadata, resourceVersion: String(revision) } };
}
