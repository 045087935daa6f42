/** The port of the decision: `decide(input): Decision` is pure (scheduler/core/autoscaling/decide.ts). */
import type { WasmAutoscaler, WasmAutoscalerStatus } from "../../../api/gen/kinds.gen.ts";
import type { Reading } from "./reading.ts";
import type { AutoscalerMemory } from "./memory.ts";
import type { ScaleTarget, TargetProblem } from "./target.ts";

export interface DecisionInput {
  readonly autoscaler: WasmAutoscaler;
  readonly target: { readonly kind: "found"; readonly target: ScaleTarget } | TargetProblem;
  /** By the index in spec.metrics. Where that is empty: of cpu at 80 percent. */
  readonly readings: readonly Reading[];
  /** By the index in spec.fallback. */
  readonly fallbackReadings: readonly Reading[];
  readonly memory: AutoscalerMemory;
  /** Wall clock: for timestamps and schedules only. */
  readonly nowMs: number;
  /** For windows, periods and ages: never goes back. */
  readonly monotonicMs: number;
}

export interface Decision {
  /** What to set; undefined: leave it as it is. */
  readonly replicas: number | undefined;
  /** As if `replicas` were set. What went wrong with setting it is the keeper's to add. */
  readonly status: WasmAutoscalerStatus;
  readonly memory: AutoscalerMemory;
  readonly events: readonly {
    readonly type: "Normal" | "Warning";
    readonly reason: string;
    readonly message: string;
  }[];
  /** Monotonic: when to look again although nothing has changed (a window ends, an idle time is over, a schedule begins). */
  readonly wakeAtMs: number | undefined;
}
