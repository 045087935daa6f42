import type { NodeCondition } from "../core/model.ts";
import type { Occurrence } from "./event-recorder.ts";

/** As long as Kubernetes lets an event's reason be. */
const reasonLengthMax = 128;

/**
 * Pressure that begins or ends, with the reason that the node gives (NodeHasInsufficientMemory, NodeHasSufficientMemory).
 * Other conditions say what a machine is like, which is no event.
 */
export function conditionEvents(
  before: readonly NodeCondition[],
  after: readonly NodeCondition[],
): readonly Omit<Occurrence, "involved">[] {
  return after.flatMap(({ type, status, reason, message }) => {
    if (!type.endsWith("Pressure")) return [];
    const was = before.find((one) => one.type === type)?.status ?? false;
    if (was === status) return [];
    return [{ type: status ? "Warning" : "Normal", reason: reason.slice(0, reasonLengthMax), message }];
  });
}
