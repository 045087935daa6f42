/**
 * Autoscalers in the engine: knows them, has their metrics read, and carries out what is decided.
 *
 *   WasmAutoscaler events ─┐                                            ┌─▶ the scale of the target
 *   scales of targets ─────┤                                            ├─▶ status, as seldom as will do
 *   metrics ───────────────┼─▶ worker, one run per autoscaler ─▶ decide ┼─▶ events
 *   alarms ────────────────┘   at most one a second of each             └─▶ the next alarm
 *
 * Nothing is polled: an autoscaler is looked at when it, its target, a metric or the time says so. Of several on one target the
 * first scales (TargetArbiter). A scale is written on the condition that it is as it was read: whoever else sets it, a request that
 * wakes a deployment for example, wins, and it is looked at again. What an autoscaler remembers is of one target: it is dropped
 * when that is another one, be it of the same name.
 *
 * While some node has not been heard of since the start, metrics count as known in part: nothing is taken away.
 */
import type { WasmAutoscaler } from "../../api/gen/kinds.gen.ts";
import type { Clock } from "../../kit/clock.ts";
import { errorMessage } from "../../kit/errors.ts";
import { KeyedWorker } from "../../kit/keyed-worker.ts";
import type { Log } from "../../kit/log.ts";
import { earliest } from "../../kit/timestamps.ts";
import type { Backend, BackendEvent } from "../backend/backend.ts";
import type { ScaleBackend } from "../backend/scale-backend.ts";
import type { Decision, DecisionInput } from "../core/autoscaling/decision.ts";
import type { InstanceChange } from "../core/cluster-state/changes.ts";
import { watched } from "../engine/declared-objects.ts";
import type { EventRecorder } from "../engine/event-recorder.ts";
import { type AutoscalerFigure, type AutoscalerFigures, AutoscalerCounters } from "./autoscaler-figures.ts";
import { type AutoscalerCluster, type Look, lookAt } from "./autoscaler-look.ts";
import { AutoscalerRecord } from "./autoscaler-record.ts";
import { AutoscalerWriter, autoscalerResource } from "./autoscaler-writer.ts";
import { FollowedTarget, type TargetReading } from "./followed-target.ts";
import { MetricWatches, type MetricSources } from "./metric-watches.ts";
import { MonotonicAlarms } from "../alarms.ts";
import { SelectedInstances } from "./selected-instances.ts";
import { TargetArbiter, targetKey } from "./target-arbiter.ts";

export interface AutoscalerKeeperOptions {
  readonly backend: Backend;
  readonly scales: ScaleBackend;
  readonly sources: MetricSources;
  readonly clock: Clock;
  readonly log: Log;
  readonly events: Pick<EventRecorder, "record">;
  readonly decide: (input: DecisionInput) => Decision;
  readonly cluster: AutoscalerCluster;
}

const concurrencyMax = 32;
/** One autoscaler is looked at at most this often. */
const intervalMs = 1_000;
/** After its write was refused, by a quota for example. */
const retryRefusedMs = 15_000;

export class AutoscalerKeeper implements AutoscalerFigures, AsyncDisposable {
  readonly #options: AutoscalerKeeperOptions;
  readonly #records = new Map<string, AutoscalerRecord>();
  readonly #arbiter = new TargetArbiter();
  readonly #selected: SelectedInstances;
  readonly #counters = new AutoscalerCounters();
  readonly #writer: AutoscalerWriter;
  readonly #alarms: MonotonicAlarms;
  readonly #worker: KeyedWorker;
  #isStarted = false;

