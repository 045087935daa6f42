/**
 * Serves the kinds that CustomResourceDefinitions declare, for as long as they do.
 *
 *   created ─▶ names accepted? ─▶ Established, served ─▶ changed: served as it says now
 *                  │ no                     │
 *                  ▼                        ▼ deleted
 *         NamesAccepted: False     Terminating: its objects are deleted, then the kind is no longer served
 *
 * What is established is served from the cache's event on, before any client hears of it. Statuses are written behind that,
 * one at a time for each definition.
 */
import type { ApiObject } from "../../../api/object-meta.ts";
import type { Clock } from "../../../kit/clock.ts";
import { errorCode } from "../../../kit/errors.ts";
import { KeyedWorker } from "../../../kit/keyed-worker.ts";
import type { Log } from "../../../kit/log.ts";
import { toTimestamp } from "../../../kit/timestamps.ts";
import { internalWrite, type ObjectWriter } from "../objects/object-writer.ts";
import { Kind, type Registry } from "../registry.ts";
import type { KindCache, StoreCache } from "../storage/store-cache.ts";
import { acceptNames, type TakenNames } from "./accept-names.ts";
import { asCrd, type Crd, type CrdStatus, isEstablished } from "./crd.ts";
import { definitionsOf } from "./definitions-of.ts";

export const crdResource = { group: "apiextensions.k8s.io", plural: "customresourcedefinitions" } as const;
/** Holds a definition until its objects are gone. */
const crdFinalizer = "customresourcecleanup.apiextensions.k8s.io";
/** Objects deleted at the same time. */
const batchMax = 500;

export interface CrdControllerParts {
  readonly registry: Registry;
  readonly cache: StoreCache;
  readonly writer: ObjectWriter;
  readonly clock: Clock;
  readonly log: Log;
  /** Definitions of the server's own kinds, which are served anyhow, with what code adds to them. */
  readonly ownNames: ReadonlySet<string>;
  /** Ends what clients follow of a kind that is served differently now, or no more. */
  readonly kindChanged: (resource: { readonly group: string; readonly plural: string }) => void;
}

export class CrdController implements AsyncDisposable {
  readonly #parts: CrdControllerParts;
  readonly #kind: Kind;
  readonly #cache: KindCache;
  /** Names of the server's own kinds: no definition of somebody else gets them. */
  readonly #builtIn: readonly TakenNames[];
  /** What was served last for each definition. */
  readonly #served = new Map<string, Crd>();
  readonly #worker: KeyedWorker;
  #isClosing = false;
  readonly #subscriptions = new DisposableStack();
  #naming: Promise<void> = Promise.resolve();

