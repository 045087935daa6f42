import type {
  WasmAutoscaler,
  WasmCronJob,
  WasmDaemonSet,
  WasmDeployment,
  WasmDisruptionBudget,
  WasmJob,
  WasmNode,
  WasmRoute,
} from "../gen/kinds.gen.ts";
import type { ApiObject } from "../object-meta.ts";
import type { FieldError } from "./field-error.ts";
import { validateWasmAutoscaler } from "./wasm-autoscaler.ts";
import { wasmAutoscalerWarnings } from "./wasm-autoscaler-warnings.ts";
import { validateWasmCronJob } from "./wasm-cron-job.ts";
import { jobSpecWarnings } from "./job-spec.ts";
import { validateWasmDaemonSet, wasmDaemonSetWarnings } from "./wasm-daemon-set.ts";
import { validateWasmDeployment, wasmDeploymentWarnings } from "./wasm-deployment.ts";
import { validateWasmDisruptionBudget, wasmDisruptionBudgetWarnings } from "./wasm-disruption-budget.ts";
import { validateWasmJob } from "./wasm-job.ts";
import { validateWasmNode } from "./wasm-node.ts";
import { validateWasmRoute, wasmRouteWarnings } from "./wasm-route.ts";

export type SemanticCheck = (object: ApiObject, old: ApiObject | undefined) => readonly FieldError[];

/** What a schema cannot say, by kind. Each check gets objects that the kind's schema has accepted. */
export const semanticChecks: Readonly<Record<string, SemanticCheck>> = {
  WasmAutoscaler: typed<WasmAutoscaler>(validateWasmAutoscaler),
  WasmCronJob: typed<WasmCronJob>(validateWasmCronJob),
  WasmDaemonSet: typed<WasmDaemonSet>(validateWasmDaemonSet),
  WasmDeployment: typed<WasmDeployment>(validateWasmDeployment),
  WasmDisruptionBudget: typed<WasmDisruptionBudget>(validateWasmDisruptionBudget),
  WasmJob: typed<WasmJob>(validateWasmJob),
  WasmNode: typed<WasmNode>(validateWasmNode),
  WasmRoute: typed<WasmRoute>(validateWasmRoute),
};

/** What clients are told beside the answer, by kind: of what is legal, and probably not what was meant. */
export const semanticWarnings: Readonly<Record<string, (object: ApiObject) => readonly string[]>> = {
  WasmAutoscaler: (object) => wasmAutoscalerWarnings(object as unknown as WasmAutoscaler),
  WasmCronJob: (object) =>
    jobSpecWarnings((object as unknown as WasmCronJob).spec.jobTemplate.spec, "spec.jobTemplate.spec"),
  WasmDaemonSet: (object) => wasmDaemonSetWarnings(object as unknown as WasmDaemonSet),
  WasmDeployment: (object) => wasmDeploymentWarnings(object as unknown as WasmDeployment),
  WasmDisruptionBudget: (object) => wasmDisruptionBudgetWarnings(object as unknown as WasmDisruptionBudget),
  WasmJob: (object) => jobSpecWarnings((object as unknown as WasmJob).spec, "spec"),
  WasmRoute: (object) => wasmRouteWarnings(object as unknown as WasmRoute),
};

function typed<T>(check: (object: T, old: T | undefined) => readonly FieldError[]): SemanticCheck {
  // The schema, from which T is generated, has accepted both.
  return (object, old) => check(object as unknown as T, old as unknown as T | undefined);
}
