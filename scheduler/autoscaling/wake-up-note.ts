import type { WasmAutoscaler, WasmAutoscalerStatus } from "../../api/gen/kinds.gen.ts";

const note = "requests will not wake it from 0, as wakeOnRequest of the deployment is not set";

/** It may go to zero, and whoever declared it may think that requests bring it back. */
export function requestsWakeNothing({ spec }: WasmAutoscaler, wakesOnRequest: boolean): boolean {
  return (
    spec.minReplicas === 0 && !wakesOnRequest && (spec.metrics ?? []).some(({ type }) => type === "Requests")
  );
}

export function withWakeUpNote(status: WasmAutoscalerStatus): WasmAutoscalerStatus {
  const conditions = status.conditions?.map((condition) =>
    condition.type === "ScalingActive"
      ? { ...condition, message: condition.message === "" ? note : `${condition.message}; ${note}` }
      : condition,
  );
  return conditions === undefined ? status : { ...status, conditions };
}
