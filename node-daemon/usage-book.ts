import type { RunUsage } from "./runtimes/runtime-driver.ts";

/**
 * An instance that has stopped working is silent, and whoever computes rates would believe for ever in the last one: so it is
 * told once more. Not in the first round without news: what its process tells may just have missed it.
 */
const silentRounds = 2;

/** What a run has used, and when that was so, by the monotonic clock. */
export interface TimedUsage extends RunUsage {
  readonly atMs: number;
}

/** The last usage of each instance, and which of it is news. */
export class UsageBook {
  readonly #usage = new Map<string, TimedUsage>();
  readonly #changed = new Set<string>();
  /** Of what was news: in how many rounds without more it is told once more. */
  readonly #silentIn = new Map<string, number>();

  note(usage: RunUsage, atMs: number): void {
    const { uid } = usage.id;
    const before = this.#usage.get(uid);
    if (before && isSame(before, usage)) return;
    this.#usage.set(uid, { ...usage, atMs });
    this.#changed.add(uid);
  }

  latest(uid: string): RunUsage | undefined {
    return this.#usage.get(uid);
  }

  forget(uid: string): void {
    this.#usage.delete(uid);
    this.#changed.delete(uid);
    this.#silentIn.delete(uid);
  }

  /** A round: what changed since the last one, and what has not for two. */
  take(nowMs: number): readonly TimedUsage[] {
    const due = new Set(this.#changed);
    for (const [uid, rounds] of this.#silentIn) {
      if (this.#changed.has(uid)) continue;
      if (rounds > 1) this.#silentIn.set(uid, rounds - 1);
      else if (this.#silentIn.delete(uid)) due.add(uid);
    }
    const taken: TimedUsage[] = [];
    for (const uid of due) {
      const usage = this.#usage.get(uid);
      if (usage) taken.push(this.#changed.has(uid) ? usage : { ...usage, atMs: nowMs });
    }
    for (const uid of this.#changed) this.#silentIn.set(uid, silentRounds);
    this.#changed.clear();
    return taken;
  }

  /** A new session knows nothing yet: everything is news again. */
  renew(nowMs: number): void {
    for (const [uid, usage] of this.#usage) {
      // Nothing has changed since, so it is so now.
      if (!this.#changed.has(uid)) this.#usage.set(uid, { ...usage, atMs: nowMs });
      this.#changed.add(uid);
    }
  }
}

function isSame(a: RunUsage, b: RunUsage): boolean {
  return (
    a.cpuUs === b.cpuUs &&
    a.memoryBytes === b.memoryBytes &&
    a.fuel === b.fuel &&
    a.throttledUs === b.throttledUs
  );
}
