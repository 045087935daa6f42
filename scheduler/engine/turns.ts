/**
 * The engine's turns: which owners are to be looked at, and when. Once per event-loop turn each of them is reconciled, as far as
 * the turn allows; what that makes dirty is looked at in the next one.
 *
 *   mark ─▶ dirty ─(setImmediate)─▶ turn: prepare ─▶ reconcile each ─▶ finish (placement, routes)
 *                      ▲                                 │ unserved, unfinished
 *                      └─────────────────────────────────┘ those that had no time first
 */
import type { Progress } from "./step-backlog.ts";

export interface TurnsOptions {
  /** Before anything else in a turn; may mark. */
  readonly prepare: () => void;
  readonly reconcile: (ownerUid: string) => Progress | undefined;
  /** A bug of ours in one workload's controller, which is pure, must not stop the others. */
  readonly failed: (ownerUid: string, thrown: unknown) => void;
  readonly finish: () => void;
}

export class Turns {
  readonly #options: TurnsOptions;
  readonly #dirty = new Set<string>();
  #isScheduled = false;
  #closed = false;

  constructor(options: TurnsOptions) {
    this.#options = options;
  }

  mark(ownerUid: string): void {
    this.#dirty.add(ownerUid);
    this.schedule();
  }

  markAll(ownerUids: Iterable<string>): void {
    for (const uid of ownerUids) this.mark(uid);
  }

  schedule(): void {
    if (this.#isScheduled || this.#closed) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      if (!this.#closed) this.#turn();
    });
  }

  close(): void {
    this.#closed = true;
  }

  #turn(): void {
    const { prepare, reconcile, failed, finish } = this.#options;
    prepare();
    const dirty = [...this.#dirty];
    this.#dirty.clear();
    const served: string[] = [];
    for (const uid of dirty) {
      try {
        const progress = reconcile(uid);
        if (progress === "unserved") this.mark(uid);
        if (progress === "unfinished") served.push(uid);
      } catch (thrown) {
        failed(uid, thrown);
      }
    }
    // Last, although their steps have marked them, so that the next turn begins with those that this one had no time for.
    for (const uid of served) this.#dirty.delete(uid);
    this.markAll(served);
    finish();
  }
}
