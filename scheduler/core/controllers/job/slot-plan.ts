/** Which slots get an instance now, and which instances are too many. */
import { backoffMs } from "../../../../kit/backoff.ts";
import { earliest } from "../../../../kit/timestamps.ts";
import type { WasmJobSpec } from "../../../../api/gen/kinds.gen.ts";
import type { Slot } from "../../model.ts";
import { inRemovalOrder } from "../removal-order.ts";
import { failedCreate, type Step } from "../step.ts";
import { hasWorkQueue, limitsOf } from "./job-limits.ts";
import type { CountedEnd, SlotCensus } from "./slot-census.ts";
import type { SlotAccount, SlotLedger } from "./slot-ledger.ts";

/** Kubernetes waits from 10 s on; an instance here starts in milliseconds. */
const retryBackoff = { initialMs: 1_000, factor: 2, maxMs: 360_000 };

/** Before when indexes that were tried are not tried again; not named: now. `known`: what this said last time. */
export function retryTimes(
  ledger: SlotLedger,
  census: SlotCensus,
  known: ReadonlyMap<number, number>,
  nowMs: number,
): ReadonlyMap<number, number> {
  const times = new Map<number, number>();
  for (const [index, account] of ledger.accounts()) {
    const lastEnd = census.counted.get(index);
    const wasFailure = account.failures > 0;
    // Neither a node whose clock is ahead nor one of ours that was set back makes a wait longer than it may be.
    if (lastEnd !== undefined) {
      const sinceMs = Math.min(lastEnd.finishedMs, nowMs);
      times.set(index, sinceMs + delayMs(lastEnd.kind, account));
    } else {
      const knownMs = known.get(index) ?? (wasFailure ? nowMs + delayMs("failure", account) : nowMs);
      const untilMs = Math.min(knownMs, nowMs + retryBackoff.maxMs);
      // That a failure has waited long enough must be known next time, too: otherwise it would wait anew.
      if (wasFailure || untilMs > nowMs) times.set(index, untilMs);
    }
  }
  return times;
}

function delayMs(kind: CountedEnd["kind"], { attempts, failures }: SlotAccount): number {
  const times = { failure: failures, ignored: attempts, disruption: 1 }[kind];
  return backoffMs(times - 1, retryBackoff);
}

export interface SlotPlan {
  readonly steps: readonly Step[];
  readonly wakeAtMs: number | undefined;
}

export function planSlots(
  spec: WasmJobSpec,
  ledger: SlotLedger,
  census: SlotCensus,
  waits: ReadonlyMap<number, number>,
  refusal: string | undefined,
  nowMs: number,
): SlotPlan {
  const completed = ledger.completed();
  // As in Kubernetes, what still works then goes on whatever parallelism says.
  if (hasWorkQueue(spec) && completed.size > 0) return { steps: [], wakeAtMs: undefined };
  const { parallelism } = spec;
  const excess = census.live.size - parallelism;
  if (excess > 0) {
    const leaving = inRemovalOrder([...census.live.values()]).slice(0, excess);
    const why = `parallelism is ${parallelism}`;
    return { steps: leaving.map(({ uid }) => ({ kind: "stopInstance", uid, why })), wakeAtMs: undefined };
  }
  const steps: Step[] = [];
  let wakeAtMs: number | undefined;
  // A queue has as many workers as parallelism says: none takes the place of one that waits for its next attempt.
  const isQueue = hasWorkQueue(spec);
  let free = parallelism - census.live.size - census.stopping.size - (isQueue ? census.counted.size : 0);
  if (free <= 0) return { steps, wakeAtMs };
  for (const index of completed.union(ledger.givenUp()).missingBelow(limitsOf(spec).slots)) {
    if (census.isOccupied(index)) continue;
    const waitsUntilMs = waits.get(index) ?? nowMs;
    if (waitsUntilMs > nowMs) {
      wakeAtMs = earliest(wakeAtMs, waitsUntilMs);
      if (isQueue && --free === 0) break;
      continue;
    }
    if (refusal !== undefined) return { steps: [failedCreate(refusal)], wakeAtMs };
    const slot: Slot = { index, attempt: ledger.account(index).attempts };
    steps.push({ kind: "createForSlot", slot });
    if (--free === 0) break;
  }
  return { steps, wakeAtMs };
}
