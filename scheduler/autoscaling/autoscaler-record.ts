import type { WasmAutoscaler, WasmAutoscalerStatus } from "../../api/gen/kinds.gen.ts";
import { type AutoscalerMemory, emptyAutoscalerMemory } from "../core/autoscaling/memory.ts";
import type { UnknownReason } from "../core/autoscaling/reading.ts";
import type { FollowedTarget } from "./followed-target.ts";
import type { MetricWatches } from "./metric-watches.ts";

/** What was found when it was last looked at. */
export interface LastLook {
  readonly status: WasmAutoscalerStatus;
  readonly unknown: ReadonlyMap<UnknownReason, number>;
  readonly isFallback: boolean;
  /** Some node that could have instances had not been heard of. */
  readonly nodesWereUnknown: boolean;
}

/** What the keeper knows of one autoscaler. */
export class AutoscalerRecord implements Disposable {
  autoscaler: WasmAutoscaler;
  target: FollowedTarget;
  memory: AutoscalerMemory = emptyAutoscalerMemory;
  last: LastLook | undefined;
  /** When its status was last written, by the monotonic clock. */
  statusMs: number | undefined;
  /** When each warning was last told of; of as many as there are reasons. */
  readonly toldMs = new Map<string, number>();
  readonly watches: MetricWatches;

  constructor(autoscaler: WasmAutoscaler, target: FollowedTarget, watches: MetricWatches) {
    this.autoscaler = autoscaler;
    this.target = target;
    this.watches = watches;
  }

  get uid(): string {
    return this.autoscaler.metadata.uid;
  }

  /** It scales something else from now on. */
  follow(target: FollowedTarget): void {
    this.target[Symbol.dispose]();
    this.target = target;
    this.loseTarget();
  }

  /** What is known of the target that it had says nothing of the next. */
  loseTarget(): void {
    this.memory = emptyAutoscalerMemory;
    this.watches.close();
  }

  [Symbol.dispose](): void {
    this.target[Symbol.dispose]();
    this.watches.close();
  }
}
