/** What nodes say of instances, compared with what they have said before; and what is said in their place. */
import type { InstanceState, ObservedStatus } from "../model.ts";

/** Why an instance is over although its node did not say so. */
export interface DeclaredEnd {
  readonly reason: string;
  readonly message: string;
  readonly nowMs: number;
}

export function isFinal(status: ObservedStatus): boolean {
  return status.phase === "Succeeded" || status.phase === "Failed";
}

export function isOlder(status: ObservedStatus, known: ObservedStatus | undefined): boolean {
  return known !== undefined && status.sequence <= known.sequence;
}

/** Whether a node says of an instance what it has said before. */
export function isSame(status: ObservedStatus, known: ObservedStatus | undefined): boolean {
  return (
    status.sequence === known?.sequence &&
    status.phase === known.phase &&
    status.reason === known.reason &&
    status.ready === known.ready &&
    status.restarts === known.restarts
  );
}

export function isSameEnd(held: InstanceState, known: InstanceState & { readonly kind: "ended" }): boolean {
  if (held.kind !== "ended" || held.nodeName !== known.nodeName) return false;
  const { phase, reason, finishedMs } = held.observed;
  return (
    phase === known.observed.phase &&
    reason === known.observed.reason &&
    finishedMs === known.observed.finishedMs
  );
}

export function endedStatus(known: ObservedStatus | undefined, end: DeclaredEnd): ObservedStatus {
  return {
    phase: "Failed",
    ready: false,
    reason: end.reason,
    message: end.message,
    exitCode: undefined,
    restarts: known?.restarts ?? 0,
    startedMs: known?.startedMs,
    readySinceMs: undefined,
    finishedMs: end.nowMs,
    lastTermination: known?.lastTermination,
    logsDropped: known?.logsDropped ?? false,
    sequence: known?.sequence ?? 0,
    isolation: known?.isolation,
  };
}
