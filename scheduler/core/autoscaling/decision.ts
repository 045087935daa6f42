/** The port of the decision: `decide(input): Decision` is pure (scheduler/core/autoscaling/decide.ts). */
import type { WasmAutoscaler, WasmAutoscalerStatus } from "../../../api/gen/kinds.gen.ts";
import type { Reading, UnknownReason } from "./reading.ts";
import type { AutoscalerMemory } from "./memory.ts";
import type { ScaleTarget, TargetProblem } from "./target.ts";

export interface DecisionInput {
  readonly autoscaler: WasmAutoscaler;
  readonly target: { readonly kind: "found"; readonly target: ScaleTarget } | TargetProblem;
  /** By the index in `metricsOf(spec)`: spec.metrics, and where that is empty, cpu at 80 percent. */
  readonly readings: readonly Reading[];
  /** By the index in spec.fallback. */
  readonly fallbackReadings: readonly Reading[];
  readonly memory: AutoscalerMemory;
  /** Wall clock: for timestamps and schedules only. */
  readonly nowMs: number;
  /** For windows, periods and ages: never goes back. */
  readonly monotonicMs: number;
}

export interface DecisionEvent {
  readonly type: "Normal" | "Warning";
  readonly reason: string;
  readonly message: string;
}

export interface Decision {
  /** What to set; undefined: leave it as it is. */
  readonly replicas: number | undefined;
  /** Why, as in Kubernetes' events: "cpu above target". Empty where nothing is to be set. */
  readonly why: string;
  /** As if `replicas` were set. What went wrong with setting it is the keeper's to add. */
  readonly status: WasmAutoscalerStatus;
  /** Of each metric of spec.metrics that should be known and is not: why. */
  readonly unknown: readonly UnknownReason[];
  /** Something of spec.fallback stands in for them. */
  readonly isFallback: boolean;
  /** For the next look. */
  readonly memory: AutoscalerMemory;
  /** For the next look instead of `memory`, if `replicas` could not be set. */
  readonly memoryIfFailed: AutoscalerMemory;
  /** SuccessfulRescale is among them if `replicas` is to be set: it is for after that. */
  readonly events: readonly DecisionEvent[];
  /** Monotonic: when to look again although nothing has changed (a window ends, an idle time is over, a policy allows more). */
  readonly wakeAtMs: number | undefined;
}
