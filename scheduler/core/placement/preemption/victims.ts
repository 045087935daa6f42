/**
 * Who has to leave one node for an instance of a higher priority: as kube-scheduler's default preemption, everybody of a lower
 * priority goes at first, and then as many as possible are reprieved, those whose budget would be violated first, then by
 * priority, then the longer running.
 *
 * Room is a sum, so greedy reprieving needs no trial. What else may stand in the way (a port, an affinity, a device) only the
 * filters know: they are asked once about the result, and where they refuse it, halving finds who blocks.
 */
import type { Instance } from "../../model.ts";
import { footprintOf, isolationOn } from "../../resources.ts";
import type { Snapshot } from "../snapshot.ts";
import { preemptionLimits } from "./limits.ts";
import type { Occupants, Preemptor } from "./preemptor.ts";
import { highestVictimPriority } from "./quick-estimate.ts";

/** What a choice of victims costs, the most important first. */
export interface PreemptionCost {
  readonly budgetViolations: number;
  readonly highestPriority: number;
  /** Of the victims, each counted from the lowest priority there is, so that one more always costs more. */
  readonly prioritySum: number;
  readonly victims: number;
  /** When the first of the highest victims began: what began late has less to lose. */
  readonly startedMs: number;
}

export interface VictimChoice {
  readonly position: number;
  /** Bound instances that have to be stopped. */
  readonly victims: readonly Instance[];
  /** Nominated instances that lose their place, which costs nothing that runs. */
  readonly displaced: readonly Instance[];
  /** How many instances stop there already. */
  readonly stopping: readonly Instance[];
  readonly cost: PreemptionCost;
}

const lowestPriority = -(2 ** 31);

/** `estimate`: what estimateCost says of this node. undefined: it does not take the preemptor, whoever leaves. */
export function chooseVictims(
  snapshot: Snapshot,
  position: number,
  preemptor: Preemptor,
  occupants: Occupants,
  estimate: number,
): VictimChoice | undefined {
  const { name } = snapshot.at(position).node;
  const stopping: Instance[] = [];
  const lower: Instance[] = [];
  const nominees: Instance[] = [];
  for (const instance of occupants.instancesOn(name)) {
    if (instance.state.kind === "stopping") stopping.push(instance);
    else if (instance.state.kind === "bound" && instance.priority < preemptor.priority) lower.push(instance);
  }
  for (const nominee of occupants.nomineesOn(name))
    if (nominee.priority < preemptor.priority) nominees.push(nominee);
  const fitsWithout = (leaving: readonly Instance[]) =>
    preemptor.wouldFit(snapshot, position, [...stopping, ...leaving]);
  const guarded = violatingOf(lower, occupants);
  const choose = (yielding: readonly Instance[]) => {
    const order = [...inReprieveOrder(yielding, guarded), ...nominees.toSorted(moreImportantFirst)];
    return leavingOf(order, roomLeft(snapshot, position, [...stopping, ...order], preemptor), fitsWithout);
  };
  // Not room is in the way, and most likely nobody who could go.
  if (estimate === 0 && !fitsWithout([...lower, ...nominees])) return undefined;
  // What is above the highest victim of the estimate is reprieved as far as room goes, so it need not be sorted. With a budget to
  // respect the order is another.
  const highest = highestVictimPriority(estimate);
  const cheap = lower.filter((one) => one.priority <= highest && !guarded.has(one));
  const leaving = choose(cheap) ?? (cheap.length < lower.length ? choose(lower) : undefined);
  return leaving && choiceOf(position, leaving, stopping, occupants);
}

/** Negative: `a` is the better one. */
export function compareCosts(a: PreemptionCost, b: PreemptionCost): number {
  return (
    a.budgetViolations - b.budgetViolations ||
    (a.highestPriority === b.highestPriority ? 0 : a.highestPriority - b.highestPriority) ||
    a.prioritySum - b.prioritySum ||
    a.victims - b.victims ||
    b.startedMs - a.startedMs
  );
}

interface Rest {
  cpuMillis: number;
  memoryBytes: number;
  instances: number;
  processes: number;
}

/** What is free once all these have left and the preemptor is there. */
function roomLeft(
  snapshot: Snapshot,
  position: number,
  leaving: readonly Instance[],
  { footprint }: Preemptor,
): Rest {
  const { node, committed } = snapshot.at(position);
  const { allocatable } = node;
  const rest: Rest = {
    cpuMillis: allocatable.cpuMillis - committed.cpuMillis - footprint.cpuMillis,
    memoryBytes: allocatable.memoryBytes - committed.memoryBytes - footprint.memoryBytes,
    instances: allocatable.instances - committed.instances - footprint.instances,
    processes: allocatable.processes - committed.processes - footprint.processes,
  };
  // Of what the preemptor wants nothing, nobody has to give it anything, overcommitted as it may be.
  if (footprint.cpuMillis === 0) rest.cpuMillis = Number.POSITIVE_INFINITY;
  if (footprint.memoryBytes === 0) rest.memoryBytes = Number.POSITIVE_INFINITY;
  if (footprint.processes === 0) rest.processes = Number.POSITIVE_INFINITY;
  for (const instance of leaving) take(rest, instance, -1);
  return rest;
}

