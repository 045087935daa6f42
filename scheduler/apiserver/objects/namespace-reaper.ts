/**
 * Empties namespaces that are being deleted, in bounded batches, and then removes them. What has finalizers is only
 * marked; each removal of such an object looks again whether its namespace is empty now. What cannot be read goes, too:
 * nobody could ever delete it by name in a namespace that is gone. Driven by the cache's events.
 */
import type { ApiObject } from "../../../api/object-meta.ts";
import type { Clock } from "../../../kit/clock.ts";
import { KeyedWorker } from "../../../kit/keyed-worker.ts";
import type { Log } from "../../../kit/log.ts";
import type { Kind, Registry } from "../registry.ts";
import { errorCode } from "../../../kit/errors.ts";
import { toTimestamp } from "../../../kit/timestamps.ts";
import { namespaceConditions } from "../kinds/namespace-conditions.ts";
import { isObject, qualified } from "../resource.ts";
import { type KindCache, objectKey, type StoreCache } from "../storage/store-cache.ts";
import { internalWrite, type ObjectWriter } from "./object-writer.ts";

/** Objects deleted at the same time. */
const batchMax = 500;
/** A namespace whose thousands of held objects go one by one is looked at so often at most. */
const lookIntervalMs = 50;
/** What a real server's own controller removes from `spec.finalizers` when the contents are gone. */
const ownFinalizer = "kubernetes";

export interface NamespaceReaperParts {
  readonly registry: Registry;
  readonly cache: StoreCache;
  readonly writer: ObjectWriter;
  readonly clock: Clock;
  readonly log: Log;
}

interface Content {
  readonly kind: Kind;
  readonly object: ApiObject;
}

export class NamespaceReaper implements AsyncDisposable {
  readonly #parts: NamespaceReaperParts;
  readonly #namespaces: KindCache;
  readonly #subscription: Disposable;
  readonly #worker: KeyedWorker;
  #isClosing = false;

  constructor(parts: NamespaceReaperParts) {
    const { cache, clock, log } = parts;
    this.#parts = parts;
    this.#namespaces = cache.of({ group: "", plural: "namespaces" });
    this.#worker = new KeyedWorker((name) => this.#reap(name), {
      clock,
      concurrencyMax: 4,
      intervalMs: lookIntervalMs,
      backoff: { initialMs: 100, factor: 2, maxMs: 30_000 },
      failed: (namespace, err) => log.error("namespace could not be emptied", { namespace, err }),
    });
    this.#subscription = cache.subscribeAll(({ kind, object }) => {
      const { namespace, name } = object.metadata;
      if (namespace === undefined) {
        if (kind === "put" && object.kind === "Namespace" && object.apiVersion === "v1") this.#wake(name);
      } else if (kind === "delete") this.#wake(namespace);
    });
  }

  /** Goes on with what an earlier process has begun. */
  resume(): void {
    for (const { metadata } of this.#namespaces.list(undefined)) this.#wake(metadata.name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosing = true;
    this.#subscription[Symbol.dispose]();
    await this.#worker.close();
  }

  #wake(name: string): void {
    if (this.#terminating(name)) this.#worker.schedule(name);
  }

  async #reap(name: string): Promise<void> {
    const { writer } = this.#parts;
    while (this.#terminating(name) && !this.#isClosing) {
      const contents = this.#contents(name);
      const unmarked = contents.filter(({ object }) => object.metadata.deletionTimestamp === undefined);
      const unreadable = this.#unreadable(name);
      for (let at = 0; at < unmarked.length && !this.#isClosing; at += batchMax)
        await writer.deleteBatch(unmarked.slice(at, at + batchMax));
      for (let at = 0; at < unreadable.length && !this.#isClosing; at += batchMax)
        await Promise.all(unreadable.slice(at, at + batchMax).map((key) => writer.deleteUnread(key)));
      if (unmarked.length + unreadable.length > 0) continue;
      const namespace = this.#terminating(name);
      if (!namespace) return;
      // Finalizers are removed by whoever put them there; that wakes us.
      if (contents.length > 0 || isHeld(namespace)) return this.#report(namespace, contents);
      if (await writer.removeNamespace(namespace)) return;
    }
  }

  /** Says in the namespace's conditions what it waits for. */
  async #report(namespace: ApiObject, contents: readonly Content[]): Promise<void> {
    const { registry, writer, clock } = this.#parts;
    const kind = registry.findPlural("", "namespaces");
    if (!kind) return;
    const remaining = [...Map.groupBy(contents, (content) => qualified(content.kind.resource))].map(
      ([resource, left]) => ({
        resource,
        finalizersOf: left.map(({ object }) => object.metadata.finalizers ?? []),
      }),
    );
    const change = (current: ApiObject) => {
      const status = isObject(current["status"]) ? current["status"] : {};
      const before: unknown[] = Array.isArray(status["conditions"]) ? status["conditions"] : [];
      const conditions = namespaceConditions(remaining, before.filter(isObject), toTimestamp(clock.now()));
      return { object: { ...current, status: { ...status, conditions } }, duplicateFields: [] };
    };
    try {
      await writer.update(kind, "", namespace.metadata.name, "status", change, internalWrite);
    } catch (thrown) {
      if (errorCode(thrown) !== "NotFound") throw thrown;
    }
  }

  #terminating(name: string): ApiObject | undefined {
    const object = this.#namespaces.get("", name);
    return object?.metadata.deletionTimestamp === undefined ? undefined : object;
  }

  #contents(namespace: string): readonly Content[] {
    const { cache } = this.#parts;
    return this.#kinds().flatMap((kind) =>
      cache
        .of(kind.resource)
        .list(namespace)
        .map((object) => ({ kind, object })),
    );
  }

  /** Keys. */
  #unreadable(namespace: string): readonly string[] {
    const { cache } = this.#parts;
    return this.#kinds().flatMap(({ resource }) =>
      cache.of(resource).unreadableUnder(objectKey(resource, namespace, "")),
    );
  }

  #kinds(): readonly Kind[] {
    return this.#parts.registry.stored.filter(({ resource }) => resource.namespaced);
  }
}

function isHeld({ metadata, spec }: ApiObject): boolean {
  const finalizers = isObject(spec) && Array.isArray(spec["finalizers"]) ? spec["finalizers"] : [];
  return (metadata.finalizers?.length ?? 0) > 0 || finalizers.some((one) => one !== ownFinalizer);
}
