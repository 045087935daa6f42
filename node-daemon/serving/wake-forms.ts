/**
 * What instances of workloads at zero would be made of, so that this node can wake them while it has no scheduler.
 *
 *   the last instance of a workload is acknowledged ── requests wake it ─▶ kept as its form ── gone, or no longer woken ─▶ forgotten
 *
 * A form is the assignment that the scheduler made last, with its template, which stays here as long as the form does. Bounded by the
 * workloads that routes name and that have run here.
 */
import { localWakeAnnotation } from "../../api/wake-up.ts";
import { type Random, randomSuffix } from "../../kit/random.ts";
import type { NodeAssignment } from "../core/assignment.ts";
import type { CheckpointChange } from "../session/checkpoint.ts";
import type { HeldTemplate, Templates } from "../templates.ts";

export interface WakeForm {
  readonly assignment: NodeAssignment;
  readonly template: HeldTemplate;
}

export class WakeForms {
  readonly #templates: Pick<Templates, "use" | "unuse">;
  readonly #forms = new Map<string, WakeForm>();

  constructor(templates: Pick<Templates, "use" | "unuse">) {
    this.#templates = templates;
  }

  load(stored: readonly NodeAssignment[]): void {
    for (const assignment of stored) this.#put(assignment);
  }

  get(workload: string): WakeForm | undefined {
    return this.#forms.get(workload);
  }

  /** An instance of the workload is about to be forgotten. Returns what is to be stored. */
  keep(assignment: NodeAssignment): readonly CheckpointChange[] {
    const known = this.#forms.get(assignment.owner.uid);
    // Instances end in any order: the newest says what the workload is.
    if (known && known.assignment.createdMs > assignment.createdMs) return [];
    this.#put(assignment);
    return [{ kind: "putWakeForm", assignment }];
  }

  /** Returns what is to be removed from the disk. `unused`: of the templates that nobody uses any more. */
  forgetExcept(
    isWoken: (workload: string) => boolean,
    unused: (template: HeldTemplate) => void,
  ): readonly CheckpointChange[] {
    const gone = [...this.#forms].filter(([workload]) => !isWoken(workload));
    for (const [workload, { template }] of gone) {
      this.#forms.delete(workload);
      if (this.#templates.unuse(template)) unused(template);
    }
    return gone.map(([workload]) => ({ kind: "removeWakeForm", workload }));
  }

  #put(assignment: NodeAssignment): void {
    const { uid } = assignment.owner;
    const template = this.#templates.use(assignment.templateId);
    const before = this.#forms.get(uid);
    if (before) this.#templates.unuse(before.template);
    this.#forms.set(uid, { assignment, template });
  }
}

/** Another instance like this one, named as the scheduler would name it, which is told that requests have woken it. */
export function anotherOf(assignment: NodeAssignment, nowMs: number, random: Random): NodeAssignment {
  return {
    ...assignment,
    uid: random.uuid(),
    name: assignment.name.replace(/-[^-]*$/, `-${randomSuffix(random)}`),
    annotations: { ...assignment.annotations, [localWakeAnnotation]: "true" },
    createdMs: nowMs,
    // Only the scheduler can prove that it made something for this node.
    proof: "",
    traceparent: "",
  };
}
