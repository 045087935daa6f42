/**
 * Which gang may collect places, so that a large one is not kept waiting for ever by small instances of its priority, which take each
 * place as it becomes free.
 *
 *   waits ──patience──▶ due ──its turn──▶ collects: keeps what it finds ──all of it has a place──▶ over
 *     ▲                                       │
 *     └────────── rests for a term ◀── a term without another place
 *
 * Invariant: at most one gang collects, so two can never hold half of what each needs. The highest priority goes first, then who has
 * waited longest. Times are monotonic; nothing happens by itself: whoever owns this asks what is due.
 */
import { gangLimits } from "./limits.ts";

interface Waiting {
  readonly priority: number;
  /** When it may have its turn. */
  readonly dueMs: number;
}

export class GangTurns {
  readonly #waiting = new Map<string, Waiting>();
  #turn: { readonly key: string; readonly untilMs: number } | undefined;

  /** The gang that collects. */
  get collecting(): string | undefined {
    return this.#turn?.key;
  }

  /** A gang has not found places for all of it: whether it may keep those that it has found. */
  mayCollect(key: string, priority: number, nowMs: number): boolean {
    if (!this.#waiting.has(key)) this.#waiting.set(key, { priority, dueMs: nowMs + gangLimits.patienceMs });
    if (this.#turn?.key === key) {
      if (nowMs < this.#turn.untilMs) return true;
      this.#turn = undefined;
      this.#waiting.set(key, { priority, dueMs: nowMs + gangLimits.termMs });
      return false;
    }
    if (this.#turn !== undefined || this.#next(nowMs) !== key) return false;
    this.progressed(key, nowMs);
    return true;
  }

  /** It has found another place: its term begins anew. */
  progressed(key: string, nowMs: number): void {
    this.#turn = { key, untilMs: nowMs + gangLimits.termMs };
  }

  /** It needs no places any more, or could never have enough. */
  over(key: string): void {
    this.#waiting.delete(key);
    if (this.#turn?.key === key) this.#turn = undefined;
  }

  /** The gang that should be tried now: its turn begins, or is over. */
  due(nowMs: number): string | undefined {
    if (this.#turn === undefined) return this.#next(nowMs);
    return nowMs < this.#turn.untilMs ? undefined : this.#turn.key;
  }

  /** When {@link due} may name another one. */
  wakeAtMs(): number | undefined {
    if (this.#turn !== undefined) return this.#turn.untilMs;
    let first: number | undefined;
    for (const { dueMs } of this.#waiting.values()) first = Math.min(first ?? dueMs, dueMs);
    return first;
  }

  #next(nowMs: number): string | undefined {
    let best: { readonly key: string; readonly waiting: Waiting } | undefined;
    for (const [key, waiting] of this.#waiting) {
      if (waiting.dueMs > nowMs) continue;
      const isBetter =
        best === undefined ||
        waiting.priority > best.waiting.priority ||
        (waiting.priority === best.waiting.priority && waiting.dueMs < best.waiting.dueMs);
      if (isBetter) best = { key, waiting };
    }
    return best?.key;
  }
}
