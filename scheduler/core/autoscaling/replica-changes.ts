/**
 * What an autoscaler has added and taken away within the periods of its policies, and what the policies allow after that.
 *
 * Bounded: changes that are as old as each other, to a sixteenth of their age, become one, at the later of their times. So a policy
 * whose period is full may wait for up to a sixteenth of it longer, never shorter, and two hundred entries are enough for any past.
 */
import { assertNever } from "../../../kit/errors.ts";
import type { ScalingBehavior, ScalingPolicy, ScalingRules } from "./scaling-rules.ts";

export interface ReplicaChange {
  readonly atMs: number;
  readonly added: number;
  readonly removed: number;
}

const partsOfAge = 16;
const shortestMs = 1_000;

/** What was there before, without what no policy asks for any more, and the change from one number to another. */
export function withChange(
  changes: readonly ReplicaChange[],
  { from, to }: { readonly from: number; readonly to: number },
  behavior: ScalingBehavior,
  nowMs: number,
): readonly ReplicaChange[] {
  const longestMs = longestPeriod(behavior);
  const result: ReplicaChange[] = [];
  const change = { atMs: nowMs, added: Math.max(0, to - from), removed: Math.max(0, from - to) };
  for (const next of [...changes.filter(({ atMs }) => atMs + longestMs > nowMs), change]) {
    const last = result.at(-1);
    if (last === undefined || !isOneCell(last.atMs, next.atMs, nowMs)) result.push(next);
    else
      result[result.length - 1] = {
        atMs: next.atMs,
        added: last.added + next.added,
        removed: last.removed + next.removed,
      };
  }
  return result;
}

/** Cells are powers of two wide and lie within each other, so that times move by less than one however often entries are merged. */
function isOneCell(a: number, b: number, nowMs: number): boolean {
  const level = Math.floor(Math.log2(Math.max(shortestMs, nowMs - b) / shortestMs));
  const cellMs = (shortestMs * 2 ** level) / partsOfAge;
  return Math.floor(a / cellMs) === Math.floor(b / cellMs);
}

function longestPeriod({ up, down }: ScalingBehavior): number {
  return Math.max(0, ...[...up.policies, ...down.policies].map(({ periodMs }) => periodMs));
}

/** The most that there may be now; never less than there are. */
export function upLimit(
  rules: ScalingRules,
  changes: readonly ReplicaChange[],
  current: number,
  nowMs: number,
): number {
  const limits = rules.policies.map((policy) => {
    const before = startOf(policy, changes, current, nowMs);
    // From nothing, any share would be nothing.
    if (policy.kind === "percent") return Math.ceil((Math.max(1, before) * (100 + policy.value)) / 100);
    return before + policy.value;
  });
  switch (rules.select) {
    case "Disabled":
      return current;
    case "Max":
      return Math.max(current, ...limits);
    case "Min":
      return Math.max(current, Math.min(...limits));
    default:
      return assertNever(rules.select, "selectPolicy");
  }
}

/** The fewest that there may be now; never more than there are. */
export function downLimit(
  rules: ScalingRules,
  changes: readonly ReplicaChange[],
  current: number,
  nowMs: number,
): number {
  const limits = rules.policies.map((policy) => {
    const before = startOf(policy, changes, current, nowMs);
    if (policy.kind === "percent") return Math.max(0, Math.floor((before * (100 - policy.value)) / 100));
    return Math.max(0, before - policy.value);
  });
  switch (rules.select) {
    case "Disabled":
      return current;
    case "Max":
      return Math.min(current, ...limits);
    case "Min":
      return Math.min(current, Math.max(...limits));
    default:
      return assertNever(rules.select, "selectPolicy");
  }
}

/** When the first of the changes leaves the period of a policy; undefined: there is none. */
export function limitEnd(
  { select, policies }: ScalingRules,
  changes: readonly ReplicaChange[],
  nowMs: number,
): number | undefined {
  if (select === "Disabled") return undefined;
  const ends = policies.flatMap(({ periodMs }) => {
    const first = changes.find(({ atMs }) => atMs + periodMs > nowMs);
    return first === undefined ? [] : [first.atMs + periodMs];
  });
  return ends.length === 0 ? undefined : Math.min(...ends);
}

/** How many there were when the policy's period began. */
function startOf(
  { periodMs }: ScalingPolicy,
  changes: readonly ReplicaChange[],
  current: number,
  nowMs: number,
): number {
  let before = current;
  for (const { atMs, added, removed } of changes) if (atMs + periodMs > nowMs) before += removed - added;
  return Math.max(0, before);
}
