import type { NodeCondition } from "../core/model.ts";
import type { Occurrence } from "./event-recorder.ts";

/** The kubelet's names, where it has some. */
const reasons: ReadonlyMap<string, { readonly begins: string; readonly ends: string }> = new Map([
  ["MemoryPressure", { begins: "NodeHasInsufficientMemory", ends: "NodeHasSufficientMemory" }],
  ["PIDPressure", { begins: "NodeHasInsufficientPID", ends: "NodeHasSufficientPID" }],
]);

/** Pressure that begins or ends. Other conditions say what a machine is like, which is no event. */
export function conditionEvents(
  before: readonly NodeCondition[],
  after: readonly NodeCondition[],
): readonly Omit<Occurrence, "involved">[] {
  return after.flatMap(({ type, status, message }) => {
    if (!type.endsWith("Pressure")) return [];
    const was = before.find((one) => one.type === type)?.status ?? false;
    if (was === status) return [];
    const { begins, ends } = reasons.get(type) ?? { begins: `NodeHas${type}`, ends: `NodeHasNo${type}` };
    return [
      status ? { type: "Warning", reason: begins, message } : { type: "Normal", reason: ends, message },
    ];
  });
}
