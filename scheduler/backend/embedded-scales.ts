/**
 * Scales of the objects of this process' own API server, whatever their kind: Wherry's and those that users have defined.
 *
 *   registry changes ─▶ kinds are looked up again ─┐
 *   writes of objects ─▶ one listener per kind ────┴─▶ those who watch an object, if its Scale is another one
 *
 * A write is that of the scale subresource: it is defaulted, validated and admitted like everybody's.
 */
import type { ApiObject } from "../../api/object-meta.ts";
import { errorCode, errorMessage, WherryError } from "../../kit/errors.ts";
import { internalWrite, type ObjectWriter, type WriteOptions } from "../apiserver/objects/object-writer.ts";
import {
  changeThroughScale,
  scaleNumbers,
  scaleSubresource,
  trackScale,
} from "../apiserver/objects/scale-view.ts";
import type { Kind, Registry, ScaleAccess } from "../apiserver/registry.ts";
import { ApiError, modified } from "../apiserver/status.ts";
import type { SourceEvent } from "../apiserver/storage/object-source.ts";
import { objectKey, type StoreCache } from "../apiserver/storage/store-cache.ts";
import type { Scale, ScaleBackend, ScaleOutcome, ScaleReading, ScaleReference } from "./scale-backend.ts";

const ownApiVersion = "wherry.dev/v1alpha1";
const writeOptions: WriteOptions = { ...internalWrite, manager: "wherry-autoscaler" };

type Found = { readonly kind: "found"; readonly definition: Kind; readonly access: ScaleAccess };

/** Who watches objects of one kind in one version. */
interface KindWatch {
  definition: Kind | undefined;
  subscription: Disposable | undefined;
  readonly byObject: Map<string, Set<() => void>>;
}

export interface EmbeddedScalesParts {
  readonly registry: Registry;
  readonly cache: StoreCache;
  readonly writer: ObjectWriter;
}

export class EmbeddedScales implements ScaleBackend, Disposable {
  readonly #parts: EmbeddedScalesParts;
  readonly #watches = new Map<string, KindWatch>();
  readonly #kinds: Disposable;

  constructor(parts: EmbeddedScalesParts) {
    this.#parts = parts;
    this.#kinds = parts.registry.subscribe(() => this.#kindsChanged());
  }

  async read(reference: ScaleReference): Promise<ScaleReading> {
    return this.#read(reference);
  }

  async write(reference: ScaleReference, scale: Scale, replicas: number): Promise<ScaleOutcome> {
    const kind = this.#kindOf(reference);
    if (kind.kind !== "found") return { kind: "notFound" };
    const { definition, access } = kind;
    const { namespace, name } = reference;
    const change = changeThroughScale(definition, access, (live, author) => {
      const { uid, resourceVersion } = live.metadata;
      if (uid !== scale.uid || resourceVersion !== scale.resourceVersion)
        throw modified(definition.resource, name);
      return trackScale(live, { ...live, spec: { replicas } }, author);
    });
    try {
      const { writer } = this.#parts;
      const object = await writer.update(definition, namespace, name, scaleSubresource, change, writeOptions);
      return { kind: "written", scale: asScale(object, access) };
    } catch (thrown) {
      return outcomeOf(thrown);
    }
  }

  watch(reference: ScaleReference, changed: () => void): Disposable {
    const kindKey = `${reference.apiVersion} ${reference.kind}`;
    const watch = this.#watches.get(kindKey) ?? this.#open(kindKey, reference);
    const key = placeKey(reference.namespace, reference.name);
    const watchers = watch.byObject.get(key) ?? new Set();
    // Not the function itself: the same one may watch twice.
    const watcher = () => changed();
    watch.byObject.set(key, watchers.add(watcher));
    return { [Symbol.dispose]: () => this.#unwatch(kindKey, key, watcher) };
  }

  [Symbol.dispose](): void {
    this.#kinds[Symbol.dispose]();
    for (const { subscription } of this.#watches.values()) subscription?.[Symbol.dispose]();
    this.#watches.clear();
  }

  #read(reference: ScaleReference): ScaleReading {
    const kind = this.#kindOf(reference);
    if (kind.kind !== "found") return kind;
    const { definition, access } = kind;
    const { resource } = definition;
    const { namespace, name } = reference;
    const source = this.#parts.cache.of(resource);
    const stored = source.get(namespace, name);
    if (stored) return readScale(definition.view(stored), reference, access);
    const why = source.unreadable(objectKey(resource, namespace, name));
    if (why !== undefined)
      throw new WherryError("Unreadable", `${resource.plural} "${name}" cannot be read: ${why}`, {
        retryable: true,
      });
    return {
      kind: "notFound",
      message: `there is no ${reference.kind} "${name}" in namespace "${namespace}"`,
    };
  }

  #kindOf({ apiVersion, kind }: ScaleReference): Found | Exclude<ScaleReading, { kind: "found" }> {
    const definition = this.#parts.registry.findKind(apiVersion, kind);
    if (!definition) {
      const own = `Wasm${kind}`;
      const remedy = this.#parts.registry.findKind(ownApiVersion, own)
        ? `did you mean ${own} of ${ownApiVersion}?`
        : '"kubectl api-resources" shows those that there are';
      return { kind: "noKind", message: `there is no kind ${kind} of apiVersion ${apiVersion}; ${remedy}` };
    }
    const { scale, resource } = definition;
    if (scale && resource.namespaced) return { kind: "found", definition, access: scale };
    return {
      kind: "noScale",
      message: `a ${kind} of apiVersion ${apiVersion} cannot be scaled: ${scale ? "it is in no namespace" : "it has no scale subresource"}`,
    };
  }