  constructor(parts: CrdControllerParts) {
    const { registry, cache, clock, log } = parts;
    this.#parts = parts;
    const kind = registry.findPlural(crdResource.group, crdResource.plural);
    if (!kind) throw new TypeError("the kind CustomResourceDefinition is not defined");
    this.#kind = kind;
    this.#cache = cache.of(crdResource);
    this.#builtIn = registry.kinds.map(({ resource }) => ({ group: resource.group, names: resource }));
    this.#worker = new KeyedWorker((name) => this.#process(name), {
      clock,
      concurrencyMax: 4,
      intervalMs: 0,
      backoff: { initialMs: 100, factor: 2, maxMs: 30_000 },
      failed: (name, err) => log.warn("custom resource definition will be looked at again", { name, err }),
    });
    for (const object of this.#cache.list(undefined)) this.#serve(asCrd(object));
    this.#subscriptions.use(
      this.#cache.subscribe(({ kind: change, object }) => {
        const crd = asCrd(object);
        if (change === "put") {
          this.#serve(crd);
          this.#worker.schedule(crd.metadata.name);
        } else {
          this.#withdraw(crd);
          this.#lookAtWaiting(crd);
        }
      }),
    );
    // The last object of a kind that is being deleted lets its definition go.
    this.#subscriptions.use(
      cache.subscribeAll(({ kind: change }, { group, plural }) => {
        const name = `${plural}.${group}`;
        if (change === "delete" && this.#cache.get("", name)?.metadata.deletionTimestamp !== undefined)
          this.#worker.schedule(name);
      }),
    );
  }

  /** Goes on with what an earlier process has begun. */
  resume(): void {
    for (const { metadata } of this.#cache.list(undefined)) this.#worker.schedule(metadata.name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosing = true;
    this.#subscriptions.dispose();
    await this.#worker.close();
  }

  #serve(crd: Crd): void {
    const { registry, cache, log } = this.#parts;
    const { name } = crd.metadata;
    const before = this.#served.get(name);
    if (!isEstablished(crd) || isServedSame(before, crd) || this.#parts.ownNames.has(name)) return;
    const resource = { group: crd.spec.group, plural: crd.spec.names.plural };
    try {
      const definitions = definitionsOf(crd);
      registry.put(definitions);
      this.#served.set(name, crd);
      const stored = registry.stored.find(
        (kind) => kind.resource.group === resource.group && kind.resource.plural === resource.plural,
      );
      cache
        .reshape(resource, (object) => (stored ? stored.shape(object) : object))
        .catch((thrown: unknown) =>
          log.warn("stored objects could not be read again", { name, err: thrown }),
        );
      if (definitions.length === 0) registry.remove(resource);
    } catch (thrown) {
      log.error("custom resource definition cannot be served", { name, err: thrown });
    }
    if (before) this.#parts.kindChanged(resource);
  }

  #withdraw(crd: Crd): void {
    if (!this.#served.delete(crd.metadata.name)) return;
    const resource = { group: crd.spec.group, plural: crd.spec.names.plural };
    this.#parts.registry.remove(resource);
    this.#parts.kindChanged(resource);
    this.#parts.cache.forget(resource);
  }

  async #process(name: string): Promise<void> {
    const object = this.#cache.get("", name);
    if (!object) return;
    const crd = asCrd(object);
    if (crd.metadata.deletionTimestamp !== undefined) return this.#finish(crd);
    if (!crd.metadata.finalizers?.includes(crdFinalizer)) await this.#hold(name);
    // One after the other: whoever comes second must see the names that the first has got.
    const settled = this.#naming.then(() => this.#settleNames(name));
    this.#naming = settled.catch(() => {});
    await settled;
  }

  async #settleNames(name: string): Promise<void> {
    const object = this.#cache.get("", name);
    if (!object) return;
    const crd = asCrd(object);
    const status = this.#statusOf(crd);
    // Nothing has changed for the others either: looking at them would have them look at this one, without end.
    if (status === crd.status) return;
    await this.#writeStatus(crd, status);
    this.#lookAtWaiting(crd);
  }

  /** Names that this one has given up, others may be waiting for. */
  #lookAtWaiting({ metadata, spec }: Crd): void {
    for (const other of this.#cache.list(undefined).map(asCrd))
      if (other.metadata.name !== metadata.name && !hasItsNames(other) && other.spec.group === spec.group)
        this.#worker.schedule(other.metadata.name);
  }

  #statusOf(crd: Crd): CrdStatus {
    const others = this.#cache.list(undefined).flatMap((object): readonly TakenNames[] => {
      const { metadata, spec, status } = asCrd(object);
      if (metadata.name === crd.metadata.name || spec.group !== crd.spec.group) return [];
      return [{ group: spec.group, names: status.acceptedNames ?? {} }];
    });
    // A definition of one of the server's own kinds has that kind's names.
    const builtIn = this.#builtIn.filter(
      ({ group, names }) => `${names.plural}.${group}` !== crd.metadata.name,
    );
    const status = acceptNames(crd, [...builtIn, ...others], toTimestamp(this.#parts.clock.now()));
    const stored = crd.spec.versions.find((version) => version.storage)?.name;
    const before = status.storedVersions ?? [];
    if (stored === undefined || before.includes(stored)) return status;
    return { ...status, storedVersions: [...before, stored] };
  }

  async #hold(name: string): Promise<void> {
    await this.#change(name, "", (current) => {
      const finalizers = current.metadata.finalizers ?? [];
      if (finalizers.includes(crdFinalizer) || current.metadata.deletionTimestamp !== undefined)
        return current;
      return { ...current, metadata: { ...current.metadata, finalizers: [...finalizers, crdFinalizer] } };
    });
  }

  async #writeStatus(crd: Crd, status: CrdStatus): Promise<void> {
    const { name, generation } = crd.metadata;
    await this.#change(name, "status", (current) =>
      // Names are accepted of what was looked at; a newer one is looked at again.
      current.metadata.generation === generation ? { ...current, status } : current,
    );
  }

  /** Deletes the objects; those with finalizers are waited for. */
  async #finish(crd: Crd): Promise<void> {
    const { clock } = this.#parts;
    const { name, finalizers = [] } = crd.metadata;
    if (!finalizers.includes(crdFinalizer)) return;
    const kind = isEstablished(crd) ? storedKind(crd) : undefined;
    if (kind) {
      await this.#writeStatus(crd, terminating(crd, toTimestamp(clock.now())));
      if (!(await this.#deleteAll(kind))) return;
    }
    await this.#change(name, "", (current) => {
      const kept = (current.metadata.finalizers ?? []).filter((one) => one !== crdFinalizer);
      const { finalizers: _, ...metadata } = current.metadata;
      return { ...current, metadata: { ...metadata, ...(kept.length > 0 ? { finalizers: kept } : {}) } };
    });
  }

  /** Whether all are gone. */
  async #deleteAll(kind: Kind): Promise<boolean> {
    const { writer } = this.#parts;
    const cache = this.#parts.cache.of(kind.resource);
    while (!this.#isClosing) {
      const unmarked = cache
        .list(undefined)
        .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
        .map((object) => ({ kind, object }));
      if (unmarked.length === 0) return cache.size === 0;
      for (let at = 0; at < unmarked.length && !this.#isClosing; at += batchMax)
        await writer.deleteBatch(unmarked.slice(at, at + batchMax));
    }
    return false;
  }

  async #change(
    name: string,
    subresource: "" | "status",
    change: (current: ApiObject) => ApiObject,
  ): Promise<void> {
    try {
      await this.#parts.writer.update(
        this.#kind,
        "",
        name,
        subresource,
        (current) => ({ object: { ...change(current) }, duplicateFields: [] }),
        internalWrite,
      );
    } catch (thrown) {
      if (errorCode(thrown) !== "NotFound") throw thrown;
    }
  }
}

