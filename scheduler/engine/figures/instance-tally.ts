/**
 * How many instances there are, by kind of workload and phase, and how long it took to give them a node and to start them.
 * Counted as they change, so that nobody walks over a hundred thousand of them for a page of figures.
 */
import { assertNever } from "../../../kit/errors.ts";
import { PlainHistogram } from "../../../kit/plain-histogram.ts";
import type { InstanceChange } from "../../core/cluster-state/changes.ts";
import type { Instance, ObservedStatus, WorkloadKind } from "../../core/model.ts";

/** As far as the scheduler knows: what a silent node said last counts. */
export type TalliedPhase = "Pending" | "Starting" | "Running" | "Stopping" | "Succeeded" | "Failed";
/** How an instance ended. Lost: its node was given up, or came back without it. */
export type InstanceEnd = "Succeeded" | "Failed" | "Lost";

export interface KindTally {
  readonly phases: Record<TalliedPhase, number>;
  ready: number;
  /** Of all times, from here on. */
  restarts: number;
  readonly ends: Record<InstanceEnd, number>;
}

/** Seconds: placement of what finds a node at once takes milliseconds, of what waits for room, hours. */
const waitBounds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1_800];

export class InstanceTally {
  readonly kinds: Readonly<Record<WorkloadKind, KindTally>> = {
    WasmDeployment: emptyTally(),
    WasmDaemonSet: emptyTally(),
    WasmJob: emptyTally(),
  };
  /** From the making of an instance to its assignment to a node. */
  readonly placementSeconds = new PlainHistogram(waitBounds);
  /** From the making of an instance to its first word of running. */
  readonly startSeconds = new PlainHistogram(waitBounds);

  /** `nowMs`: by the wall clock, as instances have the time of their making. */
  changed({ kind, instance, before }: InstanceChange, nowMs: number): void {
    const tally = this.kinds[instance.owner.kind];
    if (before) count(tally, before, -1);
    if (kind === "removed") return;
    count(tally, instance, 1);
    if (before) this.#passed(tally, before, instance, nowMs);
  }

  #passed(tally: KindTally, before: Instance, after: Instance, nowMs: number): void {
    const was = observedOf(before);
    const is = observedOf(after);
    if (before.state.kind === "pending" && after.state.kind === "bound")
      this.placementSeconds.observe((nowMs - after.createdMs) / 1000);
    if (is === undefined || is === was) return;
    const restarts = is.restarts - (was?.restarts ?? 0);
    if (restarts > 0) tally.restarts += restarts;
    if (is.phase === "Running" && was?.phase !== "Running" && is.restarts === 0)
      this.startSeconds.observe((nowMs - after.createdMs) / 1000);
    if (after.state.kind === "ended" && before.state.kind !== "ended") tally.ends[endOf(is)]++;
  }
}

function count(tally: KindTally, instance: Instance, by: 1 | -1): void {
  tally.phases[talliedPhase(instance)] += by;
  const { state } = instance;
  if (state.kind === "bound" && state.observed?.ready === true) tally.ready += by;
}

export function talliedPhase({ state }: Instance): TalliedPhase {
  switch (state.kind) {
    case "pending":
      return "Pending";
    case "bound":
      return state.observed?.phase === "Running" ? "Running" : "Starting";
    case "stopping":
      return "Stopping";
    case "ended":
      return state.observed.phase === "Succeeded" ? "Succeeded" : "Failed";
    default:
      return assertNever(state, "instance state");
  }
}

function observedOf({ state }: Instance): ObservedStatus | undefined {
  return state.kind === "pending" ? undefined : state.observed;
}

function endOf({ phase, reason }: ObservedStatus): InstanceEnd {
  if (reason === "NodeLost") return "Lost";
  return phase === "Succeeded" ? "Succeeded" : "Failed";
}

function emptyTally(): KindTally {
  return {
    phases: { Pending: 0, Starting: 0, Running: 0, Stopping: 0, Succeeded: 0, Failed: 0 },
    ready: 0,
    restarts: 0,
    ends: { Succeeded: 0, Failed: 0, Lost: 0 },
  };
}
