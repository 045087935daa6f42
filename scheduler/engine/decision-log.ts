import type { Choice } from "../core/placement/choice.ts";
import type { PlacementRequirements } from "../core/model.ts";

export interface Decision {
  readonly choice: Choice;
  /** What was asked for; shared by all of its template. */
  readonly requirements: PlacementRequirements;
  /** Of the wall clock. */
  readonly decidedMs: number;
}

interface Entry {
  readonly uid: string;
  readonly decision: Decision;
}

/**
 * Why instances are where they are: of the latest decisions only. It keeps references to values that never change, so
 * that noting one is an entry in a map; what people read is computed when somebody asks.
 *
 * A ring says which entry gives way. A map alone would know, too, but must step over all that was deleted before to find
 * its oldest key, which costs more than a placement.
 */
export class DecisionLog {
  readonly #max: number;
  readonly #byUid = new Map<string, Entry>();
  readonly #ring: (Entry | undefined)[] = [];
  #next = 0;

  /** `max`: how many are kept. Of 10,000 nodes with their templates it is some megabytes. */
  constructor(max: number) {
    this.#max = max;
  }

  get size(): number {
    return this.#byUid.size;
  }

  note(uid: string, decision: Decision): void {
    const oldest = this.#ring[this.#next];
    // It may have been noted anew since, or dropped.
    if (oldest !== undefined && this.#byUid.get(oldest.uid) === oldest) this.#byUid.delete(oldest.uid);
    const entry: Entry = { uid, decision };
    this.#ring[this.#next] = entry;
    this.#next = (this.#next + 1) % this.#max;
    this.#byUid.set(uid, entry);
  }

  of(uid: string): Decision | undefined {
    return this.#byUid.get(uid)?.decision;
  }

  /** The instance is gone. */
  drop(uid: string): void {
    this.#byUid.delete(uid);
  }
}