  #open(key: string, reference: ScaleReference): KindWatch {
    const watch: KindWatch = { definition: undefined, subscription: undefined, byObject: new Map() };
    this.#watches.set(key, watch);
    this.#follow(watch, this.#definitionOf(reference));
    return watch;
  }

  #definitionOf({ apiVersion, kind }: Pick<ScaleReference, "apiVersion" | "kind">): Kind | undefined {
    return this.#parts.registry.findKind(apiVersion, kind);
  }

  #follow(watch: KindWatch, definition: Kind | undefined): void {
    watch.subscription?.[Symbol.dispose]();
    watch.definition = definition;
    const access = definition?.scale;
    if (!definition || !access) {
      watch.subscription = undefined;
      return;
    }
    const source = this.#parts.cache.of(definition.resource);
    watch.subscription = source.subscribe((event) => objectChanged(watch, definition, access, event));
  }

  #kindsChanged(): void {
    for (const [key, watch] of this.#watches) {
      const [apiVersion = "", kind = ""] = key.split(" ");
      const definition = this.#definitionOf({ apiVersion, kind });
      if (definition === watch.definition) continue;
      this.#follow(watch, definition);
      for (const watchers of watch.byObject.values()) for (const changed of watchers) changed();
    }
  }

  #unwatch(kindKey: string, key: string, watcher: () => void): void {
    const watch = this.#watches.get(kindKey);
    const watchers = watch?.byObject.get(key);
    if (watch === undefined || !watchers?.delete(watcher) || watchers.size > 0) return;
    watch.byObject.delete(key);
    if (watch.byObject.size > 0) return;
    watch.subscription?.[Symbol.dispose]();
    this.#watches.delete(kindKey);
  }
}

function objectChanged(watch: KindWatch, definition: Kind, access: ScaleAccess, event: SourceEvent): void {
  const { namespace, name } = event.object.metadata;
  const watchers = watch.byObject.get(placeKey(namespace, name));
  if (!watchers) return;
  const { previous } = event;
  const isSame =
    event.kind === "put" &&
    previous !== undefined &&
    factsOf(definition.view(previous), access) === factsOf(definition.view(event.object), access);
  if (!isSame) for (const changed of watchers) changed();
}

function placeKey(namespace: string | undefined, name: string): string {
  return `${namespace ?? ""}/${name}`;
}

/** What of an object its Scale shows. */
function factsOf(object: ApiObject, access: ScaleAccess): string {
  const { spec, status, selector } = scaleNumbers(object, access);
  return JSON.stringify([object.metadata.uid, spec, status, selector]);
}

/** What stands in for a number that is not there would be taken for what there should be, and then be set. */
function readScale(object: ApiObject, { kind, name }: ScaleReference, access: ScaleAccess): ScaleReading {
  const [wanted] = access.readSpecReplicas(object);
  if (isCount(wanted)) return { kind: "found", scale: asScale(object, access) };
  const field = access.specReplicas.join(".");
  const what = wanted === undefined ? "is not set" : "is no whole number of 0 or more";
  return {
    kind: "noScale",
    message: `${kind} "${name}" does not say how many it should have: its field ${field} ${what}; set it`,
  };
}

function asScale(object: ApiObject, access: ScaleAccess): Scale {
  const { uid, resourceVersion } = object.metadata;
  const { spec, status, selector = "" } = scaleNumbers(object, access);
  return {
    uid,
    resourceVersion: resourceVersion ?? "",
    specReplicas: asCount(spec),
    statusReplicas: asCount(status),
    selector,
  };
}

/** Schemas of users may say that replicas are whatever they like. */
function asCount(value: unknown): number {
  return isCount(value) ? value : 0;
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function outcomeOf(thrown: unknown): ScaleOutcome {
  const code = errorCode(thrown) ?? "";
  if (code === "Conflict") return { kind: "conflict" };
  if (code === "NotFound") return { kind: "notFound" };
  if (thrown instanceof ApiError && !thrown.retryable) return { kind: "refused", message: thrown.message };
  if (!code.startsWith("Store")) throw thrown;
  throw new WherryError("BackendUnavailable", errorMessage(thrown), { retryable: true, cause: thrown });
}
