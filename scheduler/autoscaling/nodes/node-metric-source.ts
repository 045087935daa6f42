/**
 * Resource and Requests: what the nodes themselves say. It comes with their sessions, and nobody is asked for it.
 *
 *   usage of an instance ─▶ watches of its owner ─▶ `changed`, every 15 s at most
 *   traffic of a workload ─▶ watches of it ─▶ `changed`, every second at most; for some seconds more as averages go on falling
 *
 * One timer for all watches of Requests, and only while there is something that still changes; one for each watch of Resource.
 */
import type { AutoscalerMetric } from "../../../api/gen/kinds.gen.ts";
import type { Clock } from "../../../kit/clock.ts";
import type { MetricOwner, MetricSource, MetricWatch } from "../metric-source.ts";
import type { NodeFigures } from "./node-figures.ts";
import { RequestsWatches } from "./requests-watches.ts";
import { ResourceWatches } from "./resource-watches.ts";

export class NodeMetricSource implements MetricSource {
  readonly #requests: RequestsWatches;
  readonly #resources: ResourceWatches;

  constructor(figures: NodeFigures, clock: Clock) {
    this.#requests = new RequestsWatches(figures, clock);
    this.#resources = new ResourceWatches(figures, clock);
  }

  watch(metric: AutoscalerMetric, owner: MetricOwner, changed: () => void): MetricWatch {
    const { type, requests, resource } = metric;
    if (type === "Requests" && requests !== undefined)
      return this.#requests.watch(requests.metric, owner, changed);
    // Without a metric it is of cpu, as with the HPA.
    return this.#resources.watch(resource?.name ?? "cpu", owner, changed);
  }

  /** A node has said what an instance of this owner uses. */
  usageTold(ownerUid: string): void {
    this.#resources.told(ownerUid);
  }

  /** Something else is known of the requests for this workload. */
  trafficTold(workloadUid: string): void {
    this.#requests.told(workloadUid);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#requests.close();
    this.#resources.close();
    return Promise.resolve();
  }
}
