import { assertNever } from "../../../../kit/errors.ts";
import type { Instance, ObservedStatus, Slot } from "../../model.ts";
import { isReady } from "../availability.ts";
import type { Counted, SlotLedger } from "./slot-ledger.ts";

/** An end without success, and how long the next attempt waits for its sake. */
export interface CountedEnd {
  readonly finishedMs: number;
  /** `failure`: the longer the more failures; `ignored`: the longer the more attempts; `disruption`: always the same. */
  readonly kind: "failure" | "ignored" | "disruption";
}

/** An end that a rule of the failure policy lets the whole job fail for. */
export interface FatalEnd {
  readonly instance: string;
  readonly slot: Slot;
  readonly end: ObservedStatus;
  /** The rule's place in the policy. */
  readonly rule: number;
}

/** A job's instances by what they mean for its slots. */
export interface SlotCensus {
  /** The one instance that works on each index. */
  readonly live: ReadonlyMap<number, Instance>;
  /** Live ones that no slot needs. */
  readonly extra: readonly Instance[];
  /** Indexes whose instance was told to stop and has not ended yet. */
  readonly stopping: ReadonlySet<number>;
  /** How many were told to stop and have not ended yet, whether or not a slot needs them. */
  readonly terminating: number;
  /** How many of the live ones are ready. */
  readonly ready: number;
  /** All that have ended; whatever they had to say is in the ledger. */
  readonly ended: readonly Instance[];
  /** Ends without success that were counted just now, so are not durable yet; the last one of each index. */
  readonly counted: ReadonlyMap<number, CountedEnd>;
  /** The first of these that lets the job fail. */
  readonly fatal: FatalEnd | undefined;
  /** Failures of attempts under way that restarted in place. */
  readonly restarts: number;
  /** Whether no new attempt of the index may begin now. */
  isOccupied(index: number): boolean;
}

/** Sorts instances into slots, of which there are `limit`, and enters those that ended into the ledger. */
export function takeSlotCensus(instances: Iterable<Instance>, limit: number, ledger: SlotLedger): SlotCensus {
  const alive: Instance[] = [];
  const ended: Instance[] = [];
  for (const instance of instances) (instance.state.kind === "ended" ? ended : alive).push(instance);
  const { counted, fatal } = countEnds(ended, limit, ledger);

  const live = new Map<number, Instance>();
  const extra: Instance[] = [];
  const stopping = new Set<number>();
  let terminating = 0;
  let restarts = 0;
  for (const instance of alive) {
    const { slot, state } = instance;
    if (state.kind === "stopping") terminating++;
    const isNeeded = slot !== undefined && slot.index < limit && !ledger.isOver(slot);
    if (!isNeeded) {
      if (state.kind !== "stopping") extra.push(instance);
      continue;
    }
    restarts += state.kind === "pending" ? 0 : (state.observed?.restarts ?? 0);
    if (state.kind === "stopping") stopping.add(slot.index);
    else extra.push(...seat(live, slot, instance));
  }
  const ready = [...live.values()].filter(isReady).length;
  const isOccupied = (index: number) => live.has(index) || stopping.has(index) || counted.has(index);
  return { live, extra, stopping, terminating, ready, ended, counted, fatal, restarts, isOccupied };
}

/** Earlier attempts first; of two with the same attempt the success, since either of them may be the first. */
function countEnds(
  ended: readonly Instance[],
  limit: number,
  ledger: SlotLedger,
): Pick<SlotCensus, "counted" | "fatal"> {
  const counted = new Map<number, CountedEnd>();
  let fatal: FatalEnd | undefined;
  const inOrder = ended.toSorted(
    (a, b) => (a.slot?.attempt ?? 0) - (b.slot?.attempt ?? 0) || failedLast(a) - failedLast(b),
  );
  for (const { slot, state, createdMs, name } of inOrder) {
    if (state.kind !== "ended" || slot === undefined || slot.index >= limit) continue;
    const end = state.observed;
    const outcome = ledger.count(slot, end);
    if (outcome.kind === "jobFailed") fatal ??= { instance: name, slot, end, rule: outcome.rule };
    const kind = waitOf(outcome);
    if (kind !== undefined) counted.set(slot.index, { finishedMs: end.finishedMs ?? createdMs, kind });
  }
  return { counted, fatal };
}

function waitOf(outcome: Counted): CountedEnd["kind"] | undefined {
  switch (outcome.kind) {
    case "succeeded":
    case "countedBefore":
      return undefined;
    case "disrupted":
      return "disruption";
    case "ignored":
      return "ignored";
    case "counted":
    case "indexFailed":
    case "jobFailed":
      return "failure";
    default:
      return assertNever(outcome, "outcome of counting an end");
  }
}

function failedLast({ state }: Instance): number {
  return state.kind === "ended" && state.observed.phase === "Succeeded" ? 0 : 1;
}

/** Puts an instance on its index; returns the one that must leave if there are two. */
function seat(live: Map<number, Instance>, slot: Slot, instance: Instance): readonly Instance[] {
  const other = live.get(slot.index);
  if (other !== undefined && !goesBefore(instance, other)) return [instance];
  live.set(slot.index, instance);
  return other === undefined ? [] : [other];
}

/** The one that has a node, then the older one. */
function goesBefore(a: Instance, b: Instance): boolean {
  if (a.state.kind !== b.state.kind) return a.state.kind === "bound";
  return a.createdMs < b.createdMs || (a.createdMs === b.createdMs && a.uid < b.uid);
}
