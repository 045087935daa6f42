import type { ObjectCounts } from "../../backend/object-counts.ts";
import type { Registry } from "../registry.ts";
import type { KindCache, StoreCache, StoredKind } from "./store-cache.ts";

/** What quotas ask of the stored objects: sizes and single look-ups, no lists. */
export class StoredCounts implements ObjectCounts {
  readonly #registry: Pick<Registry, "findPlural">;
  readonly #cache: StoreCache;

  constructor(registry: Pick<Registry, "findPlural">, cache: StoreCache) {
    this.#registry = registry;
    this.#cache = cache;
  }

  count(kind: StoredKind, namespace: string): number | undefined {
    return this.#cacheOf(kind)?.sizeOf(namespace);
  }

  exists(kind: StoredKind, namespace: string, name: string): boolean {
    return this.#cacheOf(kind)?.get(namespace, name) !== undefined;
  }

  subscribe(listener: (kind: StoredKind, namespace: string) => void): Disposable {
    return this.#cache.subscribeAll(({ kind: what, previous, object }, kind) => {
      const isChangeOfCount = what === "delete" || previous === undefined;
      const { namespace = "" } = object.metadata;
      if (isChangeOfCount && namespace !== "") listener(kind, namespace);
    });
  }

  #cacheOf({ group, plural }: StoredKind): KindCache | undefined {
    const resource = this.#registry.findPlural(group, plural)?.resource;
    if (resource?.storage !== "stored" || !resource.namespaced) return undefined;
    return this.#cache.of(resource);
  }
}
