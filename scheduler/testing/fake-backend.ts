import type { ApiObject } from "../../api/object-meta.ts";
import type { Backend, BackendEvent, ResourceKey, WriteOutcome } from "../backend/backend.ts";

/** Declared objects in memory, with the port's rules, garbage collection and nothing else. Writes and answers can be held back, to see what happens meanwhile. */
export class FakeBackend implements Backend {
  readonly #objects = new Map<string, ApiObject>();
  readonly #listeners = new Map<string, Set<(event: BackendEvent) => void>>();
  readonly #heldWrites: (() => void)[] = [];
  #revision = 0;
  #uid = 0;
  holdWrites = false;
  /** Writes are stored and watched, and their writers hear nothing. */
  holdAnswers = false;
  /** By `plural/namespace/name`, and why. */
  readonly unreadables = new Map<string, string>();

  watch({ plural }: ResourceKey, listener: (event: BackendEvent) => void, signal: AbortSignal): void {
    const listeners = this.#listeners.get(plural) ?? new Set();
    this.#listeners.set(plural, listeners);
    listeners.add(listener);
    signal.addEventListener("abort", () => listeners.delete(listener), { once: true });
    for (const [key, object] of this.#objects) {
      if (key.startsWith(`${plural}/`)) listener({ kind: "put", object });
    }
    listener({ kind: "synced" });
  }

  get({ plural }: ResourceKey, namespace: string, name: string): ApiObject | undefined {
    return this.#objects.get(`${plural}/${namespace}/${name}`);
  }

  unreadable({ plural }: ResourceKey, namespace: string, name: string): string | undefined {
    return this.unreadables.get(`${plural}/${namespace}/${name}`);
  }

  create(
    { plural }: ResourceKey,
    object: Parameters<Backend["create"]>[1],
  ): Promise<WriteOutcome | { readonly kind: "exists" }> {
    return this.#write(() => {
      const key = keyOf(plural, object.metadata);
      if (this.#objects.has(key)) return { kind: "exists" };
      const written = this.put(plural, object);
      if (this.#isOrphan(written)) this.remove(plural, written);
      return { kind: "written", object: written };
    });
  }

  updateStatus({ plural }: ResourceKey, object: ApiObject, status: unknown): Promise<WriteOutcome> {
    return this.#replace(plural, object, (current) => ({ ...current, status }));
  }

  update({ plural }: ResourceKey, object: ApiObject): Promise<WriteOutcome> {
    return this.#replace(plural, object, (current) => ({ ...object, status: current["status"] }));
  }

  delete({ plural }: ResourceKey, object: ApiObject): Promise<WriteOutcome> {
    return this.#write(() => {
      const current = this.#objects.get(keyOf(plural, object.metadata));
      if (current?.metadata.uid !== object.metadata.uid) return { kind: "notFound" };
      this.remove(plural, current);
      return { kind: "written", object: current };
    });
  }

  takeEpoch(): Promise<number> {
    return Promise.resolve(1);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }

  /** As a user would: creates or replaces, with a new generation when the spec changes. */
  put(plural: string, object: Parameters<Backend["create"]>[1]): ApiObject {
    const key = keyOf(plural, object.metadata);
    const before = this.#objects.get(key);
    const isChanged = JSON.stringify(before?.["spec"]) !== JSON.stringify(object["spec"]);
    const generation = (before?.metadata.generation ?? 0) + (isChanged ? 1 : 0);
    const stored = {
      ...object,
      metadata: {
        name: "",
        creationTimestamp: "2026-01-01T00:00:00Z",
        uid: before?.metadata.uid ?? `uid-${++this.#uid}`,
        ...object.metadata,
        generation,
        resourceVersion: String(++this.#revision),
      },
    } as ApiObject;
    this.#objects.set(key, stored);
    this.#tell(plural, { kind: "put", object: stored });
    return stored;
  }

  remove(plural: string, object: ApiObject): void {
    this.#objects.delete(keyOf(plural, object.metadata));
    this.#tell(plural, { kind: "delete", object });
    for (const [key, owned] of this.#objects)
      if (ownerUidsOf(owned).includes(object.metadata.uid))
        this.remove(key.slice(0, key.indexOf("/")), owned);
  }

  releaseWrites(): void {
    this.holdWrites = false;
    this.holdAnswers = false;
    for (const write of this.#heldWrites.splice(0)) write();
  }

  /** Its owner was deleted while it was being made. */
  #isOrphan(object: ApiObject): boolean {
    const owners = ownerUidsOf(object);
    if (owners.length === 0) return false;
    for (const { metadata } of this.#objects.values()) if (owners.includes(metadata.uid)) return false;
    return true;
  }

  #replace(
    plural: string,
    object: ApiObject,
    change: (current: ApiObject) => ApiObject,
  ): Promise<WriteOutcome> {
    return this.#write(() => {
      const current = this.#objects.get(keyOf(plural, object.metadata));
      if (!current) return { kind: "notFound" };
      if (current.metadata.resourceVersion !== object.metadata.resourceVersion) return { kind: "conflict" };
      return { kind: "written", object: this.put(plural, change(current)) };
    });
  }

  async #write<T>(write: () => T): Promise<T> {
    if (this.holdWrites) await this.#release();
    const outcome = write();
    if (this.holdAnswers) await this.#release();
    return outcome;
  }

  #release(): Promise<void> {
    return new Promise((resolve) => void this.#heldWrites.push(resolve));
  }

  #tell(plural: string, event: BackendEvent): void {
    for (const listener of this.#listeners.get(plural) ?? []) listener(event);
  }
}

function keyOf(plural: string, metadata: { readonly namespace?: string; readonly name?: string }): string {
  return `${plural}/${metadata.namespace ?? ""}/${metadata.name ?? ""}`;
}

function ownerUidsOf({ metadata }: ApiObject): readonly string[] {
  return metadata.ownerReferences?.map(({ uid }) => uid) ?? [];
}
