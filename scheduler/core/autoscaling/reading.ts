/** What is known of one metric of an autoscaler at one moment. */
export type Reading =
  /** Of the whole workload, in the metric's own unit. Of a Schedule: 1 within its times, otherwise 0. */
  | {
      readonly kind: "value";
      readonly value: number;
      /**
       * Part of the data is missing (a node is silent): the true value is this or more. It may add instances and takes none away.
       */
      readonly isAtLeast: boolean;
      /** For people: what is missing, if `isAtLeast`. Bounded, without control characters. */
      readonly note?: string;
      /** When the data is from, by the wall clock. */
      readonly atMs: number;
      /**
       * How far it looks back (`rate(x[5m])`: 300,000). Just after a gap it says too little: it takes nothing away before it has been
       * known for that long. Without it a minute counts.
       */
      readonly rangeMs?: number;
      /**
       * By the monotonic clock: when whoever was asked was last found away. It may have come back without what it knew, so what it
       * says counts as known from then on only, though this value held all the while.
       */
      readonly awayMs?: number;
      /**
       * Whether something happens, for minReplicas 0, where the value alone does not say it: requests that came and went between two
       * looks leave nothing in flight. Without it: whether the value is above the activation threshold.
       */
      readonly isActive?: boolean;
    }
  /** Of instances that were heard of lately, by uid: millicores or bytes. The others of the target are missing. */
  | { readonly kind: "perInstance"; readonly samples: ReadonlyMap<string, number>; readonly atMs: number }
  | Unknown;

export interface Unknown {
  readonly kind: "unknown";
  /** In CamelCase, of a bounded set: a condition's reason and a metric's label. */
  readonly reason: UnknownReason;
  /** For people; bounded, without control characters, whatever the other side said. */
  readonly message: string;
}

/**
 * The only reasons for which a metric is not known:
 * Pending: it was not asked yet. Unreachable: no answer, or not in time. Refused: the server said no (a wrong query, a password). Forbidden: the
 * scheduler may not ask there. Malformed: the answer is not what it should be, or too large. NoData: there is nothing, or NaN or Inf.
 * Ambiguous: several values. Stale: too old, or from another time than ours. Misdeclared: a Secret or key that is not there.
 */
export type UnknownReason =
  | "Pending"
  | "Unreachable"
  | "Refused"
  | "Forbidden"
  | "Malformed"
  | "NoData"
  | "Ambiguous"
  | "Stale"
  | "Misdeclared";
