import type { Choice } from "../core/placement/choice.ts";
import type { PlacementRequirements } from "../core/model.ts";

/** What the decisions of a batch have in common. */
export interface DecidedBatch {
  /** What was asked for. */
  readonly requirements: PlacementRequirements;
  /** Of the wall clock. */
  readonly decidedMs: number;
}

export interface Decision extends DecidedBatch {
  readonly choice: Choice;
}

/**
 * Why instances are where they are: of the latest decisions only. It keeps references to values that never change, so
 * that noting one is an entry in a map; what people read is computed when somebody asks.
 *
 * Entries are slots of a ring, which says whose turn it is to give way. A map alone would know, too, but must step over all that
 * was deleted before to find its oldest key, which costs more than a placement.
 */
export class DecisionLog {
  readonly #max: number;
  readonly #slots = new Map<string, number>();
  readonly #uids: string[] = [];
  /** undefined: the instance is gone. */
  readonly #choices: (Choice | undefined)[] = [];
  readonly #batches: (DecidedBatch | undefined)[] = [];
  #next = 0;

  /** `max`: how many are kept. Of 10,000 nodes with their templates it is some megabytes. */
  constructor(max: number) {
    this.#max = max;
  }

  get size(): number {
    return this.#slots.size;
  }

  note(uid: string, choice: Choice, batch: DecidedBatch): void {
    const slot = this.#next;
    const oldest = this.#uids[slot];
    // It may have been noted anew since, or dropped.
    if (oldest !== undefined && this.#slots.get(oldest) === slot) this.#slots.delete(oldest);
    this.#uids[slot] = uid;
    this.#choices[slot] = choice;
    this.#batches[slot] = batch;
    this.#slots.set(uid, slot);
    this.#next = (slot + 1) % this.#max;
  }

  of(uid: string): Decision | undefined {
    const slot = this.#slots.get(uid);
    if (slot === undefined) return undefined;
    const choice = this.#choices[slot];
    const batch = this.#batches[slot];
    return choice && batch && { choice, ...batch };
  }

  /** The instance is gone. */
  drop(uid: string): void {
    const slot = this.#slots.get(uid);
    if (slot === undefined) return;
    this.#slots.delete(uid);
    this.#choices[slot] = undefined;
    this.#batches[slot] = undefined;
    if (this.#slots.size > 0) return;
    for (const list of [this.#uids, this.#choices, this.#batches]) list.length = 0;
    this.#next = 0;
  }
}