/** What is stored of a definition, whether a version of it is served or none. */
function storedKind(crd: Crd): Kind | undefined {
  const versions = crd.spec.versions.map((version) => ({ ...version, served: true }));
  const definition = definitionsOf({ ...crd, spec: { ...crd.spec, versions } }).find(
    ({ version, storageVersion }) => version === storageVersion,
  );
  return definition && new Kind(definition);
}

function hasItsNames({ status }: Crd): boolean {
  return status.conditions?.some((one) => one.type === "NamesAccepted" && one.status === "True") === true;
}

/** Whether what is served would be the same. */
function isServedSame(before: Crd | undefined, crd: Crd): boolean {
  return (
    before !== undefined &&
    before.metadata.uid === crd.metadata.uid &&
    before.metadata.generation === crd.metadata.generation &&
    JSON.stringify(before.status.acceptedNames) === JSON.stringify(crd.status.acceptedNames)
  );
}

function terminating(crd: Crd, now: string): CrdStatus {
  const conditions = crd.status.conditions ?? [];
  if (conditions.some(({ type, status }) => type === "Terminating" && status === "True")) return crd.status;
  const condition = {
    type: "Terminating",
    status: "True",
    lastTransitionTime: now,
    reason: "InstanceDeletionInProgress",
    message: "CustomResource deletion is in progress",
  } as const;
  return {
    ...crd.status,
    conditions: [...conditions.filter(({ type }) => type !== "Terminating"), condition],
  };
}
