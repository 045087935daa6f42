/**
 * Kubernetes Events (core/v1), aggregated: one object per involved object, reason and type, whose count grows. Writes
 * are coalesced and bounded, so that ten thousand crashing instances cost a few writes per second and no more.
 */
import { createHash } from "node:crypto";
import type { ApiObject } from "../../api/object-meta.ts";
import type { Clock, Timer } from "../../kit/clock.ts";
import { errorMessage } from "../../kit/errors.ts";
import type { Log } from "../../kit/log.ts";
import type { Backend, ResourceKey } from "../backend/backend.ts";
import { toTimestamp } from "../../kit/timestamps.ts";

export interface InvolvedObject {
  readonly apiVersion: string;
  readonly kind: string;
  /** Empty: the object is in none, and its events are in `default`, as Kubernetes has them. */
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

export interface Occurrence {
  readonly involved: InvolvedObject;
  readonly type: "Normal" | "Warning";
  readonly reason: string;
  readonly message: string;
}

interface Pending {
  readonly occurrence: Occurrence;
  readonly firstMs: number;
  readonly lastMs: number;
  readonly count: number;
}

const events: ResourceKey = { group: "", plural: "events" };
/** Together they bound the recorder to some 20 writes a second. */
const flushIntervalMs = 1_000;
const writesPerFlush = 20;
/** Different events waiting to be written; more are counted as dropped. */
const pendingMax = 1_000;

export class EventRecorder {
  readonly #backend: Backend;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #pending = new Map<string, Pending>();
  #timer: Timer | undefined;
  #dropped = 0;

  constructor(backend: Backend, clock: Clock, log: Log) {
    this.#backend = backend;
    this.#clock = clock;
    this.#log = log;
  }

  record(occurrence: Occurrence): void {
    const name = eventName(occurrence);
    const now = this.#clock.now();
    const before = this.#pending.get(name);
    if (!before && this.#pending.size >= pendingMax) {
      this.#dropped++;
      return;
    }
    const count = (before?.count ?? 0) + 1;
    this.#pending.set(name, { occurrence, firstMs: before?.firstMs ?? now, lastMs: now, count });
    this.#timer ??= this.#clock.setTimer(flushIntervalMs, () => void this.#flush());
  }

  close(): void {
    this.#timer?.cancel();
  }

  async #flush(): Promise<void> {
    const batch = [...this.#pending].slice(0, writesPerFlush);
    for (const [name] of batch) this.#pending.delete(name);
    if (this.#dropped > 0)
      this.#log.warn("events dropped: too many different ones", { dropped: this.#dropped });
    this.#dropped = 0;
    await Promise.all(batch.map(([name, pending]) => this.#write(name, pending)));
    const again = this.#pending.size > 0;
    this.#timer = again ? this.#clock.setTimer(flushIntervalMs, () => void this.#flush()) : undefined;
  }

  async #write(name: string, pending: Pending): Promise<void> {
    const { involved } = pending.occurrence;
    try {
      const existing = this.#backend.get(events, namespaceOf(involved), name);
      const count = pending.count + (typeof existing?.["count"] === "number" ? existing["count"] : 0);
      const object = eventObject(name, pending, count);
      if (!existing) {
        await this.#backend.create(events, object);
        return;
      }
      const first = existing["firstTimestamp"];
      await this.#backend.update(events, {
        ...existing,
        ...object,
        firstTimestamp: first,
        metadata: existing.metadata,
      });
    } catch (thrown) {
      // An event is a courtesy: while the store is down it is not worth keeping.
      this.#log.debug("event not written", { event: name, reason: errorMessage(thrown) });
    }
  }
}

function eventObject(name: string, pending: Pending, count: number): ApiObject {
  const { involved, type, reason, message } = pending.occurrence;
  const { namespace, ...named } = involved;
  const involvedObject = namespace === "" ? named : involved;
  return {
    apiVersion: "v1",
    kind: "Event",
    metadata: { name, namespace: namespaceOf(involved) } as ApiObject["metadata"],
    involvedObject,
    type,
    reason,
    message: message.slice(0, 1024),
    count,
    firstTimestamp: toTimestamp(pending.firstMs),
    lastTimestamp: toTimestamp(pending.lastMs),
    source: { component: "wherry-scheduler" },
    reportingComponent: "wherry-scheduler",
  };
}

function namespaceOf({ namespace }: InvolvedObject): string {
  return namespace === "" ? "default" : namespace;
}

/** Deterministic, so that a new scheduler goes on counting where the old one stopped. */
function eventName({ involved, type, reason }: Occurrence): string {
  const digest = createHash("sha256").update(`${involved.uid} ${type} ${reason}`).digest("hex");
  return `${involved.name.slice(0, 200)}.${digest.slice(0, 16)}`;
}
