/**
 * Bounds how many tasks run at once, in all and for each key. Keys with tasks waiting take turns, so one with thousands
 * delays another by one task. It refuses none: callers bound how many they bring (one of each probe).
 *
 *   run ─▶ waiting (a queue for each key) ── the key's turn, a place in all and one of its own ──▶ running ─▶ done
 */
interface Lane {
  readonly key: string;
  running: number;
  /** Those before `head` have begun. */
  waiting: (() => void)[];
  head: number;
}

export class ShareGate {
  readonly #runningMax: number;
  readonly #perKeyMax: number;
  #running = 0;
  readonly #lanes = new Map<string, Lane>();
  /** Lanes that have a task waiting and a place of their own, in the order of their turns. */
  readonly #turns = new Set<Lane>();

  constructor(runningMax: number, perKeyMax: number) {
    this.#runningMax = runningMax;
    this.#perKeyMax = perKeyMax;
  }

  async run<T>(key: string, task: () => Promise<T>): Promise<T> {
    const lane = this.#laneOf(key);
    await new Promise<void>((resolve) => {
      lane.waiting.push(resolve);
      this.#offer(lane);
      this.#admit();
    });
    try {
      return await task();
    } finally {
      this.#running--;
      lane.running--;
      if (lane.running === 0 && lane.waiting.length === 0) this.#lanes.delete(key);
      else this.#offer(lane);
      this.#admit();
    }
  }

  #laneOf(key: string): Lane {
    const known = this.#lanes.get(key);
    if (known) return known;
    const lane = { key, running: 0, waiting: [], head: 0 };
    this.#lanes.set(key, lane);
    return lane;
  }

  #offer(lane: Lane): void {
    if (lane.running < this.#perKeyMax && lane.head < lane.waiting.length) this.#turns.add(lane);
  }

  #admit(): void {
    for (const lane of this.#turns) {
      if (this.#running >= this.#runningMax) return;
      // To the end of the line.
      this.#turns.delete(lane);
      const begin = lane.waiting[lane.head];
      if (begin === undefined) continue;
      lane.head++;
      if (lane.head === lane.waiting.length) Object.assign(lane, { waiting: [], head: 0 });
      this.#running++;
      lane.running++;
      this.#offer(lane);
      begin();
    }
  }
}
