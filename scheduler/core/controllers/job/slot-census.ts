import { disruptionReasons, type Instance, type Slot } from "../../model.ts";
import type { SlotLedger } from "./slot-ledger.ts";

export interface CountedEnd {
  readonly finishedMs: number;
  readonly isDisruption: boolean;
}

/** A job's instances by what they mean for its slots. */
export interface SlotCensus {
  /** The one instance that works on each index. */
  readonly live: ReadonlyMap<number, Instance>;
  /** Live ones that no slot needs. */
  readonly extra: readonly Instance[];
  /** Indexes whose instance was told to stop and has not ended yet. */
  readonly stopping: ReadonlySet<number>;
  /** All that have ended; whatever they had to say is in the ledger. */
  readonly ended: readonly Instance[];
  /** Ends without success that were counted just now, so are not durable yet; the last one of each index. */
  readonly counted: ReadonlyMap<number, CountedEnd>;
  /** Failures of attempts under way that restarted in place. */
  readonly restarts: number;
  /** Whether no new attempt of the index may begin now. */
  isOccupied(index: number): boolean;
}

/** Sorts instances into slots, and enters those that ended into the ledger. */
export function takeSlotCensus(
  instances: Iterable<Instance>,
  completions: number,
  ledger: SlotLedger,
): SlotCensus {
  const alive: Instance[] = [];
  const ended: Instance[] = [];
  for (const instance of instances) (instance.state.kind === "ended" ? ended : alive).push(instance);
  const counted = countEnds(ended, completions, ledger);

  const live = new Map<number, Instance>();
  const extra: Instance[] = [];
  const stopping = new Set<number>();
  let restarts = 0;
  for (const instance of alive) {
    const { slot, state } = instance;
    const isNeeded = slot !== undefined && slot.index < completions && !ledger.isOver(slot);
    if (!isNeeded) {
      if (state.kind !== "stopping") extra.push(instance);
      continue;
    }
    restarts += state.kind === "pending" ? 0 : (state.observed?.restarts ?? 0);
    if (state.kind === "stopping") stopping.add(slot.index);
    else extra.push(...seat(live, slot, instance));
  }
  const isOccupied = (index: number) => live.has(index) || stopping.has(index) || counted.has(index);
  return { live, extra, stopping, ended, counted, restarts, isOccupied };
}

/** Earlier attempts first; of two with the same attempt the success, since either of them may be the first. */
function countEnds(
  ended: readonly Instance[],
  completions: number,
  ledger: SlotLedger,
): ReadonlyMap<number, CountedEnd> {
  const counted = new Map<number, CountedEnd>();
  const inOrder = ended.toSorted(
    (a, b) => (a.slot?.attempt ?? 0) - (b.slot?.attempt ?? 0) || failedLast(a) - failedLast(b),
  );
  for (const { slot, state, createdMs } of inOrder) {
    if (state.kind !== "ended" || slot === undefined || slot.index >= completions) continue;
    const outcome = ledger.count(slot, state.observed);
    if (outcome !== "failed" && outcome !== "disrupted") continue;
    counted.set(slot.index, {
      finishedMs: state.observed.finishedMs ?? createdMs,
      isDisruption: disruptionReasons.has(state.observed.reason),
    });
  }
  return counted;
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
