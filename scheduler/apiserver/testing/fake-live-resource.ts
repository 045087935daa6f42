import type { ApiObject } from "../../../api/object-meta.ts";
import { WherryError } from "../../../kit/errors.ts";
import type { EvictionOutcome, EvictionRequest, LiveResource, LogOptions } from "../live-resource.ts";
import type { SourceEvent } from "../storage/object-source.ts";

/** Live objects that a test puts and removes, and logs that it writes. */
export class FakeLiveResource implements LiveResource {
  readonly #objects = new Map<string, ApiObject>();
  readonly #listeners = new Set<(event: SourceEvent) => void>();
  readonly #emptied = new Set<(ownerUid: string) => void>();
  readonly logs = new Map<string, readonly string[]>();
  /** Whose logs go on until nobody reads them. */
  readonly endless = new Set<string>();
  readonly openedLogs: LogOptions[] = [];
  readonly evictions: ({ readonly name: string } & EvictionRequest)[] = [];
  /** What evictions are answered. */
  evictionOutcome: EvictionOutcome = { kind: "evicted" };
  revision = 1_000_000;

  put(namespace: string, name: string, fields: Readonly<Record<string, unknown>> = {}): ApiObject {
    this.revision++;
    const object: ApiObject = {
      apiVersion: "live.wherry.dev/v1alpha1",
      kind: "WasmInstance",
      metadata: {
        name,
        namespace,
        uid: `uid-${name}`,
        resourceVersion: String(this.revision),
        creationTimestamp: "2026-01-01T00:00:00Z",
      },
      spec: { owner: { kind: "WasmDeployment", name: "hello", uid: "u" }, nodeName: "node-1" },
      status: { phase: "Running", display: "Running", ready: "1/1", restarts: 0 },
      ...fields,
    };
    const previous = this.get(namespace, name);
    this.#objects.set(`${namespace}\0${name}`, object);
    this.#tell("put", object, previous);
    return object;
  }

  list(namespace: string | undefined): readonly ApiObject[] {
    return this.keys(namespace).flatMap((key) => this.getByKey(key) ?? []);
  }

  keys(namespace: string | undefined): readonly string[] {
    return [...this.#objects.keys()]
      .filter((key) => namespace === undefined || key.startsWith(`${namespace}\0`))
      .sort();
  }

  getByKey(key: string): ApiObject | undefined {
    return this.#objects.get(key);
  }

  get(namespace: string, name: string): ApiObject | undefined {
    return this.#objects.get(`${namespace}\0${name}`);
  }

  subscribe(listener: (event: SourceEvent) => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  hasOwned(ownerUid: string): boolean {
    return [...this.#objects.values()].some((object) => isOwnedBy(object, ownerUid));
  }

  subscribeEmptied(listener: (ownerUid: string) => void): Disposable {
    this.#emptied.add(listener);
    return { [Symbol.dispose]: () => void this.#emptied.delete(listener) };
  }

  delete(namespace: string, name: string): ApiObject | undefined {
    const object = this.get(namespace, name);
    if (!object) return undefined;
    this.#objects.delete(`${namespace}\0${name}`);
    this.revision++;
    const metadata = { ...object.metadata, resourceVersion: String(this.revision) };
    this.#tell("delete", { ...object, metadata }, object);
    for (const { uid } of metadata.ownerReferences ?? [])
      if (!this.hasOwned(uid)) for (const listener of this.#emptied) listener(uid);
    return object;
  }

  evict(namespace: string, name: string, request: EvictionRequest): EvictionOutcome | undefined {
    if (!this.get(namespace, name)) return undefined;
    this.evictions.push({ name, ...request });
    return this.evictionOutcome;
  }

  explain(namespace: string, name: string, limit: number): object | undefined {
    const object = this.get(namespace, name);
    return object && { kind: "InstanceExplanation", metadata: { namespace, name }, spec: { limit } };
  }

  async *openLog(
    _namespace: string,
    name: string,
    options: LogOptions,
    signal: AbortSignal,
  ): AsyncIterable<Uint8Array> {
    this.openedLogs.push(options);
    await Promise.resolve();
    const lines = this.logs.get(name);
    if (!lines)
      throw new WherryError("NodeUnreachable", `the node of ${name} is silent`, { retryable: true });
    for (const line of lines) yield Buffer.from(`${line}\n`);
    if (this.endless.has(name)) await new Promise((resolve) => signal.addEventListener("abort", resolve));
  }

  #tell(kind: SourceEvent["kind"], object: ApiObject, previous: ApiObject | undefined): void {
    const event = { kind, object, previous, revision: this.revision, bytes: 1_024 };
    for (const listener of this.#listeners) listener(event);
  }
}

function isOwnedBy({ metadata }: ApiObject, uid: string): boolean {
  return (metadata.ownerReferences ?? []).some((owner) => owner.uid === uid);
}
