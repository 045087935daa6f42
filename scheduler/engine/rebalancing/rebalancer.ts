/**
 * Moves instances to nodes that are clearly better for them by now, for workloads that ask for it (rebalancePolicy).
 *
 *   rest ──nodes changed, or room was freed──▶ settle ──▶ look ──all looked at, none better──▶ rest
 *                                                          │ ▲
 *          another instance is made on the better node,    ▼ │ the old one has gone, or the move was given up
 *          and the old one is to leave                     move
 *
 * Make before break: the new instance is placed before the old one is told anything, the workload's controller lets the
 * old one go once enough others are available, and the disruption budgets have the last word. A new instance that does not become
 * available in time, or ends, ends the move: the old one stays, and the node that failed it is not tried for it again.
 *
 * Invariants: at most `movesMax` moves at once, one of a workload; a look judges a bounded number of nodes; nothing runs while
 * nothing changes. What is known of moves is this leader's alone: the next one finds one instance more than is wanted, and its
 * controller removes the less ready.
 */
import type { Clock, Timer } from "../../../kit/clock.ts";
import type { InstanceChange } from "../../core/cluster-state/changes.ts";
import type { ClusterState } from "../../core/cluster-state/cluster-state.ts";
import { inRemovalOrder, isLive } from "../../core/controllers/removal-order.ts";
import type { Instance } from "../../core/model.ts";
import { type MoveVerdict, weighMove } from "../../core/rebalancing/weigh-move.ts";
import type { EventRecorder } from "../event-recorder.ts";
import { ownerApiVersion } from "../instance-object.ts";
import { rebalancingLimits as limits } from "./limits.ts";

export interface RebalancerOptions {
  readonly state: ClusterState;
  readonly clock: Clock;
  readonly events: Pick<EventRecorder, "record">;
  /** Uids of workloads whose instances may move now: they ask for it, and are as they should be. */
  readonly movable: () => Iterable<string>;
  readonly mayDisrupt: (instance: Instance) => boolean;
  /** What the rules say of every node for this instance, as if it were nowhere, and (`staying`) as things are. */
  readonly reports: (instance: Instance, staying: boolean) => Parameters<typeof weighMove>[0];
  /** Makes another one of its template on that node. undefined: the node or a quota does not take it. */
  readonly makeOn: (instance: Instance, nodeName: string) => Instance | undefined;
  /** Says of an instance that it should go (why), or may stay (undefined). */
  readonly setLeaving: (uid: string, why: string | undefined) => void;
}

interface Move {
  readonly oldUid: string;
  readonly newUid: string;
  readonly to: string;
  readonly untilMs: number;
}

type Stage = "resting" | "settling" | "looking";

export class Rebalancer {
  readonly #options: RebalancerOptions;
  /** By the workload's uid. */
  readonly #moves = new Map<string, Move>();
  /** Nodes that have failed an instance, by its uid. */
  readonly #failed = new Map<string, Set<string>>();
  /** Workloads, and of each the nodes, that this look and the ones before have not come to. */
  #agenda: string[] = [];
  /** Something has changed since the agenda was made. */
  #isOutdated = false;
  #nodesLeft: Instance[] = [];
  #stage: Stage = "resting";
  #timer: Timer | undefined;
  #isClosed = false;

  constructor(options: RebalancerOptions) {
    this.#options = options;
  }

  /** A node came, went or changed, or a workload may be moved now: some nodes may be better than where instances are. */
  wake(): void {
    if (this.#stage === "resting") this.#rest("settling", limits.settleMs);
    else this.#isOutdated = true;
  }

  instanceChanged({ kind, instance, freedOn }: InstanceChange): void {
    if (kind === "removed") this.#failed.delete(instance.uid);
    const move = this.#moves.get(instance.owner.uid);
    if (move !== undefined) this.#follow(move, kind === "removed" || !isLive(instance), instance);
    else if (freedOn !== undefined) this.wake();
  }

  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
  }

