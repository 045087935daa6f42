import type { InstanceExplanation, WasmInstance } from "../../api/gen/kinds.gen.ts";
import type { ApiObject } from "../../api/object-meta.ts";
import { errorMessage, WherryError } from "../../kit/errors.ts";
import type { Log } from "../../kit/log.ts";
import type { LiveEvent, LiveResource, LogOptions } from "../apiserver/live-resource.ts";
import type { Instance } from "../core/model.ts";
import { instanceObject, type InstanceFigures } from "./instance-object.ts";

/** What the view needs of the engine. */
export interface InstanceSource {
  instances(namespace: string | undefined): Iterable<Instance>;
  instanceNamed(namespace: string, name: string): Instance | undefined;
  isReachable(nodeName: string): boolean;
  usageOf(uid: string): InstanceFigures | undefined;
  requestStop(uid: string, graceSeconds: number | undefined): void;
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
  readonly #listeners = new Set<(event: LiveEvent) => void>();
  readonly #revisions = new Map<string, number>();
  #revision: number;

  /** `startRevision` must be above any that an earlier process has given out: the time in microseconds is. */
  constructor(source: InstanceSource, startRevision: number, log: Log) {
    this.#source = source;
    this.#revision = startRevision;
    this.#log = log;
  }

  get revision(): number {
    return this.#revision;
  }

  list(namespace: string | undefined): readonly ApiObject[] {
    return Array.from(this.#source.instances(namespace), (instance) => this.#object(instance));
  }

  get(namespace: string, name: string): ApiObject | undefined {
    const instance = this.#source.instanceNamed(namespace, name);
    return instance && this.#object(instance);
  }

  subscribe(listener: (event: LiveEvent) => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  delete(namespace: string, name: string, gracePeriodSeconds: number | undefined): ApiObject | undefined {
    const instance = this.#source.instanceNamed(namespace, name);
    if (!instance) return undefined;
    const object = this.#object(instance);
    this.#source.requestStop(instance.uid, gracePeriodSeconds);
    return object;
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

  /** The engine calls it once per changed instance and turn. */
  changed(instance: Instance): void {
    this.#revisions.set(instance.uid, ++this.#revision);
    this.#tell("put", instance);
  }

  removed(instance: Instance): void {
    this.#revision++;
    this.#revisions.set(instance.uid, this.#revision);
    this.#tell("delete", instance);
    this.#revisions.delete(instance.uid);
  }

  #tell(kind: LiveEvent["kind"], instance: Instance): void {
    if (this.#listeners.size === 0) return;
    const event = { kind, object: this.#object(instance) };
    for (const listener of this.#listeners) {
      try {
        listener(event);
      } catch (thrown) {
        this.#log.error("a watch of instances failed", { reason: errorMessage(thrown) });
      }
    }
  }

  #object(instance: Instance): ApiObject {
    const { state } = instance;
    const reachable = state.kind === "pending" || this.#source.isReachable(state.nodeName);
    const revision = this.#revisions.get(instance.uid) ?? this.#revision;
    const object: WasmInstance = instanceObject(
      instance,
      String(revision),
      reachable,
      this.#source.usageOf(instance.uid),
    );
    return object as unknown as ApiObject;
  }
}
