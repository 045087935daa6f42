/**
 * Ends that the scheduler has noted, on their way to one node, in one session.
 *
 * The node gives up such an instance, its log too, when it is told. An inventory that it has written before names it all the
 * same, and the two pass each other on the wire: who believed that inventory would know an instance for ever that no node has.
 *
 *   scheduler ──acknowledge u──▶        ◀──inventory: u has ended── node
 *
 * So until the inventory is complete, what was acknowledged is kept in mind. Bounded by what the scheduler believes to be on
 * the node. A session that breaks forgets it all: what did not arrive is in the next inventory.
 */
import { isFinal } from "../core/cluster-state/reports.ts";
import type { ObservedStatus } from "../core/model.ts";

export class Acknowledgements {
  readonly #due = new Set<string>();
  #duringInventory: Set<string> | undefined = new Set();

  add(uid: string): void {
    this.#due.add(uid);
    this.#duringInventory?.add(uid);
  }

  get isDue(): boolean {
    return this.#due.size > 0;
  }

  /** What is to be written next, at most so many. */
  take(most: number): string[] {
    const uids: string[] = [];
    for (const uid of this.#due) {
      if (uids.length >= most) break;
      uids.push(uid);
      this.#due.delete(uid);
    }
    return uids;
  }

  /** Whether the inventory names what the node gives up when it hears of this. What still runs there is not given up. */
  cross(uid: string, status: ObservedStatus): boolean {
    return isFinal(status) && (this.#duringInventory?.has(uid) ?? false);
  }

  inventoryDone(): void {
    this.#duringInventory = undefined;
  }
}
