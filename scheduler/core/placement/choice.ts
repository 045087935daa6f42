/** Why one node and no other, in values that cost nothing to keep: the texts are made when somebody asks. */
import type { Explanation } from "./explanation.ts";
import type { NodeView } from "./framework.ts";
import type { NodeHeap } from "./node-heap.ts";
import type { Snapshot } from "./snapshot.ts";

export interface Choice {
  /** The chosen node as it was judged, before the instance was there. */
  readonly view: NodeView;
  readonly score: number;
  /** How many nodes passed every rule, and how many there were. */
  readonly feasibleCount: number;
  readonly nodeCount: number;
  /** Whom it was chosen before; empty: there was no other. */
  readonly runnerUp: string;
  readonly runnerUpScore: number;
}

export interface BatchPlacement {
  /** One name per instance that has a place, in the order of decision. */
  readonly nodeNames: readonly string[];
  /** Beside each name. */
  readonly choices: readonly Choice[];
  /** Why there are fewer than asked for. */
  readonly explanation: Explanation | undefined;
}

/** The heap's top is about to be taken. */
export function choiceOf(snapshot: Snapshot, heap: NodeHeap, view: NodeView): Choice {
  const next = heap.runnerUp();
  return {
    view,
    score: heap.scoreOf(heap.top()),
    feasibleCount: heap.length,
    nodeCount: snapshot.size,
    runnerUp: next < 0 ? "" : snapshot.at(next).node.name,
    runnerUpScore: next < 0 ? 0 : heap.scoreOf(next),
  };
}
