import type { Clock } from "../../kit/clock.ts";
import type { Log } from "../../kit/log.ts";
import type { ConditionSource, ReportedCondition } from "../session/condition-source.ts";
import type { NodeCondition } from "./core/condition.ts";

/** The conditions of this node, and since when each is what it is. */
export class ConditionBoard implements ConditionSource {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #conditions = new Map<string, ReportedCondition>();
  #listener: () => void = () => {};

  constructor(clock: Clock, log: Log, initial: readonly NodeCondition[] = []) {
    this.#clock = clock;
    this.#log = log;
    for (const condition of initial) this.set(condition);
  }

  set(condition: NodeCondition): void {
    const { type, status, reason, message } = condition;
    const before = this.#conditions.get(type);
    // The figures in a message move all the time; they are told with the next change.
    if (before?.status === status && before.reason === reason) return;
    const transitionMs = before?.status === status ? before.transitionMs : this.#clock.now();
    this.#conditions.set(type, { ...condition, transitionMs });
    this.#log.info("node condition", { type, status, reason, condition: message });
    this.#listener();
  }

  conditions(): readonly ReportedCondition[] {
    return [...this.#conditions.values()];
  }

  onChange(listener: () => void): void {
    this.#listener = listener;
  }
}
