/** Who is evicted first, as the kubelet ranks: over its request, then by priority, then by how much. */
import type { QosClass } from "../../../api/qos.ts";

export interface EvictionCandidate {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  readonly qos: QosClass;
  readonly priority: number;
  /** Of the short resource. */
  readonly request: number;
  readonly usage: number;
}

const qosRank = { BestEffort: 0, Burstable: 1, Guaranteed: 2 } as const satisfies Record<QosClass, number>;

/**
 * https://kubernetes.io/docs/concepts/scheduling-eviction/node-pressure-eviction/#pod-selection-for-kubelet-eviction, with the
 * class where that leaves a choice: one that was guaranteed what it has goes last.
 */
export function evictionOrder(candidates: readonly EvictionCandidate[]): readonly EvictionCandidate[] {
  return candidates.toSorted(
    (a, b) =>
      Number(isOver(b)) - Number(isOver(a)) ||
      a.priority - b.priority ||
      qosRank[a.qos] - qosRank[b.qos] ||
      b.usage - b.request - (a.usage - a.request) ||
      (a.uid < b.uid ? -1 : 1),
  );
}

function isOver({ usage, request }: EvictionCandidate): boolean {
  return usage > request;
}

/** The first ones of the order whose usage makes up what is wanted. */
export function chooseVictims(
  candidates: readonly EvictionCandidate[],
  wanted: number,
  most: number,
): readonly EvictionCandidate[] {
  const victims: EvictionCandidate[] = [];
  let freed = 0;
  for (const candidate of evictionOrder(candidates)) {
    if (freed >= wanted || victims.length >= most) break;
    victims.push(candidate);
    freed += candidate.usage;
  }
  return victims;
}
