import type { Resources } from "../model.ts";

/** What an autoscaler scales, as its decision sees it. */
export interface ScaleTarget {
  /** What its scale says it should have. */
  readonly specReplicas: number;
  /** What its scale says it has. */
  readonly statusReplicas: number;
  /** Those that belong to it and are not over; in no order. */
  readonly instances: readonly TargetInstance[];
}

export interface TargetInstance {
  readonly uid: string;
  readonly phase: "pending" | "starting" | "running" | "stopping";
  readonly isReady: boolean;
  /** By the monotonic clock; undefined: it has not started. */
  readonly startedMs: number | undefined;
  /** By the monotonic clock; without it: since its start, or it is not ready. */
  readonly readySinceMs?: number;
  readonly requests: Resources;
  /** Its node has a session. */
  readonly isHeardOf: boolean;
}

/** Why there is no target. */
export type TargetProblem =
  | { readonly kind: "noKind"; readonly message: string }
  | { readonly kind: "noScale"; readonly message: string }
  | { readonly kind: "notFound"; readonly message: string }
  /** Another autoscaler scales it. */
  | { readonly kind: "taken"; readonly by: string }
  /** The API server cannot be asked. */
  | { readonly kind: "unavailable"; readonly message: string };
