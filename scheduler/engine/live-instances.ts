import type { InstanceExplanation, WasmInstance } from "../../api/gen/kinds.gen.ts";
import type { ApiObject } from "../../api/object-meta.ts";
import { errorMessage, WherryError } from "../../kit/errors.ts";
import type { Log } from "../../kit/log.ts";
import { lowerBound } from "../../kit/lower-bound.ts";
import type {
  EvictionOutcome,
  EvictionRequest,
  LiveResource,
  LogOptions,
} from "../apiserver/live-resource.ts";
import type { SourceEvent } from "../apiserver/storage/object-source.ts";
import type { Instance } from "../core/model.ts";
import { KeyOrder } from "./key-order.ts";
import { instanceObject, type InstanceFigures } from "./instance-object.ts";

/** What the view needs of the engine. */
export interface InstanceSource {
  instances(namespace: string | undefined): Iterable<Instance>;
  hasInstances(ownerUid: string): boolean;
  instanceNamed(namespace: string, name: string): Instance | undefined;
  isReachable(nodeName: string): boolean;
  usageOf(uid: string): InstanceFigures | undefined;
  requestStop(uid: string, graceSeconds: number | undefined): void;
  requestEviction(instance: Instance, request: EvictionRequest): EvictionOutcome;
  /** Whether every node that could have instances has reported them, or is lost. */
  hasAllReports(): boolean;
  explain(instance: Instance, limit: number): InstanceExplanation;
  openLog(instance: Instance, options: LogOptions, signal: AbortSignal): AsyncIterable<Uint8Array>;
}

/**
 * WasmInstances for the API server. Objects are made when somebody reads them; what is kept per instance is the
 * resourceVersion of its last change.
 */
export class LiveInstances implements LiveResource {
  readonly #source: InstanceSource;
  readonly #log: Log;
  readonly #listeners = new Set<(event: SourceEvent) => void>();
  readonly #emptied = new Set<(ownerUid: string) => void>();
  /** Of each instance, counted from the start: small numbers, which take no memory of their own. */
  readonly #revisions = new Map<string, number>();
  readonly #startRevision: number;
  readonly #order: KeyOrder;
  #count = 0;

  /** `startRevision` must be above any that an earlier process has given out: the time in microseconds is. */
  constructor(source: InstanceSource, startRevision: number, log: Log) {
    this.#source = source;
    this.#startRevision = startRevision;
    this.#order = new KeyOrder(() => keysOf(source.instances(undefined)));
    this.#log = log;
  }

  get revision(): number {
    return this.#startRevision + this.#count;
  }

  list(namespace: string | undefined): readonly ApiObject[] {
    return this.keys(namespace).flatMap((key) => this.getByKey(key) ?? []);
  }

  keys(namespace: string | undefined): readonly string[] {
    const keys = this.#order.keys();
    if (namespace === undefined) return keys;
    const from = (text: string) => lowerBound(keys.length, (at) => (keys[at] ?? "") < text);
    return keys.slice(from(`${namespace}\0`), from(`${namespace}\u0001`));
  }

  getByKey(key: string): ApiObject | undefined {
    const [namespace = "", name = ""] = key.split("\0");
    return this.get(namespace, name);
  }

  get(namespace: string, name: string): ApiObject | undefined {
    const instance = this.#source.instanceNamed(namespace, name);
    return instance && this.#object(instance);
  }

