import type { Condition } from "../../api/gen/kinds.gen.ts";
import { assertNever } from "../../kit/errors.ts";
import type { Occurrence } from "./event-recorder.ts";

type NodeEvent = Omit<Occurrence, "involved">;

/** As long as Kubernetes lets an event's reason be. */
const reasonLengthMax = 128;

/** What is worth an event when a node's conditions change: that it comes, goes or is lost, and its pressure. */
export function conditionEvents(
  before: readonly Condition[],
  after: readonly Condition[],
): readonly NodeEvent[] {
  return after.flatMap((condition) => {
    const known = before.find(({ type }) => type === condition.type)?.status;
    if (known === condition.status) return [];
    if (condition.type === "Ready") return readyEvent(condition, known);
    return condition.type.endsWith("Pressure") ? pressureEvent(condition, known) : [];
  });
}

/** A node that has never been ready is only on its way. */
function readyEvent(
  { status, message }: Condition,
  known: Condition["status"] | undefined,
): readonly NodeEvent[] {
  switch (status) {
    case "True":
      return [{ type: "Normal", reason: "NodeReady", message }];
    case "Unknown":
      return known === "True" ? [{ type: "Warning", reason: "NodeNotReady", message }] : [];
    case "False":
      return [{ type: "Warning", reason: "NodeLost", message }];
    default:
      return assertNever(status, "status");
  }
}

/** With the node's own reason (NodeHasInsufficientMemory, NodeHasSufficientMemory). That nothing is known now is none. */
function pressureEvent(condition: Condition, known: Condition["status"] | undefined): readonly NodeEvent[] {
  const { status, message } = condition;
  const reason = condition.reason.slice(0, reasonLengthMax);
  if (status === "True") return [{ type: "Warning", reason, message }];
  return status === "False" && known === "True" ? [{ type: "Normal", reason, message }] : [];
}
