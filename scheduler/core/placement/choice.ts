/** Why one node and no other, in values that cost nothing to keep: the texts are made when somebody asks. */
import type { HostPort, NodeCapacity, Resources } from "../model.ts";
import type { Explanation, PluginScore } from "./explanation.ts";
import type { NodeView } from "./framework.ts";
import type { NodeSnapshot } from "./snapshot.ts";

export interface Choice {
  /** The chosen node, with what was on it before the instance was. */
  readonly base: NodeSnapshot;
  readonly committed: NodeCapacity;
  readonly ports: readonly HostPort[];
  readonly ownerInstances: number;
  /** By all placed instances together; shared by a batch. */
  readonly requested: Resources;
  readonly score: number;
  /** Of the rules about domains, whose counts are others now. */
  readonly topologyScores: readonly PluginScore[];
  /** How many nodes passed every rule, and how many there were. */
  readonly feasibleCount: number;
  readonly nodeCount: number;
  /** The best of the others; empty: there was none. */
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

/** The chosen node as plugins saw it. */
export function viewOfChoice({ base, committed, ports, ownerInstances }: Choice): NodeView {
  return { ...base, committed, ports, ownerInstances };
}
