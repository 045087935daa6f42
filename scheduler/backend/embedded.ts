import { Bug, errorCode, WherryError } from "../../kit/errors.ts";
import type { ApiObject } from "../../api/object-meta.ts";
import { internalWrite, type ObjectWriter } from "../apiserver/objects/object-writer.ts";
import type { Subresource } from "../apiserver/objects/prepare.ts";
import { schedulerUser } from "../apiserver/authentication/user.ts";
import type { Kind, Registry } from "../apiserver/registry.ts";
import type { JsonObject } from "../apiserver/resource.ts";
import { objectKey, type StoreCache } from "../apiserver/storage/store-cache.ts";
import type { Store } from "../store/store.ts";
import type { Backend, BackendEvent, ResourceKey, WriteOutcome } from "./backend.ts";

const epochKey = "/epoch";

/** The Backend on the API server of this very process, without HTTP between. */
export class EmbeddedBackend implements Backend {
  readonly #registry: Registry;
  readonly #cache: StoreCache;
  readonly #writer: ObjectWriter;
  readonly #store: Store;
  readonly #closing = new AbortController();

  constructor(parts: {
    readonly registry: Registry;
    readonly cache: StoreCache;
    readonly writer: ObjectWriter;
    readonly store: Store;
  }) {
    this.#registry = parts.registry;
    this.#cache = parts.cache;
    this.#writer = parts.writer;
    this.#store = parts.store;
  }

  watch(resource: ResourceKey, listener: (event: BackendEvent) => void, signal: AbortSignal): void {
    const end = AbortSignal.any([signal, this.#closing.signal]);
    if (end.aborted) return;
    const source = this.#cache.of(this.#kindOf(resource).resource);
    for (const object of source.list(undefined)) listener({ kind: "put", object });
    listener({ kind: "synced" });
    const subscription = source.subscribe(({ kind, object }) => listener({ kind, object }));
    end.addEventListener("abort", () => subscription[Symbol.dispose](), { once: true });
  }

  get(resource: ResourceKey, namespace: string, name: string): ApiObject | undefined {
    return this.#cache.of(this.#kindOf(resource).resource).get(namespace, name);
  }

  unreadable(resource: ResourceKey, namespace: string, name: string): string | undefined {
    const { resource: definition } = this.#kindOf(resource);
    return this.#cache.of(definition).unreadable(objectKey(definition, namespace, name));
  }

  async create(
    resource: ResourceKey,
    object: Omit<ApiObject, "metadata"> & { readonly metadata: Partial<ApiObject["metadata"]> },
  ): Promise<WriteOutcome | { readonly kind: "exists" }> {
    const namespace = object.metadata.namespace ?? "";
    const submitted = { object: object as unknown as JsonObject, duplicateFields: [] };
    const kind = this.#kindOf(resource);
    const outcome = await attempt(() => this.#writer.create(kind, namespace, submitted, internalWrite));
    return outcome.kind === "taken" ? { kind: "exists" } : outcome;
  }

  updateStatus(resource: ResourceKey, object: ApiObject, status: unknown): Promise<WriteOutcome> {
    return this.#write(resource, { ...object, status }, "status");
  }

  update(resource: ResourceKey, object: ApiObject): Promise<WriteOutcome> {
    return this.#write(resource, object, "");
  }

  async delete(resource: ResourceKey, object: ApiObject): Promise<WriteOutcome> {
    const { namespace = "", name, uid } = object.metadata;
    const kind = this.#kindOf(resource);
    const outcome = await attempt(async () => {
      const options = {
        user: schedulerUser,
        dryRun: false,
        uid,
        resourceVersion: undefined,
        policy: undefined,
      };
      return (await this.#writer.delete(kind, namespace, name, options)).object;
    });
    // Another uid: the object that was meant is gone.
    if (outcome.kind === "conflict") return { kind: "notFound" };
    return outcome.kind === "taken" ? { kind: "conflict" } : outcome;
  }

  /**
   * The revision at which the leadership was taken. A restore leaps the revision far beyond all that were given out; a
   * count would be that of the backup again, and nodes would refuse the scheduler as one of before.
   */
  async takeEpoch(): Promise<number> {
    try {
      const outcome = await this.#store.commit(
        [{ kind: "put", key: epochKey, value: "taken", expectedRevision: undefined }],
        this.#closing.signal,
      );
      if (outcome.kind === "committed") return outcome.revision;
    } catch (thrown) {
      throw unavailable(thrown);
    }
    throw new Bug("a write without a condition met a conflict");
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(new WherryError("BackendUnavailable", "the backend is closed", { retryable: true }));
    return Promise.resolve();
  }

  async #write(resource: ResourceKey, object: ApiObject, subresource: Subresource): Promise<WriteOutcome> {
    const { namespace = "", name } = object.metadata;
    const submitted = { object: object as unknown as JsonObject, duplicateFields: [] };
    const kind = this.#kindOf(resource);
    const outcome = await attempt(() =>
      this.#writer.update(kind, namespace, name, subresource, () => submitted, internalWrite),
    );
    return outcome.kind === "taken" ? { kind: "conflict" } : outcome;
  }

  #kindOf({ group, plural }: ResourceKey): Kind {
    const kind = this.#registry.findPlural(group, plural);
    if (!kind) throw new WherryError("UnknownKind", `${plural} of group ${group || "core"} are not served`);
    return kind;
  }
}

/** Expected refusals become outcomes; a store that is down becomes BackendUnavailable. */
async function attempt(write: () => Promise<ApiObject>): Promise<WriteOutcome | { readonly kind: "taken" }> {
  try {
    return { kind: "written", object: await write() };
  } catch (thrown) {
    switch (errorCode(thrown)) {
      case "AlreadyExists":
        return { kind: "taken" };
      case "Conflict":
        return { kind: "conflict" };
      case "NotFound":
        return { kind: "notFound" };
      default:
        throw unavailable(thrown);
    }
  }
}

function unavailable(thrown: unknown): unknown {
  const code = errorCode(thrown) ?? "";
  if (!code.startsWith("Store")) return thrown;
  return new WherryError("BackendUnavailable", thrown instanceof Error ? thrown.message : code, {
    retryable: true,
    cause: thrown,
  });
}
