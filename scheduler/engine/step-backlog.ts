/**
 * Steps that do not fit into one turn. A workload of a hundred thousand instances is made, or ended, in as many steps, and
 * sessions and the API must get their turns in between.
 *
 *   controller's steps ──begin──▶ plan ──goOn, so many a turn──▶ done: the controller looks again
 *                                   └── the workload changed, or is gone: the rest is forgotten, the controller looks again
 *
 * Invariants: while a workload has a plan, its controller does not run, so nothing is asked for twice; at most
 * `stepsPerTurn` steps that change an instance are carried out in a turn, of all workloads together. A plan is as large as
 * the workload has instances; there is one for each at most.
 */
import type { Step } from "../core/controllers/step.ts";

/** Some 20 ms of work: a few requests and messages wait for so long. */
export const stepsPerTurn = 2_000;

interface Plan {
  /** What the workload was when its controller asked. */
  readonly basis: string;
  readonly steps: readonly Step[];
  next: number;
  /** Of the step at `next`, when it makes many. */
  made: number;
}

/** `unserved`: others have had the turn. */
export type Progress = "done" | "unfinished" | "unserved";

export class StepBacklog {
  readonly #plans = new Map<string, Plan>();
  #left = stepsPerTurn;

  beginTurn(): void {
    this.#left = stepsPerTurn;
  }

  /** Takes the steps of a workload that has no plan. */
  begin(ownerUid: string, basis: string, steps: readonly Step[]): void {
    if (steps.length > 0) this.#plans.set(ownerUid, { basis, steps, next: 0, made: 0 });
  }

  /** Carries out what the turn allows. undefined: there is no plan, or what it was made for has changed. */
  goOn(ownerUid: string, basis: string, execute: (step: Step) => void): Progress | undefined {
    const plan = this.#plans.get(ownerUid);
    if (plan?.basis !== basis) {
      this.#plans.delete(ownerUid);
      return undefined;
    }
    const leftBefore = this.#left;
    for (let step = plan.steps[plan.next]; step; step = plan.steps[plan.next]) {
      if (!this.#advance(plan, step, execute)) return leftBefore > 0 ? "unfinished" : "unserved";
    }
    this.#plans.delete(ownerUid);
    return "done";
  }

  has(ownerUid: string): boolean {
    return this.#plans.has(ownerUid);
  }

  drop(ownerUid: string): void {
    this.#plans.delete(ownerUid);
  }

  /** Returns whether the step is over. */
  #advance(plan: Plan, step: Step, execute: (step: Step) => void): boolean {
    const size = sizeOf(step) - plan.made;
    const part = Math.min(size, this.#left);
    if (part === 0 && size > 0) return false;
    this.#left -= part;
    if (part < size) plan.made += part;
    else {
      plan.next++;
      plan.made = 0;
    }
    execute(step.kind === "createInstances" ? { ...step, count: part } : step);
    return part === size;
  }
}

/** How many instances it changes. */
function sizeOf(step: Step): number {
  switch (step.kind) {
    case "createInstances":
      return step.count;
    case "createForSlot":
    case "stopInstance":
    case "evictInstance":
    case "forgetInstance":
      return 1;
    default:
      return 0;
  }
}
