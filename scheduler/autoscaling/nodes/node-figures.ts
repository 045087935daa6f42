import type { TrafficFigures } from "../../core/cluster-state/traffic-book.ts";
import type { UsageFigures } from "../../core/cluster-state/usage-book.ts";

/** What is asked of the books. */
export interface NodeFigures {
  /** Of an instance. */
  readonly usageOf: (uid: string) => UsageFigures | undefined;
  readonly ownerOf: (instanceUid: string) => string | undefined;
  /** Whether it is something that gateways can send requests to. */
  readonly isServing: (uid: string) => boolean;
  /** Of a workload; undefined: no gateway has told of it. */
  readonly trafficOf: (uid: string, nowMs: number) => TrafficFigures | undefined;
}
