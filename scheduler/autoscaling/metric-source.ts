import type { AutoscalerMetric } from "../../api/gen/kinds.gen.ts";
import type { Reading } from "../core/autoscaling/reading.ts";
import type { TargetInstance } from "../core/autoscaling/target.ts";

/** Whose metric it is: where its Secrets are, and whose requests and instances count. */
export interface MetricOwner {
  readonly namespace: string;
  readonly autoscaler: string;
  /** The uid of the target; undefined as long as there is none. */
  readonly targetUid: string | undefined;
  /** The target's instances now. */
  readonly instances: () => readonly TargetInstance[];
}

/** A metric that is being looked at. */
export interface MetricWatch {
  /** The last that is known, judged as of now: what was good may be stale. Never throws. */
  read(): Reading;
  close(): void;
}

/**
 * Where the values of one type of metric come from. Watches of the same thing share what they ask for. `changed` is called when `read` would say
 * something else; not from within `watch`. Nothing that a server answers may throw, block or take memory without bound.
 */
export interface MetricSource extends AsyncDisposable {
  watch(metric: AutoscalerMetric, owner: MetricOwner, changed: () => void): MetricWatch;
}
