import type { NodeAssignment } from "./core/assignment.ts";
import { lifecyclePolicyOf, type TemplateConfig } from "./core/instance-config.ts";
import type { Lifecycle, LifecyclePolicy } from "./core/lifecycle-state.ts";
import type { ReadyInstance } from "./setup.ts";
import type { HeldTemplate } from "./templates.ts";

/** One instance as the agent holds it, until the scheduler has acknowledged its end. */
export interface HeldInstance {
  readonly assignment: NodeAssignment;
  readonly template: HeldTemplate;
  lifecycle: Lifecycle;
  setup: AbortController | undefined;
  /** Between its setup and its start. */
  ready: ReadyInstance | undefined;
  /** What runs beside it start from; got again when an earlier daemon had it. */
  basis: Promise<ReadyInstance> | undefined;
  retained: string | undefined;
}

export function configOf({ template: { outcome } }: HeldInstance): TemplateConfig | undefined {
  return outcome.kind === "configured" ? outcome.config : undefined;
}

export function graceOf(held: HeldInstance): number {
  return configOf(held)?.gracePeriodMs ?? 0;
}

/** Not on its way from one run to the next. */
export function isSettled({ state: { kind } }: Lifecycle): boolean {
  return kind === "running" || kind === "waiting" || kind === "ended";
}

export function policyOf({ outcome }: HeldTemplate, assignment: NodeAssignment): LifecyclePolicy {
  if (outcome.kind === "configured") return lifecyclePolicyOf(outcome.config, assignment);
  const restart = assignment.owner.kind === "WasmJob" ? "Never" : "Always";
  return { restart, stopNotice: "none", heldBack: "nothing", hasPreStop: false };
}
