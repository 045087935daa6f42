/**
 * Whole lives of a job under everything that can happen to it: ends that are reported again, statuses that are not stored,
 * schedulers that come and go, nodes that are given up and return, people who suspend it and change its parallelism.
 */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { WasmJob, WasmJobSpec } from "../../../../api/gen/kinds.gen.ts";
import { IndexRanges } from "../../../../api/index-ranges.ts";
import type { Instance } from "../../model.ts";
import { aJob, aTry, bound, ended, pending, startMs } from "../../testing/builders.ts";
import { emptyJobMemory, reconcileJob, type JobMemory } from "./job.ts";

type Event =
  | {
      readonly kind: "place" | "succeed" | "fail" | "evict" | "loseNode" | "resurrect";
      readonly which: number;
    }
  | { readonly kind: "storeFails" | "newScheduler" | "reportedAgain" | "suspend" | "resume" }
  | { readonly kind: "parallelism"; readonly to: number };

const which = fc.nat(20);
const anEvent: fc.Arbitrary<Event> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constantFrom("place" as const), which }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom("succeed" as const, "fail" as const), which }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constantFrom("evict" as const, "loseNode" as const, "resurrect" as const),
      which,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constantFrom(
        "storeFails" as const,
        "newScheduler" as const,
        "reportedAgain" as const,
        "suspend" as const,
        "resume" as const,
      ),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("parallelism" as const), to: fc.nat(4) }) },
);

class World {
  job: WasmJob;
  nowMs = startMs;
  /** Indexes that some guest has really finished. */
  readonly done = new Set<number>();
  failures = 0;
  readonly #instances = new Map<string, Instance>();
  /** Guests on nodes that were given up. */
  readonly #lost: Instance[] = [];
  /** Ended instances that their nodes were told to forget. */
  readonly #forgotten: Instance[] = [];
  #memory: JobMemory = emptyJobMemory;
  #made = 0;

  constructor(spec: Partial<WasmJobSpec>) {
    this.job = aJob(spec);
  }

  get isOver(): boolean {
    return this.job.status?.phase === "Complete" || this.job.status?.phase === "Failed";
  }