  #follow(move: Move, isGone: boolean, { uid, owner }: Instance): void {
    if (!isGone || (uid !== move.oldUid && uid !== move.newUid)) return;
    this.#moves.delete(owner.uid);
    if (uid === move.newUid) this.#giveUp(move);
    this.#rest("looking", limits.pauseMs);
  }

  #giveUp({ oldUid, to }: Move): void {
    if (this.#options.state.instance(oldUid) === undefined) return;
    const failed = this.#failed.get(oldUid) ?? new Set();
    this.#failed.set(oldUid, failed.add(to));
    this.#options.setLeaving(oldUid, undefined);
  }

  #rest(stage: Stage, forMs: number): void {
    if (this.#isClosed) return;
    this.#timer?.cancel();
    this.#stage = stage;
    this.#timer = this.#options.clock.setTimer(forMs, () => this.#look());
  }

  #look(): void {
    const nowMs = this.#options.clock.monotonic();
    this.#endLate(nowMs);
    if (this.#agenda.length === 0 && this.#nodesLeft.length === 0) {
      this.#agenda = [...this.#options.movable()];
      this.#isOutdated = false;
    }
    this.#stage = "looking";
    let left: number = limits.reportsPerLook;
    while (left > 0 && this.#moves.size < limits.movesMax) {
      const instance = this.#next();
      if (instance === undefined) break;
      left -= this.#consider(instance, nowMs);
    }
    if (this.#agenda.length > 0 || this.#nodesLeft.length > 0) this.#rest("looking", limits.pauseMs);
    else if (this.#isOutdated) this.#rest("looking", limits.settleMs);
    else if (this.#moves.size > 0) this.#rest("looking", this.#nextEndMs(nowMs));
    else this.#stage = "resting";
  }

  #endLate(nowMs: number): void {
    for (const [ownerUid, move] of this.#moves) {
      if (move.untilMs > nowMs) continue;
      this.#moves.delete(ownerUid);
      this.#giveUp(move);
    }
  }

  #nextEndMs(nowMs: number): number {
    const ends = [...this.#moves.values()].map(({ untilMs }) => untilMs);
    return Math.max(0, Math.min(...ends) - nowMs);
  }

  /** One instance of each node of each workload: those of one node are as good as each other. */
  #next(): Instance | undefined {
    for (;;) {
      const instance = this.#nodesLeft.pop();
      if (instance !== undefined) {
        if (!this.#moves.has(instance.owner.uid)) return instance;
        continue;
      }
      const ownerUid = this.#agenda.pop();
      if (ownerUid === undefined) return undefined;
      if (!this.#moves.has(ownerUid)) this.#nodesLeft = this.#oneOfEachNode(ownerUid);
    }
  }

  /** From the node that has fewest of them to the one that has most, which is looked at first. */
  #oneOfEachNode(ownerUid: string): Instance[] {
    const { state, clock } = this.#options;
    const bornBeforeMs = clock.now() - limits.ageMinMs;
    const onNode = new Map<string, Instance[]>();
    for (const instance of state.instancesOwnedBy(ownerUid)) {
      if (instance.state.kind !== "bound") continue;
      if (instance.createdMs > bornBeforeMs) {
        // Its time comes without anything changing.
        this.#isOutdated = true;
        continue;
      }
      const group = onNode.get(instance.state.nodeName);
      if (group === undefined) onNode.set(instance.state.nodeName, [instance]);
      else group.push(instance);
    }
    return [...onNode.values()]
      .sort((a, b) => a.length - b.length)
      .flatMap((group) => inRemovalOrder(group).slice(0, 1));
  }

  /** Returns how many nodes were judged. */
  #consider(known: Instance, nowMs: number): number {
    const { state, reports, mayDisrupt } = this.#options;
    // A look before this one listed it.
    const instance = state.instance(known.uid);
    if (instance?.state.kind !== "bound" || instance.leaving !== undefined || !mayDisrupt(instance)) return 1;
    if (state.node(instance.state.nodeName)?.connection.kind !== "connected") return 1;
    const free = reports(instance, false);
    let takers: ReadonlySet<string> | undefined;
    const failed = this.#failed.get(instance.uid);
    const verdict = weighMove(free, instance.state.nodeName, limits.gainMin, (nodeName) => {
      if (failed?.has(nodeName)) return false;
      takers ??= new Set(
        reports(instance, true)
          .filter(({ kind }) => kind === "feasible")
          .map((report) => report.nodeName),
      );
      return takers.has(nodeName);
    });
    if (verdict.kind === "move") this.#move(instance, verdict, nowMs);
    return Math.max(1, free.length * (takers === undefined ? 1 : 2));
  }

  #move(instance: Instance, { nodeName, why }: MoveVerdict & { readonly kind: "move" }, nowMs: number): void {
    const { makeOn, setLeaving, events } = this.#options;
    const replacement = makeOn(instance, nodeName);
    if (replacement === undefined) return;
    const { uid, name, namespace, owner } = instance;
    this.#moves.set(owner.uid, {
      oldUid: uid,
      newUid: replacement.uid,
      to: nodeName,
      untilMs: nowMs + limits.moveMsMax,
    });
    setLeaving(uid, `it moves to ${nodeName}: ${why}`);
    events.record({
      involved: { apiVersion: ownerApiVersion, ...owner, namespace },
      type: "Normal",
      reason: "Rebalanced",
      message: `instance ${name} moves, ${replacement.name} takes its place: ${why}`,
    });
  }
}