  subscribe(listener: (event: SourceEvent) => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  hasOwned(ownerUid: string): boolean {
    return this.#source.hasInstances(ownerUid);
  }

  subscribeEmptied(listener: (ownerUid: string) => void): Disposable {
    this.#emptied.add(listener);
    return { [Symbol.dispose]: () => void this.#emptied.delete(listener) };
  }

  delete(namespace: string, name: string, gracePeriodSeconds: number | undefined): ApiObject | undefined {
    const instance = this.#source.instanceNamed(namespace, name);
    if (!instance) return undefined;
    const object = this.#object(instance);
    this.#source.requestStop(instance.uid, gracePeriodSeconds);
    return object;
  }

  evict(namespace: string, name: string, request: EvictionRequest): EvictionOutcome | undefined {
    const instance = this.#source.instanceNamed(namespace, name);
    if (instance) return this.#source.requestEviction(instance, request);
    if (this.#source.hasAllReports()) return undefined;
    return { kind: "unknown", message: "not all nodes have reported yet what they run" };
  }

  explain(namespace: string, name: string, limit: number): InstanceExplanation | undefined {
    const instance = this.#source.instanceNamed(namespace, name);
    return instance && this.#source.explain(instance, limit);
  }

  openLog(
    namespace: string,
    name: string,
    options: LogOptions,
    signal: AbortSignal,
  ): AsyncIterable<Uint8Array> {
    const instance = this.#source.instanceNamed(namespace, name);
    if (!instance) throw new WherryError("NotFound", `wasminstances.live.wherry.dev "${name}" not found`);
    return this.#source.openLog(instance, options, signal);
  }

  /** What it was before, if it was there. */
  changed(instance: Instance, before: Instance | undefined): void {
    if (before === undefined) this.#order.add(keyOf(instance));
    const known = before && { instance: before, revision: this.#revisionOf(before) };
    this.#revisions.set(instance.uid, ++this.#count);
    this.#tell("put", { instance, revision: this.revision }, known);
  }

  removed(instance: Instance): void {
    const known = { instance, revision: this.#revisionOf(instance) };
    this.#count++;
    this.#revisions.delete(instance.uid);
    this.#order.remove(keyOf(instance));
    this.#tell("delete", { instance, revision: this.revision }, known);
    if (this.#source.hasInstances(instance.owner.uid)) return;
    for (const listener of this.#emptied) listener(instance.owner.uid);
  }

  #revisionOf({ uid }: Instance): number {
    return this.#startRevision + (this.#revisions.get(uid) ?? this.#count);
  }

  #tell(kind: SourceEvent["kind"], instance: Moment, before: Moment | undefined): void {
    if (this.#listeners.size === 0) return;
    const event = new InstanceEvent(kind, instance, before, this.#show);
    for (const listener of this.#listeners) {
      try {
        listener(event);
      } catch (thrown) {
        this.#log.error("a watch of instances failed", { reason: errorMessage(thrown) });
      }
    }
  }

  #object(instance: Instance): ApiObject {
    return this.#show({ instance, revision: this.#revisionOf(instance) });
  }

  /** What it uses, and whether its node can be reached, is not of the moment: that is as it is now. */
  readonly #show = ({ instance, revision }: Moment): ApiObject => {
    const { state } = instance;
    const reachable = state.kind === "pending" || this.#source.isReachable(state.nodeName);
    const usage = this.#source.usageOf(instance.uid);
    const object: WasmInstance = instanceObject(instance, String(revision), reachable, usage);
    return object as unknown as ApiObject;
  };
}

/** Namespaces and names have no NUL, and none of them sorts before it. */
function keyOf({ namespace, name }: Instance): string {
  return `${namespace}\0${name}`;
}

function* keysOf(instances: Iterable<Instance>): Iterable<string> {
  for (const instance of instances) yield keyOf(instance);
}

/** An instance as it was from a revision on. */
interface Moment {
  readonly instance: Instance;
  readonly revision: number;
}

/** An instance as an object, roughly: what an event holds once somebody has looked at it. */
const objectBytes = 4_096;

/** Makes its objects when they are first asked for, and once: instances change far more often than somebody looks. */
class InstanceEvent implements SourceEvent {
  readonly kind: SourceEvent["kind"];
  readonly bytes = objectBytes;
  readonly #instance: Moment;
  readonly #before: Moment | undefined;
  readonly #show: (moment: Moment) => ApiObject;
  #object: ApiObject | undefined;
  #previous: ApiObject | undefined;

  constructor(
    kind: SourceEvent["kind"],
    instance: Moment,
    before: Moment | undefined,
    show: (moment: Moment) => ApiObject,
  ) {
    this.kind = kind;
    this.#instance = instance;
    this.#before = before;
    this.#show = show;
  }

  get revision(): number {
    return this.#instance.revision;
  }

  get object(): ApiObject {
    return (this.#object ??= this.#show(this.#instance));
  }

  get previous(): ApiObject | undefined {
    return (this.#previous ??= this.#before && this.#show(this.#before));
  }
}
