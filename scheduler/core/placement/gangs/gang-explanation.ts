import { explainWithoutNodes, type Explanation } from "../explanation.ts";
import { gangLimits } from "./limits.ts";

/** Why a gang waits: `placed` of it have a place, which is kept for them or not; the next has none. */
export function explainGang(
  size: number,
  placed: number,
  isKept: boolean,
  explanation: Explanation,
): Explanation {
  const have = (count: number) => `${count} ${count === 1 ? "has" : "have"}`;
  const counts = `${have(placed)} a place${isKept ? " reserved" : ""}, ${have(size - placed)} none`;
  return { ...explanation, message: `gang of ${size}: ${counts}: ${explanation.message}` };
}

export function explainGangQuota(
  size: number,
  allowed: number,
  rule: string,
  refusal: string | undefined,
): Explanation {
  const message = `gang of ${size}: the quota lets ${allowed} of it in: ${refusal ?? ""}`;
  return explainWithoutNodes(rule, message);
}

export function explainGangTooLarge(size: number): Explanation {
  const message = `gang of ${size}: at most ${gangLimits.sizeMax} instances can be placed together; lower parallelism, or use placementPolicy Independent`;
  return explainWithoutNodes("gang", message);
}
