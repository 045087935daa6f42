import type { RunUsage } from "./runtimes/runtime-driver.ts";

/** The last usage of each instance, and which of it is news. */
export class UsageBook {
  readonly #usage = new Map<string, RunUsage>();
  readonly #changed = new Set<string>();

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
  }

  /** What changed since the last call. */
  take(): readonly RunUsage[] {
    const taken: RunUsage[] = [];
    for (const uid of this.#changed) {
      const usage = this.#usage.get(uid);
      if (usage) taken.push(usage);
    }
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
