import type { Revision, Slot } from "../model.ts";

/**
 * What a controller wants done, as data. The engine executes steps in order and is the only one that does: as many as a turn
 * takes, and the rest in the next ones, before the controller is asked again. Creating adds to the cluster state at once, so
 * that the next look sees it; every other step may be repeated without harm.
 */
export type Step =
  /** Make `count` instances of a template that the owner has or had. */
  | {
      readonly kind: "createInstances";
      readonly count: number;
      readonly templateHash: string;
      /** The only node that they may have; undefined: any. */
      readonly targetNode: string | undefined;
    }
  /** Keep the owner's current template, or one that is kept and has become current again, under this number. */
  | { readonly kind: "recordRevision"; readonly revision: Revision }
  | { readonly kind: "deleteRevision"; readonly templateHash: string }
  /** Make one instance for a job's slot. */
  | { readonly kind: "createForSlot"; readonly slot: Slot }
  | { readonly kind: "stopInstance"; readonly uid: string; readonly why: string }
  /** Stop an instance that should go, as soon as the disruption budgets allow it: until then nothing happens. */
  | { readonly kind: "evictInstance"; readonly uid: string; readonly why: string }
  /** The end of these instances is counted once the status of the same result is durable; then they are forgotten. */
  | { readonly kind: "forgetInstance"; readonly uid: string }
  /** Delete the declared object itself (a finished job past its time to live). */
  | { readonly kind: "deleteOwner" }
  | {
      readonly kind: "recordEvent";
      readonly type: "Normal" | "Warning";
      readonly reason: string;
      readonly message: string;
    };

export function failedCreate(refusal: string): Step {
  return {
    kind: "recordEvent",
    type: "Warning",
    reason: "FailedCreate",
    message: `Error creating: ${refusal}`,
  };
}

export interface ReconcileResult<Status> {
  /** The whole new status. The engine writes it only if it differs, before it executes `forgetInstance` steps. */
  readonly status: Status;
  readonly steps: readonly Step[];
  /** When to look again although nothing happened (a deadline, a time to live); undefined: only on change. */
  readonly wakeAtMs: number | undefined;
}
