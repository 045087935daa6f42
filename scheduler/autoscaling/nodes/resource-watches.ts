import type { Clock, Timer } from "../../../kit/clock.ts";
import type { Reading } from "../../core/autoscaling/reading.ts";
import type { MetricOwner, MetricWatch } from "../metric-source.ts";
import type { NodeFigures } from "./node-figures.ts";

export type ResourceName = "cpu" | "memory";

/** Nodes say it every ten seconds; what is older says nothing of now. */
export const usageAgeMsMax = 60_000;
/** As often as the HPA looks. */
const paceMs = 15_000;

/** Watches of what instances use. */
export class ResourceWatches {
  readonly #figures: NodeFigures;
  readonly #clock: Clock;
  /** By the owner of the instances, which is not always what is scaled. */
  readonly #byOwner = new Map<string, Set<ResourceWatch>>();

  constructor(figures: NodeFigures, clock: Clock) {
    this.#figures = figures;
    this.#clock = clock;
  }

  watch(name: ResourceName, owner: MetricOwner, changed: () => void): MetricWatch {
    return new ResourceWatch(name, owner, changed, this.#figures, this.#clock, this.#byOwner);
  }

  told(ownerUid: string): void {
    for (const watch of this.#byOwner.get(ownerUid) ?? []) watch.told();
  }

  close(): void {
    for (const watches of this.#byOwner.values()) for (const watch of watches) watch.close();
  }
}

class ResourceWatch implements MetricWatch {
  readonly #name: ResourceName;
  readonly #owner: MetricOwner;
  readonly #changed: () => void;
  readonly #figures: NodeFigures;
  readonly #clock: Clock;
  readonly #byOwner: Map<string, Set<ResourceWatch>>;
  readonly #owners = new Set<string>();
  #timer: Timer | undefined;
  /** Something was told and not passed on yet. */
  #isTold = false;
  #changedMs = Number.NEGATIVE_INFINITY;

  constructor(
    name: ResourceName,
    owner: MetricOwner,
    changed: () => void,
    figures: NodeFigures,
    clock: Clock,
    byOwner: Map<string, Set<ResourceWatch>>,
  ) {
    this.#name = name;
    this.#owner = owner;
    this.#changed = changed;
    this.#figures = figures;
    this.#clock = clock;
    this.#byOwner = byOwner;
    if (owner.targetUid !== undefined) this.#follow(owner.targetUid);
  }

  read(): Reading {
    const { usageOf, ownerOf } = this.#figures;
    const nowMs = this.#clock.monotonic();
    const samples = new Map<string, number>();
    let newestMs = Number.NEGATIVE_INFINITY;
    for (const { uid, isHeardOf } of this.#owner.instances()) {
      // Of all that what is scaled owns, in whatever way.
      const ownerUid = ownerOf(uid);
      if (ownerUid !== undefined && !this.#owners.has(ownerUid)) this.#follow(ownerUid);
      const usage = usageOf(uid);
      if (usage === undefined) continue;
      // Of what stands still its node says nothing more.
      const atMs = usage.isIdle && isHeardOf ? nowMs : usage.atMs;
      if (nowMs - atMs > usageAgeMsMax) continue;
      if (this.#name === "cpu" && !usage.hasRate) continue;
      samples.set(uid, this.#name === "cpu" ? usage.cpuMillis : usage.memoryBytes);
      newestMs = Math.max(newestMs, atMs);
    }
    const ageMs = samples.size === 0 ? 0 : nowMs - newestMs;
    return { kind: "perInstance", samples, atMs: this.#clock.now() - ageMs };
  }

  told(): void {
    if (this.#isTold) return;
    this.#isTold = true;
    const waitMs = this.#changedMs + paceMs - this.#clock.monotonic();
    if (waitMs <= 0) this.#tell();
    else this.#arm(waitMs, () => this.#tell());
  }

  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    for (const uid of this.#owners) {
      const watches = this.#byOwner.get(uid);
      watches?.delete(this);
      if (watches?.size === 0) this.#byOwner.delete(uid);
    }
    this.#owners.clear();
  }

  #follow(ownerUid: string): void {
    this.#owners.add(ownerUid);
    const watches = this.#byOwner.get(ownerUid) ?? new Set();
    this.#byOwner.set(ownerUid, watches.add(this));
  }

  #tell(): void {
    this.#isTold = false;
    this.#changedMs = this.#clock.monotonic();
    // If nothing comes after it, it is stale then; nothing more can change without a word.
    this.#arm(usageAgeMsMax + 1, () => this.#changed());
    this.#changed();
  }

  #arm(delayMs: number, fire: () => void): void {
    this.#timer?.cancel();
    this.#timer = this.#clock.setTimer(delayMs, () => {
      this.#timer = undefined;
      fire();
    });
  }
}