  constructor(options: AutoscalerKeeperOptions) {
    const { clock, log, cluster } = options;
    this.#options = options;
    this.#selected = new SelectedInstances(cluster);
    this.#writer = new AutoscalerWriter({
      ...options,
      counters: this.#counters,
      count: () => this.#records.size,
    });
    this.#alarms = new MonotonicAlarms(clock, (uid) => this.#schedule(uid));
    this.#worker = new KeyedWorker((uid) => this.#run(uid), {
      clock,
      concurrencyMax,
      intervalMs,
      backoff: { initialMs: 1_000, factor: 2, maxMs: 15_000 },
      failed: (uid, thrown) => {
        const { name, namespace } = this.#records.get(uid)?.autoscaler.metadata ?? {};
        const reason = errorMessage(thrown);
        log.warn("autoscaler not brought up to date, trying again", { namespace, name, reason });
      },
    });
  }

  get decisionSeconds() {
    return this.#counters.decisionSeconds;
  }

  get rescales() {
    return this.#counters.rescales;
  }

  get statusWrites() {
    return this.#counters.statusWrites;
  }

  *list(): Iterable<AutoscalerFigure> {
    for (const { autoscaler, last } of this.#records.values()) {
      const { metadata, spec } = autoscaler;
      const { currentReplicas, desiredReplicas, conditions = [] } = last?.status ?? {};
      yield {
        namespace: metadata.namespace ?? "",
        name: metadata.name,
        target: `${spec.scaleTargetRef.kind}/${spec.scaleTargetRef.name}`,
        min: spec.minReplicas,
        max: spec.maxReplicas,
        current: currentReplicas,
        desired: desiredReplicas,
        unknown: last?.unknown ?? new Map(),
        isFallback: last?.isFallback ?? false,
        conditions,
      };
    }
  }

  /** Resolves when all that is declared is known; each is looked at from then on. */
  async start(signal: AbortSignal): Promise<void> {
    await watched(this.#options.backend, autoscalerResource, (event) => this.#event(event), signal);
    this.#isStarted = true;
    for (const uid of this.#records.keys()) this.#schedule(uid);
  }

  instanceChanged(change: InstanceChange): void {
    this.#selected.instanceChanged(change);
  }

  /** Every node of before has been heard of, or given up. */
  nodesAreKnown(): void {
    for (const [uid, { last }] of this.#records) if (last?.nodesWereUnknown) this.#schedule(uid);
  }

  async close(): Promise<void> {
    this.#alarms.close();
    await this.#worker.close();
    for (const record of this.#records.values()) record[Symbol.dispose]();
    this.#records.clear();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #event(event: BackendEvent): void {
    if (event.kind === "synced") return;
    // The API server has validated it.
    const autoscaler = event.object as unknown as WasmAutoscaler;
    if (event.kind === "delete") this.#deleted(autoscaler);
    else this.#put(autoscaler);
  }

  #put(autoscaler: WasmAutoscaler): void {
    const { uid, name, namespace = "", resourceVersion, creationTimestamp } = autoscaler.metadata;
    const { scaleTargetRef } = autoscaler.spec;
    const target = targetKey(namespace, scaleTargetRef);
    const record = this.#records.get(uid);
    if (record === undefined) {
      const watches = new MetricWatches(this.#options.sources, () => this.#schedule(uid));
      this.#records.set(uid, new AutoscalerRecord(autoscaler, this.#follow(autoscaler), watches));
    } else {
      // Our own write, of which the answer was here first.
      if (record.autoscaler.metadata.resourceVersion === resourceVersion) return;
      const isElsewhere = targetKey(namespace, record.autoscaler.spec.scaleTargetRef) !== target;
      const isOtherVersion = record.target.reference.apiVersion !== scaleTargetRef.apiVersion;
      record.autoscaler = autoscaler;
      if (isElsewhere || isOtherVersion) record.follow(this.#follow(autoscaler));
    }
    const createdMs = Date.parse(creationTimestamp ?? "");
    for (const other of this.#arbiter.put({ uid, name, createdMs, target })) this.#schedule(other);
    this.#schedule(uid);
  }

  #follow({ metadata: { uid, name, namespace = "" }, spec }: WasmAutoscaler): FollowedTarget {
    return new FollowedTarget({
      ...this.#options,
      reference: { ...spec.scaleTargetRef, namespace },
      autoscaler: name,
      selected: this.#selected,
      changed: () => this.#schedule(uid),
    });
  }

  #deleted({ metadata: { uid } }: WasmAutoscaler): void {
    this.#records.get(uid)?.[Symbol.dispose]();
    this.#records.delete(uid);
    this.#alarms.set(uid, undefined);
    for (const other of this.#arbiter.delete(uid)) this.#schedule(other);
  }

  #schedule(uid: string): void {
    if (this.#isStarted && this.#records.has(uid)) this.#worker.schedule(uid);
  }

  async #run(uid: string): Promise<void> {
    await nextTurn();
    const record = this.#records.get(uid);
    if (record === undefined) return;
    const { target } = record;
    const reading = await this.#readTarget(record);
    // It may be gone, or scale something else, since.
    if (this.#records.get(uid) !== record) return;
    if (record.target !== target) return this.#schedule(uid);
    const look = lookAt(record, reading, { ...this.#options, counters: this.#counters });
    target.forgetInstances();
    await this.#carryOut(record, look);
  }

  #readTarget(record: AutoscalerRecord): Promise<TargetReading> {
    const rival = this.#arbiter.rival(record.uid);
    return rival ? Promise.resolve({ kind: "taken", by: rival.name }) : record.target.read();
  }

  async #carryOut(record: AutoscalerRecord, look: Look): Promise<void> {
    const { autoscaler, decision, target } = look;
    const rescaled = await this.#writer.rescale(look);
    const isDone = rescaled.kind === "done";
    // Meanwhile it may have been declared to scale something else.
    if (record.target === target) record.memory = isDone ? decision.memory : decision.memoryIfFailed;
    // Whether it was done is not known: a 1 that is found next may have been set by a request that found 0.
    if (rescaled.kind === "failed") record.memory = { ...record.memory, idleSinceMs: undefined };
    // Decided on what is not so any more: nothing of it counts.
    if (rescaled.kind === "outdated") return this.#schedule(record.uid);
    const status = this.#writer.settle(record, look, rescaled);
    const againMs =
      rescaled.kind === "refused" ? this.#options.clock.monotonic() + retryRefusedMs : undefined;
    const wakeAtMs = earliest(decision.wakeAtMs, againMs);
    this.#alarms.set(record.uid, wakeAtMs);
    const laterMs = await this.#writer.storeStatus(record, autoscaler, status);
    if (laterMs !== undefined) this.#alarms.set(record.uid, earliest(wakeAtMs, laterMs));
    if (rescaled.kind === "failed") throw rescaled.thrown;
  }
}

/** Each of the runs that begin together waits for it, so the turn belongs to others in between. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}
