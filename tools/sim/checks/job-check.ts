/** Of jobs: each index succeeds once and only if some machine saw it, counts never shrink, what is over stays over. */
import type { WasmJob } from "../../../api/gen/kinds.gen.ts";
import { IndexRanges } from "../../../api/index-ranges.ts";
import type { Truth } from "./truth.ts";
import { demand } from "./violation.ts";

interface Known {
  readonly completed: ReadonlySet<number>;
  readonly failed: number;
  readonly phase: string;
}

const nothingKnown: Known = { completed: new Set(), failed: 0, phase: "" };
const finalPhases: ReadonlySet<string> = new Set(["Complete", "Failed"]);

export class JobCheck {
  readonly #truth: Truth;
  readonly #known = new Map<string, Known>();

  constructor(truth: Truth) {
    this.#truth = truth;
  }

  check({ metadata: { uid, name }, spec, status }: WasmJob): void {
    const before = this.#known.get(uid) ?? nothingKnown;
    const ranges = IndexRanges.parse(status?.completedIndexes);
    const completed = new Set(ranges);
    const { completions = Infinity } = spec;
    const { succeeded = 0, failed = 0, phase = "" } = status ?? {};
    const what = (text: string) => () => `job ${name}: ${text}`;
    demand(
      succeeded === ranges.size,
      "slots",
      what(`succeeded is ${succeeded}, completedIndexes ${status?.completedIndexes}`),
    );
    demand(
      ranges.countBelow(completions) === completed.size,
      "slots",
      what(`completedIndexes ${status?.completedIndexes} of ${completions}`),
    );
    for (const index of before.completed)
      demand(completed.has(index), "slots", what(`index ${index} is not completed any more`));
    const seen = this.#truth.succeededIndexes(uid);
    for (const index of completed)
      demand(
        seen.has(index),
        "slots",
        what(`index ${index} counts as succeeded, and no machine saw it succeed`),
      );
    demand(failed >= before.failed, "slots", what(`failed went from ${before.failed} to ${failed}`));
    demand(
      failed <= this.#truth.failuresOf(uid),
      "slots",
      what(`failed is ${failed}, and there were ${this.#truth.failuresOf(uid)} failures`),
    );
    if (finalPhases.has(before.phase))
      demand(phase === before.phase, "slots", what(`was ${before.phase} and is ${phase}`));
    this.#known.set(uid, { completed, failed, phase });
  }

  /** Where no machine was ever out of reach, a job that is complete has counted each failure, and each once. */
  checkExactly({ metadata: { uid, name }, spec, status }: WasmJob): void {
    // Its rules may have ignored some.
    if (status?.phase !== "Complete" || spec.failurePolicy !== undefined) return;
    const failures = this.#truth.failuresOf(uid);
    demand(
      status.failed === failures,
      "slots",
      () => `job ${name}: failed is ${status.failed}, and there were ${failures} failures`,
    );
  }
}