function take(rest: Rest, instance: Instance, sign: 1 | -1): void {
  const { requests, claims } = instance;
  const footprint = footprintOf({ requests, claims, isolation: isolationOn(instance) });
  rest.cpuMillis -= footprint.cpuMillis * sign;
  rest.memoryBytes -= footprint.memoryBytes * sign;
  rest.instances -= footprint.instances * sign;
  rest.processes -= footprint.processes * sign;
}

/** Which of `order` have to leave. undefined: all of them would be in vain, or too many are in the way for reasons of their own. */
function leavingOf(
  order: readonly Instance[],
  room: Rest,
  fitsWithout: (leaving: readonly Instance[]) => boolean,
): readonly Instance[] | undefined {
  const blockers = new Set<Instance>();
  while (blockers.size <= preemptionLimits.blockersMax) {
    const { kept, leaving } = reprieve(order, room, blockers);
    if (fitsWithout(leaving)) return leaving;
    if (kept.length === 0 || (blockers.size === 0 && !fitsWithout(order))) return undefined;
    blockers.add(firstBlocker(kept, leaving, fitsWithout));
  }
  return undefined;
}

function reprieve(order: readonly Instance[], room: Rest, blockers: ReadonlySet<Instance>) {
  const rest = { ...room };
  const kept: Instance[] = [];
  const leaving: Instance[] = [];
  for (const instance of order) {
    take(rest, instance, 1);
    const fits = rest.cpuMillis >= 0 && rest.memoryBytes >= 0 && rest.instances >= 0 && rest.processes >= 0;
    if (fits && !blockers.has(instance)) {
      kept.push(instance);
      continue;
    }
    take(rest, instance, -1);
    leaving.push(instance);
  }
  return { kept, leaving };
}

/** The first that cannot stay beside those before it. */
function firstBlocker(
  kept: readonly Instance[],
  leaving: readonly Instance[],
  fitsWithout: (leaving: readonly Instance[]) => boolean,
): Instance {
  let mayStay = 0;
  let mayNot = kept.length;
  while (mayNot - mayStay > 1) {
    const middle = (mayStay + mayNot) >> 1;
    if (fitsWithout([...leaving, ...kept.slice(middle)])) mayStay = middle;
    else mayNot = middle;
  }
  return kept[mayNot - 1] as Instance;
}

/** Which of these would be one too many for a budget if all of them left, the more important ones being allowed first. */
function violatingOf(lower: readonly Instance[], occupants: Occupants): ReadonlySet<Instance> {
  const tally = occupants.tally();
  if (tally === undefined) return nobody;
  const selected = lower.filter((one) => tally.isGuarded(one)).toSorted(moreImportantFirst);
  return new Set(selected.filter((one) => !tally.take(one)));
}

const nobody: ReadonlySet<Instance> = new Set();

function inReprieveOrder(
  yielding: readonly Instance[],
  violating: ReadonlySet<Instance>,
): readonly Instance[] {
  const protectedOnes = yielding.filter((one) => violating.has(one));
  const others = protectedOnes.length === 0 ? yielding : yielding.filter((one) => !violating.has(one));
  return [...protectedOnes.toSorted(moreImportantFirst), ...others.toSorted(moreImportantFirst)];
}

/** How many of these are one too many for a budget, if all of them are stopped. */
export function budgetViolations(victims: readonly Instance[], occupants: Occupants): number {
  const tally = occupants.tally();
  return tally === undefined ? 0 : victims.filter((victim) => !tally.take(victim)).length;
}

function moreImportantFirst(a: Instance, b: Instance): number {
  return b.priority - a.priority || startedMs(a) - startedMs(b) || (a.uid < b.uid ? -1 : 1);
}

function startedMs({ state, createdMs }: Instance): number {
  return (state.kind === "pending" ? undefined : state.observed?.startedMs) ?? createdMs;
}

function choiceOf(
  position: number,
  leaving: readonly Instance[],
  stopping: readonly Instance[],
  occupants: Occupants,
): VictimChoice {
  const victims = leaving.filter(({ state }) => state.kind === "bound");
  const displaced = leaving.filter(({ state }) => state.kind === "pending");
  const cost = {
    budgetViolations: budgetViolations(victims, occupants),
    highestPriority: Number.NEGATIVE_INFINITY,
    prioritySum: 0,
    victims: victims.length,
    startedMs: Number.POSITIVE_INFINITY,
  };
  for (const victim of victims) {
    cost.prioritySum += victim.priority - lowestPriority + 1;
    if (victim.priority < cost.highestPriority) continue;
    if (victim.priority > cost.highestPriority) cost.startedMs = Number.POSITIVE_INFINITY;
    cost.highestPriority = victim.priority;
    cost.startedMs = Math.min(cost.startedMs, startedMs(victim));
  }
  return { position, victims, displaced, stopping, cost };
}
