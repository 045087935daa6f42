import type { Clock } from "../../../kit/clock.ts";
import { PlainHistogram } from "../../../kit/plain-histogram.ts";
import type { WorkloadKind } from "../../core/model.ts";

/** Seconds: an idle turn takes microseconds, one that places 4,000 instances tens of milliseconds. */
const turnBounds = [
  0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5,
];

/** Gone: the workload is, and its last instances are seen to. */
export type ReconciledKind = WorkloadKind | "Gone";

/** How long the turns of the engine's loop take, and in them one look at one workload. */
export class TurnTally {
  readonly turnSeconds = new PlainHistogram(turnBounds);
  readonly reconcileSeconds: Readonly<Record<ReconciledKind, PlainHistogram>> = {
    WasmDeployment: new PlainHistogram(turnBounds),
    WasmDaemonSet: new PlainHistogram(turnBounds),
    WasmJob: new PlainHistogram(turnBounds),
    Gone: new PlainHistogram(turnBounds),
  };
  /** Workloads that could not be reconciled for a bug of ours. */
  failures = 0;
  readonly #clock: Clock;
  #beganMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  begin(): void {
    this.#beganMs = this.#clock.monotonic();
  }

  end(): void {
    this.turnSeconds.observe((this.#clock.monotonic() - this.#beganMs) / 1000);
  }

  /** Runs one look at a workload. */
  reconciled<T>(kind: ReconciledKind, look: () => T): T {
    const beganMs = this.#clock.monotonic();
    try {
      return look();
    } finally {
      this.reconcileSeconds[kind].observe((this.#clock.monotonic() - beganMs) / 1000);
    }
  }
}
