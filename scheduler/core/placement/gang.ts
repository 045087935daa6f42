import { explainWithoutNodes, type Explanation } from "./explanation.ts";

/** Instances that are placed in one turn at most: some tenths of a second, in which sessions and the API have to wait. */
export const gangSizeMax = 10_000;

/** Why a gang waits: `placed` of it have a place, the next has none. */
export function explainGang(size: number, placed: number, explanation: Explanation): Explanation {
  const have = `${placed} ${placed === 1 ? "has" : "have"} a place, ${size - placed} ${size - placed === 1 ? "has" : "have"} none`;
  return { ...explanation, message: `gang of ${size}: ${have}: ${explanation.message}` };
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
  const message = `gang of ${size}: at most ${gangSizeMax} instances can be placed together; lower parallelism, or use placementPolicy Independent`;
  return explainWithoutNodes("gang", message);
}
