/** Instances that tick beside an attacker, and how late they were, as their logs tell. */
import type { RuntimeDriver } from "../../node-daemon/runtimes/runtime-driver.ts";
import type { Recorder, TestNode } from "../../node-daemon/runtimes/v8/test-driver.ts";
import { guests } from "../../node-daemon/shim/test-guests.ts";
import { eventually } from "./cluster.ts";

const tickMs = 20;
/** Lines that each neighbour writes for one figure. */
const linesPerFigure = 60;

export interface Lateness {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

export class Neighbours {
  readonly #node: TestNode;
  readonly #told: Recorder;
  readonly #uids: readonly string[];

  private constructor(node: TestNode, told: Recorder, uids: readonly string[]) {
    this.#node = node;
    this.#told = told;
    this.#uids = uids;
  }

  /** Resolves once all of them run. */
  static async start(
    node: TestNode,
    driver: RuntimeDriver,
    told: Recorder,
    count: number,
  ): Promise<Neighbours> {
    const module = await node.prepared(driver, guests.ticks(tickMs, "tick\n"));
    const uids = Array.from({ length: count }, (_, index) => `neighbour-${index}`);
    for (const uid of uids) driver.start(node.spec(uid, module));
    await told.hasStarted(count);
    return new Neighbours(node, told, uids);
  }

  /** Waits until every one has ticked often enough, and says how late the ticks from now on were. */
  async measure(): Promise<Lateness> {
    const from = new Map(this.#uids.map((uid) => [uid, this.#times(uid).length]));
    const late: number[] = [];
    await eventually(() => {
      for (const uid of this.#uids) {
        const ticks = this.#times(uid).length - (from.get(uid) ?? 0);
        if (ticks < linesPerFigure) return Promise.reject(new Error(`${uid} ticked ${ticks} times`));
      }
      return Promise.resolve();
    }, 90_000);
    for (const uid of this.#uids) {
      const times = this.#times(uid).slice(from.get(uid) ?? 0);
      for (let i = 1; i < times.length; i++) late.push((times[i] ?? 0) - (times[i - 1] ?? 0) - tickMs);
    }
    late.sort((a, b) => a - b);
    const at = (share: number) => Math.max(0, late[Math.floor((late.length - 1) * share)] ?? 0);
    return { p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1) };
  }

  /** Those that have ended, which none should have. */
  get ended(): readonly string[] {
    return this.#told.ends.map(({ id }) => id.uid).filter((uid) => this.#uids.includes(uid));
  }

  #times(uid: string): readonly number[] {
    return this.#node
      .log(uid)
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => Date.parse(line.slice(0, line.indexOf(" "))));
  }
}

export function describeLateness({ p50Ms, p99Ms, maxMs }: Lateness): string {
  return `${p50Ms} / ${p99Ms} / ${maxMs} ms`;
}
