/**
 * All writes of stored objects, whoever asks: HTTP clients and the scheduler's own controllers.
 *
 * A write reads the object from the cache, decides what it becomes, and commits that on the condition that the object
 * still has the revision that was read. Somebody else's write in between means reading and deciding again; only a client
 * that named a resourceVersion itself gets a conflict. Nothing is locked.
 */
import { isDeepStrictEqual } from "node:util";
import type { ApiObject } from "../../../api/object-meta.ts";
import type { Clock } from "../../../kit/clock.ts";
import { type Random, randomSuffix } from "../../../kit/random.ts";
import type { Store, StoreWrite } from "../../store/store.ts";
import type { Kind, Registry } from "../registry.ts";
import type { JsonObject } from "../resource.ts";
import {
  alreadyExists,
  ApiError,
  badRequest,
  conflict,
  forbidden,
  invalid,
  modified,
  notFound,
} from "../status.ts";
import { objectKey, type StoreCache, toStored } from "../storage/store-cache.ts";
import {
  metadataOf,
  type Part,
  prepareCreate,
  prepareUpdate,
  rfc3339,
  type Strictness,
  type Submitted,
} from "./prepare.ts";

export interface WriteOptions extends Strictness {
  readonly dryRun: boolean;
  readonly signal?: AbortSignal | undefined;
}

export interface DeleteOptions {
  readonly dryRun: boolean;
  readonly uid: string | undefined;
  readonly resourceVersion: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

export type DeleteOutcome =
  | { readonly kind: "removed"; readonly object: ApiObject }
  /** Marked for deletion; it goes when its finalizers have. */
  | { readonly kind: "marked"; readonly object: ApiObject };

/** How often a write is decided again because the object changed meanwhile. Only a storm on one object needs more. */
const attemptsMax = 100;
const generatedNameAttemptsMax = 8;
/** Room for the suffix within the 63 characters of a label. */
const generateNameLengthMax = 58;
/** etcd's limit of a request; so that what works here works there. */
const storedBytesMax = 1_572_864;

type Next = { readonly kind: "put" | "delete"; readonly object: ApiObject } | { readonly kind: "unchanged" };

export class ObjectWriter {
  readonly #store: Store;
  readonly #cache: StoreCache;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #namespaces: Kind;

  constructor(store: Store, cache: StoreCache, registry: Registry, clock: Clock, random: Random) {
    this.#store = store;
    this.#cache = cache;
    this.#clock = clock;
    this.#random = random;
    const namespaces = registry.findPlural("", "namespaces");
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
        ? generateName.slice(0, generateNameLengthMax) + randomSuffix(this.#random)
        : nameOf(kind, metadata);
      const created = await this.#createNamed(kind, namespace, name, submitted, options);
      if (created) return created;
      if (!isGenerated || attempt >= generatedNameAttemptsMax) throw alreadyExists(kind.resource, name);
    }
  }

