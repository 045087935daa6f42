/**
 * How soon an instance that has failed is replaced on its node: at once, then after ever longer rests, as Kubernetes does it with
 * failed daemon pods. What goes on failing on every node of a large cluster would otherwise keep the scheduler busy.
 */
import { backoffMs } from "../../../../kit/backoff.ts";
import { disruptionReasons, type Instance } from "../../model.ts";

const limits = { initialMs: 1_000, factor: 2, maxMs: 15 * 60_000 };
/** Whoever has not failed for so long begins anew. */
const forgetAfterMs = 2 * limits.maxMs;

interface NodeFailures {
  readonly count: number;
  /** When its instance was replaced last. */
  readonly replacedMs: number;
}

/** What need not survive the scheduler: without it the first replacement does not wait. */
export interface DaemonSetMemory {
  /** The template that has failed; another one begins anew. */
  readonly templateHash: string;
  /** By node. */
  readonly failures: ReadonlyMap<string, NodeFailures>;
}

export const emptyDaemonSetMemory: DaemonSetMemory = { templateHash: "", failures: new Map() };

/** Whether its end says something about the workload, not about what was done to it. */
export function isFailure({ state }: Instance): boolean {
  if (state.kind !== "ended") return false;
  const { reason } = state.observed;
  return reason === "Evicted" || !disruptionReasons.has(reason);
}

export class FailureBackoff {
  readonly #templateHash: string;
  readonly #nowMs: number;
  readonly #before: ReadonlyMap<string, NodeFailures>;
  readonly #replaced = new Map<string, NodeFailures>();

  constructor(memory: DaemonSetMemory, templateHash: string, nowMs: number) {
    this.#templateHash = templateHash;
    this.#nowMs = nowMs;
    this.#before = memory.templateHash === templateHash ? memory.failures : emptyDaemonSetMemory.failures;
  }

  /** When what has failed on this node may be replaced. */
  freeAtMs(nodeName: string): number {
    const known = this.#known(nodeName);
    return known ? known.replacedMs + backoffMs(known.count - 1, limits) : this.#nowMs;
  }

  noteReplaced(nodeName: string): void {
    const count = (this.#known(nodeName)?.count ?? 0) + 1;
    this.#replaced.set(nodeName, { count, replacedMs: this.#nowMs });
  }

  /** `exists`: whether the node is still there. */
  memory(exists: (nodeName: string) => boolean): DaemonSetMemory {
    const failures = new Map<string, NodeFailures>();
    for (const [nodeName, known] of this.#before)
      if (exists(nodeName) && !this.#isOver(known)) failures.set(nodeName, known);
    for (const [nodeName, known] of this.#replaced) failures.set(nodeName, known);
    return { templateHash: this.#templateHash, failures };
  }

  #known(nodeName: string): NodeFailures | undefined {
    const known = this.#before.get(nodeName);
    return known === undefined || this.#isOver(known) ? undefined : known;
  }

  /** A time that is still to come is from before the clock was set back: nobody waits for it. */
  #isOver({ replacedMs }: NodeFailures): boolean {
    return replacedMs > this.#nowMs || this.#nowMs - replacedMs > forgetAfterMs;
  }
}
