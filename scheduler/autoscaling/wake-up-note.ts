import type { WasmAutoscaler, WasmAutoscalerStatus } from "../../api/gen/kinds.gen.ts";

const note =
  "requests that come at 0 wait until their figures have come here, a second or two: with wakeOnRequest the deployment would be woken at once";

/** It may go to zero, and comes back by its metric only. Gateways hold requests for some seconds, so that is slow, and works. */
export function wakesSlowly({ spec }: WasmAutoscaler, wakesOnRequest: boolean): boolean {
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
