/**
 * Empties namespaces that are being deleted, in bounded batches, and then removes them. What has finalizers is only
 * marked; each removal of such an object looks again whether its namespace is empty now.
 */
import type { ApiObject } from "../../../api/object-meta.ts";
import type { Log } from "../../../kit/log.ts";
import type { Kind, Registry } from "../registry.ts";
import type { StoreCache } from "../storage/store-cache.ts";
import type { ObjectWriter } from "./object-writer.ts";

/** Objects deleted by one commit. */
const batchMax = 500;

export class NamespaceReaper implements Disposable {
  readonly #cache: StoreCache;
  readonly #writer: ObjectWriter;
  readonly #log: Log;
  readonly #kinds: readonly Kind[];
  readonly #namespaces: Kind | undefined;
  readonly #subscriptions: readonly Disposable[];
  readonly #running = new Map<string, Promise<void>>();

  constructor(registry: Registry, cache: StoreCache, writer: ObjectWriter, log: Log) {
    this.#cache = cache;
    this.#writer = writer;
    this.#log = log;
    this.#kinds = registry.kinds.filter(
      ({ resource }) => resource.namespaced && resource.storage === "stored",
    );
    this.#namespaces = registry.findPlural("", "namespaces");
    this.#subscriptions = this.#kinds.map((kind) =>
      cache.of(kind.resource).subscribe((event) => {
        if (event.kind === "delete") this.#wake(event.object.metadata.namespace ?? "");
      }),
    );
  }

  /** Goes on with what an earlier process has begun. */
  async resume(): Promise<void> {
    if (!this.#namespaces) return;
    for (const object of this.#cache.of(this.#namespaces.resource).list(undefined))
      if (object.metadata.deletionTimestamp !== undefined) await this.reap(object.metadata.name);
  }

  /** Resolves when the namespace is gone, or waits for finalizers only. */
  reap(name: string): Promise<void> {
    const running = this.#running.get(name) ?? this.#reap(name).finally(() => this.#running.delete(name));
    this.#running.set(name, running);
    return running;
  }

  [Symbol.dispose](): void {
    for (const subscription of this.#subscriptions) subscription[Symbol.dispose]();
  }

  #wake(name: string): void {
    if (this.#terminating(name) === undefined || this.#running.has(name) || this.#contents(name).length > 0)
      return;
    this.reap(name).catch((thrown: unknown) =>
      this.#log.error("namespace could not be removed", { namespace: name, err: thrown }),
    );
  }

  async #reap(name: string): Promise<void> {
    while (this.#terminating(name) !== undefined) {
      const contents = this.#contents(name);
      const removable = contents.filter(
        ({ object }) =>
          !object.metadata.finalizers?.length || object.metadata.deletionTimestamp === undefined,
      );
      for (let at = 0; at < removable.length; at += batchMax)
        await this.#writer.deleteBatch(removable.slice(at, at + batchMax));
      const namespace = this.#terminating(name);
      if (removable.length > 0) continue;
      if (contents.length > 0 || !namespace || (await this.#writer.removeNamespace(namespace))) return;
    }
  }

  #terminating(name: string): ApiObject | undefined {
    const object = this.#namespaces && this.#cache.of(this.#namespaces.resource).get("", name);
    return object?.metadata.deletionTimestamp === undefined ? undefined : object;
  }

  #contents(namespace: string): readonly { readonly kind: Kind; readonly object: ApiObject }[] {
    return this.#kinds.flatMap((kind) =>
      this.#cache
        .of(kind.resource)
        .list(namespace)
        .map((object) => ({ kind, object })),
    );
  }
}
