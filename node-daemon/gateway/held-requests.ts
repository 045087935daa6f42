/**
 * Requests that have found no place: first come, first served, and given the next place that becomes free. While they wait for a workload
 * that wakes and has nobody, the daemon is told so.
 */
import type { Clock } from "../../kit/clock.ts";
import { HoldQueue, HoldRoom } from "./core/hold-queue.ts";
import type { Choice, Wanted } from "./core/workload-pool.ts";
import { gatewayLimits } from "./limits.ts";
import { WakeCalls } from "./wake-calls.ts";
import type { Holder, LocalTarget, RemoteTarget, Workload } from "./workload.ts";

export interface HeldRequestsParts {
  readonly clock: Clock;
  /** What they may take in all. */
  readonly bytesMax: number;
  readonly wake: (workloads: readonly string[]) => void;
  readonly choose: (workload: Workload, wanted: Wanted) => Choice<LocalTarget, RemoteTarget>;
  /** One waits no more. */
  readonly left: (workload: Workload) => void;
}

export class HeldRequests {
  readonly #parts: HeldRequestsParts;
  readonly #room: HoldRoom;
  readonly #waking: WakeCalls;
  #isOver = false;

  constructor(parts: HeldRequestsParts) {
    this.#parts = parts;
    this.#room = new HoldRoom({ ...gatewayLimits.hold, bytesInAll: parts.bytesMax });
    this.#waking = new WakeCalls(parts.clock, parts.wake);
  }

  close(): void {
    this.#waking.close();
  }

  /** Whether others wait for the same, who come first. */
  isAny(workload: Workload, wanted: Wanted): boolean {
    return workload.heldCount > 0 && workload.held.has(wanted);
  }

  /** False: too many wait already, or nobody is held any more. */
  hold(workload: Workload, holder: Holder, wanted: Wanted, bytes: number): boolean {
    if (this.#isOver) return false;
    let queue = workload.held.get(wanted);
    if (queue === undefined) {
      queue = new HoldQueue(this.#room);
      workload.held.set(wanted, queue);
    }
    if (!queue.add(holder, bytes)) {
      if (queue.size === 0) workload.held.delete(wanted);
      return false;
    }
    workload.heldCount++;
    workload.figures.waiting++;
    workload.figures.changed = true;
    this.#wakeIfNeeded(workload);
    return true;
  }

  unhold(workload: Workload, holder: Holder, wanted: Wanted): void {
    const queue = workload.held.get(wanted);
    if (queue?.remove(holder) !== true) return;
    if (queue.size === 0) workload.held.delete(wanted);
    workload.heldCount--;
    workload.figures.waiting--;
    workload.figures.changed = true;
    if (workload.heldCount === 0) this.#waking.remove(workload.uid);
    this.#parts.left(workload);
  }

  /** From now on nobody is held. */
  giveUp(workloads: Iterable<Workload>): void {
    this.#isOver = true;
    for (const workload of workloads) {
      for (const [wanted, queue] of workload.held) {
        for (const holder of queue) {
          this.unhold(workload, holder, wanted);
          holder.givenUp();
        }
      }
    }
  }

  /** Somebody has come, or gone. */
  placesChanged(workload: Workload): void {
    if (workload.heldCount === 0) return;
    if (workload.pool.hasPlaces) this.#noteAwake(workload);
    else this.#wakeIfNeeded(workload);
    this.release(workload);
  }

  /** Gives free places to those that wait. Released requests may end at once and free theirs: that goes on in the same loop. */
  release(workload: Workload): void {
    if (workload.heldCount === 0 || workload.isReleasing) return;
    workload.isReleasing = true;
    try {
      for (const [wanted, queue] of workload.held) this.#releaseFrom(workload, queue, wanted);
    } finally {
      // A bug in one request is not to hold up all that come after it.
      workload.isReleasing = false;
    }
  }

  #releaseFrom(workload: Workload, queue: HoldQueue<Holder>, wanted: Wanted): void {
    for (let holder = queue.first(); holder !== undefined; holder = queue.first()) {
      const choice = this.#parts.choose(workload, wanted);
      if (choice.kind === "none" || !choice.isFree) return;
      this.unhold(workload, holder, wanted);
      holder.released(choice.place);
    }
  }

  #wakeIfNeeded(workload: Workload): void {
    if (!workload.pool.hasPlaces && workload.facts?.wakes === true) this.#waking.add(workload.uid);
  }

  #noteAwake(workload: Workload): void {
    const sinceMs = this.#waking.remove(workload.uid);
    if (sinceMs === undefined) return;
    workload.figures.wakeUps++;
    workload.figures.wakeUpSumMs += this.#parts.clock.monotonic() - sinceMs;
    workload.figures.changed = true;
  }
}
