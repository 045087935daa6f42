import type { Choice } from "../core/placement/choice.ts";
import type { PlacementRequirements } from "../core/model.ts";

export interface Decision {
  readonly choice: Choice;
  /** What was asked for; shared by all of its template. */
  readonly requirements: PlacementRequirements;
  /** Of the wall clock. */
  readonly decidedMs: number;
}

/**
 * Why instances are where they are: of the latest decisions only. It keeps references to values that never change, so
 * that noting one is an entry in a map; what people read is computed when somebody asks.
 */
export class DecisionLog {
  readonly #max: number;
  readonly #decisions = new Map<string, Decision>();

  /** `max`: how many are kept. Of 10,000 nodes with their templates it is some megabytes. */
  constructor(max: number) {
    this.#max = max;
  }

  get size(): number {
    return this.#decisions.size;
  }

  note(uid: string, decision: Decision): void {
    this.#decisions.delete(uid);
    this.#decisions.set(uid, decision);
    if (this.#decisions.size <= this.#max) return;
    for (const oldest of this.#decisions.keys()) {
      this.#decisions.delete(oldest);
      return;
    }
  }

  of(uid: string): Decision | undefined {
    return this.#decisions.get(uid);
  }

  /** The instance is gone. */
  drop(uid: string): void {
    this.#decisions.delete(uid);
  }
}
