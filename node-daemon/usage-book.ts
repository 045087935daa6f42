import type { RunUsage } from "./runtimes/runtime-driver.ts";

/**
 * An instance that has stopped working is silent, and whoever computes rates would believe for ever in the last one: so it is
 * told once more. Not in the first round without news: what its process tells may just have missed it.
 */
const silentRounds = 2;

/** The last usage of each instance, and which of it is news. */
export class UsageBook {
  readonly #usage = new Map<string, RunUsage>();
  readonly #changed = new Set<string>();
  /** Of what was news: in how many rounds without more it is told once more. */
  readonly #silentIn = new Map<string, number>();

  note(usage: RunUsage): void {
    const { uid } = usage.id;
    const before = this.#usage.get(uid);
    if (before && isSame(before, usage)) return;
    this.#usage.set(uid, usage);
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
  take(): readonly RunUsage[] {
    const due = new Set(this.#changed);
    for (const [uid, rounds] of this.#silentIn) {
      if (this.#changed.has(uid)) continue;
      if (rounds > 1) this.#silentIn.set(uid, rounds - 1);
      else if (this.#silentIn.delete(uid)) due.add(uid);
    }
    const taken: RunUsage[] = [];
    for (const uid of due) {
      const usage = this.#usage.get(uid);
      if (usage) taken.push(usage);
    }
    for (const uid of this.#changed) this.#silentIn.set(uid, silentRounds);
    this.#changed.clear();
    return taken;
  }

  /** A new session knows nothing yet: everything is news again. */
  renew(): void {
    for (const uid of this.#usage.keys()) this.#changed.add(uid);
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
