/**
 * Wakes workloads while the scheduler is away: one instance of each that requests wait for, that has run here, and that has none now.
 * The scheduler takes it over when it is back (see api/wake-up.ts).
 */
import type { Clock } from "../../kit/clock.ts";
import type { Random } from "../../kit/random.ts";
import type { NodeAssignment } from "../core/assignment.ts";
import { stopsWhenCutOff } from "../core/instance-config.ts";
import { configOf, type HeldInstance } from "../held-instance.ts";
import type { NodeCapacity } from "../options.ts";
import type { CheckpointChange } from "../session/checkpoint.ts";
import type { HeldTemplate, Templates } from "../templates.ts";
import type { NodeServing } from "./node-serving.ts";
import { anotherOf, WakeForms } from "./wake-forms.ts";

export interface LocalWakesOptions {
  readonly held: () => Iterable<HeldInstance>;
  readonly templates: Pick<Templates, "use" | "unuse">;
  readonly serving: Pick<NodeServing, "workload">;
  /** What instances may have of the node. */
  readonly allocatable: Pick<NodeCapacity, "cpuMillis" | "memoryBytes" | "instances">;
  readonly clock: Clock;
  readonly random: Random;
}

export class LocalWakes {
  readonly #options: LocalWakesOptions;
  readonly #forms: WakeForms;

  constructor(options: LocalWakesOptions) {
    this.#options = options;
    this.#forms = new WakeForms(options.templates);
  }

  load(stored: readonly NodeAssignment[]): void {
    this.#forms.load(stored);
  }

  /** Before an instance is forgotten. Returns what is to be stored. */
  keep(held: HeldInstance): readonly CheckpointChange[] {
    return this.#mayWake(held) ? this.#forms.keep(held.assignment) : [];
  }

  /** Some workloads are not to be woken by requests any more. Returns what is to be removed. */
  review(unused: (template: HeldTemplate) => void): readonly CheckpointChange[] {
    return this.#forms.forgetExcept((workload) => this.#isWoken(workload), unused);
  }

  /** What is to be started for this workload, as far as the node has room. */
  wake(workload: string): NodeAssignment | undefined {
    const { clock, random } = this.#options;
    const form = this.#formOf(workload);
    return form && this.#hasRoomFor(form) ? anotherOf(form, clock.now(), random) : undefined;
  }

  #isWoken(workload: string): boolean {
    return this.#options.serving.workload(workload)?.wakes === true;
  }

  /** What must not run twice is for the scheduler alone to wake. */
  #mayWake(held: HeldInstance): boolean {
    const config = configOf(held);
    if (!config || stopsWhenCutOff(config, held.assignment)) return false;
    return this.#isWoken(held.assignment.owner.uid);
  }

  /** Undefined if it is not to be woken, or has an instance here already. */
  #formOf(workload: string): NodeAssignment | undefined {
    if (!this.#isWoken(workload)) return undefined;
    let form = this.#forms.get(workload)?.assignment;
    for (const held of this.#options.held()) {
      if (held.assignment.owner.uid !== workload) continue;
      if (held.lifecycle.state.kind !== "ended") return undefined;
      const isNewer = form === undefined || held.assignment.createdMs >= form.createdMs;
      if (isNewer && this.#mayWake(held)) form = held.assignment;
    }
    return form;
  }

  #hasRoomFor({ cpuMillis, memoryBytes }: NodeAssignment): boolean {
    const left = { ...this.#options.allocatable };
    for (const { assignment, lifecycle } of this.#options.held()) {
      if (lifecycle.state.kind === "ended") continue;
      left.cpuMillis -= assignment.cpuMillis;
      left.memoryBytes -= assignment.memoryBytes;
      left.instances--;
    }
    return left.instances > 0 && cpuMillis <= left.cpuMillis && memoryBytes <= left.memoryBytes;
  }
}