  /** `change` may run several times, each time with what the object is now. */
  update(
    kind: Kind,
    namespace: string,
    name: string,
    part: Part,
    change: (current: ApiObject) => Submitted,
    options: WriteOptions,
  ): Promise<ApiObject> {
    return this.#mutate(kind, namespace, name, options, (current) => {
      const submitted = change(current);
      const object = prepareUpdate(kind, submitted, current, part, options);
      if (isDeepStrictEqual(object, current)) return { kind: "unchanged" };
      const isDone = object.metadata.deletionTimestamp !== undefined && !object.metadata.finalizers?.length;
      return { kind: isDone && part === "main" && !isNamespace(kind) ? "delete" : "put", object };
    });
  }

  async delete(kind: Kind, namespace: string, name: string, options: DeleteOptions): Promise<DeleteOutcome> {
    let marked = false;
    const object = await this.#mutate(kind, namespace, name, options, (current) => {
      this.#checkDelete(kind, current, options);
      const { metadata } = current;
      marked = isNamespace(kind) || (metadata.finalizers?.length ?? 0) > 0;
      if (!marked) return { kind: "delete", object: current };
      if (metadata.deletionTimestamp !== undefined) return { kind: "unchanged" };
      const deletionTimestamp = rfc3339(this.#clock.now());
      const object = {
        ...current,
        metadata: { ...metadata, deletionTimestamp, deletionGracePeriodSeconds: 0 },
      };
      return { kind: "put", object: kind.resource.normalize(object) };
    });
    return { kind: marked ? "marked" : "removed", object };
  }

  /**
   * Deletes what has no finalizers and marks the rest. For whole namespaces and expired events. One commit for each, so
   * that no two events share a revision and a watch can resume between them; the store groups them.
   */
  async deleteBatch(
    items: readonly { readonly kind: Kind; readonly object: ApiObject }[],
    signal?: AbortSignal,
  ): Promise<void> {
    const deletionTimestamp = rfc3339(this.#clock.now());
    const writes = items.flatMap(({ kind, object }): StoreWrite[] => {
      const { metadata } = object;
      const key = objectKey(kind.resource, metadata.namespace ?? "", metadata.name);
      if (!metadata.finalizers?.length) return [{ kind: "delete", key, expectedRevision: undefined }];
      if (metadata.deletionTimestamp !== undefined) return [];
      const value = toStored({
        ...object,
        metadata: { ...metadata, deletionTimestamp, deletionGracePeriodSeconds: 0 },
      });
      return [{ kind: "put", key, value, expectedRevision: Number(metadata.resourceVersion) }];
    });
    await Promise.all(writes.map((write) => this.#store.commit([write], signal)));
  }

  /** Removes a namespace whose contents are gone. Returns false when it is not, or no longer, in that state. */
  async removeNamespace(object: ApiObject): Promise<boolean> {
    const key = objectKey(this.#namespaces.resource, "", object.metadata.name);
    const expectedRevision = Number(object.metadata.resourceVersion);
    const outcome = await this.#store.commit([{ kind: "delete", key, expectedRevision }]);
    return outcome.kind === "committed";
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
    const identity = { namespace, name, uid: this.#random.uuid(), nowMs: this.#clock.now() };
    const object = prepareCreate(kind, submitted, identity, options);
    const key = objectKey(resource, namespace, name);
    for (let attempt = 0; attempt < attemptsMax; attempt++) {
      const checks = this.#checkNamespace(kind, namespace, name);
      if (this.#cache.of(resource).get(resource.namespaced ? namespace : "", name)) return undefined;
      if (options.dryRun) return object;
      const value = storedText(kind, object);
      const outcome = await this.#store.commit(
        [{ kind: "put", key, value, expectedRevision: 0 }, ...checks],
        options.signal,
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
    options: { readonly dryRun: boolean; readonly signal?: AbortSignal | undefined },
    decide: (current: ApiObject) => Next,
  ): Promise<ApiObject> {
    const { resource } = kind;
    const key = objectKey(resource, namespace, name);
    for (let attempt = 0; attempt < attemptsMax; attempt++) {
      const current = this.#cache.of(resource).get(resource.namespaced ? namespace : "", name);
      if (!current) throw notFound(resource, name);
      const next = decide(current);
      if (next.kind === "unchanged") return current;
      if (options.dryRun) return next.object;
      const expectedRevision = Number(current.metadata.resourceVersion);
      const write: StoreWrite =
        next.kind === "put"
          ? { kind: "put", key, value: storedText(kind, next.object), expectedRevision }
          : { kind: "delete", key, expectedRevision };
      const outcome = await this.#store.commit([write], options.signal);
      if (outcome.kind === "committed") return withRevision(next.object, outcome.revision);
    }
    throw modified(resource, name);
  }

  /** The namespace must exist and not be going; the commit fails if that changes meanwhile. */
  #checkNamespace(kind: Kind, namespace: string, name: string): readonly StoreWrite[] {
    if (!kind.resource.namespaced) return [];
    const { resource } = this.#namespaces;
    const object = this.#cache.of(resource).get("", namespace);
    if (!object) throw notFound(resource, namespace);
    if (object.metadata.deletionTimestamp !== undefined)
      throw forbidden(
        kind.resource,
        name,
        `unable to create new content in namespace ${namespace} because it is being terminated`,
      );
    const expectedRevision = Number(object.metadata.resourceVersion);
    return [{ kind: "check", key: objectKey(resource, "", namespace), expectedRevision }];
  }

  #checkDelete(kind: Kind, { metadata }: ApiObject, options: DeleteOptions): void {
    const { name, uid, resourceVersion } = metadata;
    if (options.uid !== undefined && options.uid !== uid)
      throw conflict(
        kind.resource,
        name,
        `Precondition failed: UID in precondition: ${options.uid}, UID in object meta: ${uid}`,
      );
    if (options.resourceVersion !== undefined && options.resourceVersion !== resourceVersion)
      throw conflict(
        kind.resource,
        name,
        `Precondition failed: ResourceVersion in precondition: ${options.resourceVersion}, ResourceVersion in object meta: ${resourceVersion}`,
      );
    if (isNamespace(kind) && permanentNamespaces.includes(name))
      throw forbidden(kind.resource, name, "this namespace may not be deleted");
  }
}

/** They are made at every start and are never deleted. */
export const permanentNamespaces: readonly string[] = ["default", "kube-system"];

function isNamespace({ resource }: Kind): boolean {
  return resource.group === "" && resource.plural === "namespaces";
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

function storedText(kind: Kind, object: ApiObject): string {
  const text = toStored(object);
  const bytes = Buffer.byteLength(text);
  if (bytes <= storedBytesMax) return text;
  throw new ApiError(
    "RequestEntityTooLarge",
    `${kind.resource.kind} "${object.metadata.name}" has ${bytes} bytes; an object may have ${storedBytesMax}`,
  );
}

function withRevision(object: ApiObject, revision: number): ApiObject {
  return { ...object, metadata: { ...object.metadata, resourceVersion: String(revision) } };
}
