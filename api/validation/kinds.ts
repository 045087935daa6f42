import type {
  InstanceTemplate,
  WasmCronJob,
  WasmDaemonSet,
  WasmDeployment,
  WasmDisruptionBudget,
  WasmJob,
  WasmNode,
} from "../gen/kinds.gen.ts";
import type { ApiObject } from "../object-meta.ts";
import type { FieldError } from "./field-error.ts";
import { instanceTemplateWarnings } from "./instance-template.ts";
import { validateWasmCronJob } from "./wasm-cron-job.ts";
import { jobSpecWarnings } from "./job-spec.ts";
import { validateWasmDaemonSet, wasmDaemonSetWarnings } from "./wasm-daemon-set.ts";
import { validateWasmDeployment } from "./wasm-deployment.ts";
import { validateWasmDisruptionBudget, wasmDisruptionBudgetWarnings } from "./wasm-disruption-budget.ts";
import { validateWasmJob } from "./wasm-job.ts";
import { validateWasmNode } from "./wasm-node.ts";

export type SemanticCheck = (object: ApiObject, old: ApiObject | undefined) => readonly FieldError[];

/** What a schema cannot say, by kind. Each check gets objects that the kind's schema has accepted. */
export const semanticChecks: Readonly<Record<string, SemanticCheck>> = {
  WasmCronJob: typed<WasmCronJob>(validateWasmCronJob),
  WasmDaemonSet: typed<WasmDaemonSet>(validateWasmDaemonSet),
  WasmDeployment: typed<WasmDeployment>(validateWasmDeployment),
  WasmDisruptionBudget: typed<WasmDisruptionBudget>(validateWasmDisruptionBudget),
  WasmJob: typed<WasmJob>(validateWasmJob),
  WasmNode: typed<WasmNode>(validateWasmNode),
};

/** What clients are told beside the answer, by kind: of what is legal, and probably not what was meant. */
export const semanticWarnings: Readonly<Record<string, (object: ApiObject) => readonly string[]>> = {
  WasmCronJob: (object) =>
    jobSpecWarnings((object as unknown as WasmCronJob).spec.jobTemplate.spec, "spec.jobTemplate.spec"),
  WasmDaemonSet: (object) => wasmDaemonSetWarnings(object as unknown as WasmDaemonSet),
  WasmDeployment: (object) => templateWarnings((object as unknown as WasmDeployment).spec.template),
  WasmDisruptionBudget: (object) => wasmDisruptionBudgetWarnings(object as unknown as WasmDisruptionBudget),
  WasmJob: (object) => jobSpecWarnings((object as unknown as WasmJob).spec, "spec"),
};

function templateWarnings(template: InstanceTemplate): readonly string[] {
  return instanceTemplateWarnings(template, "spec.template");
}

function typed<T>(check: (object: T, old: T | undefined) => readonly FieldError[]): SemanticCheck {
  // The schema, from which T is generated, has accepted both.
  return (object, old) => check(object as unknown as T, old as unknown as T | undefined);
}