  happen(event: Event): void {
    this.nowMs += 700;
    switch (event.kind) {
      case "place":
        return this.#become(event.which, "pending", () => bound("n1", {}));
      case "succeed":
        return this.#become(event.which, "alive", ({ slot }) => {
          if (slot) this.done.add(slot.index);
          return ended("Succeeded", "Completed", { finishedMs: this.nowMs });
        });
      case "fail":
        return this.#become(event.which, "alive", () => {
          this.failures++;
          return ended("Failed", "Error", { finishedMs: this.nowMs, exitCode: 1 });
        });
      case "evict":
        return this.#become(event.which, "alive", () =>
          ended("Failed", "Evicted", { finishedMs: this.nowMs }),
        );
      case "loseNode":
        return this.#become(event.which, "alive", (instance) => {
          this.#lost.push(instance);
          return ended("Failed", "NodeLost", { finishedMs: this.nowMs });
        });
      case "resurrect":
        return this.#resurrect();
      case "storeFails":
        return this.reconcile({ isStored: false });
      case "newScheduler":
        return this.#newScheduler();
      case "reportedAgain":
        return this.#reportAgain();
      case "suspend":
      case "resume":
        return this.#edit({ suspend: event.kind === "suspend" });
      case "parallelism":
        return this.#edit({ parallelism: event.to });
    }
  }

  reconcile({ isStored }: { readonly isStored: boolean }): void {
    const { job, nowMs } = this;
    const instances = [...this.#instances.values()];
    const result = reconcileJob({ job, instances, refusal: undefined, nowMs, memory: this.#memory });
    this.#memory = result.memory;
    const isDurable = isStored || result.status === job.status;
    if (isDurable) this.job = { ...job, status: result.status };
    for (const step of result.steps) {
      if (step.kind === "createForSlot") this.#add(aTry(`u${this.#made++}`, step.slot, pending));
      if (step.kind === "stopInstance") this.#stop(step.uid);
      if (step.kind === "forgetInstance" && isDurable) this.#forget(step.uid);
    }
  }

  /** Everything that was told to stop does. */
  settleStops(): void {
    for (const [uid, instance] of this.#instances)
      if (instance.state.kind === "stopping")
        this.#instances.set(uid, {
          ...instance,
          state: ended("Failed", "Stopped", { finishedMs: this.nowMs }),
        });
  }

  /** What must hold at any time. */
  check(before: WasmJob): void {
    const { status, spec } = this.job;
    const completed = IndexRanges.parse(status?.completedIndexes);
    expect(status?.succeeded ?? 0).toBe(completed.size);
    for (const index of completed) expect(this.done).toContain(index);
    for (const index of IndexRanges.parse(before.status?.completedIndexes))
      expect(completed.has(index)).toBe(true);
    expect(status?.failed ?? 0).toBeLessThanOrEqual(this.failures);
    expect(status?.failed ?? 0).toBeGreaterThanOrEqual(before.status?.failed ?? 0);
    if (status?.phase === "Complete") expect(completed.size).toBe(spec.completions);
    if (spec.suspend && !this.isOver)
      for (const { state } of this.#instances.values()) expect(state.kind).not.toBe("pending");
  }

  #add(instance: Instance): void {
    const { slot } = instance;
    for (const other of this.#instances.values())
      if (
        other.slot?.index === slot?.index &&
        other.state.kind !== "ended" &&
        other.slot?.attempt === slot?.attempt
      )
        throw new Error(`two instances for ${JSON.stringify(slot)}`);
    this.#instances.set(instance.uid, instance);
  }

  #stop(uid: string): void {
    const instance = this.#instances.get(uid);
    if (instance?.state.kind === "pending") this.#instances.delete(uid);
    else if (instance?.state.kind === "bound")
      this.#instances.set(uid, { ...instance, state: { ...instance.state, kind: "stopping" } });
  }

  #forget(uid: string): void {
    const instance = this.#instances.get(uid);
    if (instance) this.#forgotten.push(instance);
    this.#instances.delete(uid);
  }

  /** Their node has not heard that it may forget them. */
  #reportAgain(): void {
    for (const instance of this.#forgotten.splice(-3)) this.#instances.set(instance.uid, instance);
  }

  #become(nth: number, from: "pending" | "alive", next: (instance: Instance) => Instance["state"]): void {
    const isFit = ({ state: { kind } }: Instance) =>
      from === "pending" ? kind === "pending" : kind === "bound" || kind === "stopping";
    const fit = [...this.#instances.values()].filter(isFit);
    const chosen = fit[nth % fit.length];
    if (chosen) this.#instances.set(chosen.uid, { ...chosen, state: next(chosen) });
  }

  /** A node that was given up is back, and the guest there has finished, or goes on. */
  #resurrect(): void {
    const instance = this.#lost.pop();
    if (!instance || this.#instances.has(instance.uid)) return;
    if (this.nowMs % 2 === 0) this.#instances.set(instance.uid, { ...instance, state: bound("n9", {}) });
    else {
      if (instance.slot) this.done.add(instance.slot.index);
      const state = ended("Succeeded", "Completed", { finishedMs: this.nowMs });
      this.#instances.set(instance.uid, { ...instance, state });
    }
  }

  /** It knows what is stored and what nodes tell it. */
  #newScheduler(): void {
    this.#memory = emptyJobMemory;
    for (const [uid, { state }] of this.#instances) if (state.kind === "pending") this.#instances.delete(uid);
  }

  #edit(change: Partial<WasmJobSpec>): void {
    this.job = { ...this.job, spec: { ...this.job.spec, ...change } };
  }
}

const aSpec = fc.record({
  completions: fc.integer({ min: 1, max: 6 }),
  parallelism: fc.integer({ min: 1, max: 4 }),
  backoffLimit: fc.constantFrom(0, 3, 1_000),
});

test("reconcileJob: each index counts once, none is made up, none is lost, whatever happens", () => {
  fc.assert(
    fc.property(aSpec, fc.array(anEvent, { maxLength: 120 }), (spec, events) => {
      const world = new World(spec);
      for (const event of events) {
        const before = world.job;
        world.happen(event);
        world.reconcile({ isStored: true });
        world.check(before);
      }
      // And then nothing bad happens any more.
      const { completions, parallelism } = spec;
      world.happen({ kind: "resume" });
      world.happen({ kind: "parallelism", to: parallelism });
      for (let round = 0; round < 20 * completions && !world.isOver; round++) {
        const before = world.job;
        world.nowMs += 400_000;
        world.settleStops();
        world.reconcile({ isStored: true });
        for (let one = 0; one < parallelism; one++) world.happen({ kind: "place", which: one });
        for (let one = 0; one < parallelism; one++) world.happen({ kind: "succeed", which: 0 });
        world.check(before);
      }
      expect(world.isOver).toBe(true);
      if (spec.backoffLimit === 1_000) expect(world.job.status?.succeeded).toBe(completions);
    }),
    { numRuns: 300 },
  );
});
