/** What one attempt asks of one place. */
import type { RuleEntry } from "../../api/route-table.ts";
import type { RequestHead } from "../link/exchange.ts";
import type { Backend } from "./workload.ts";
import type { ClientRequest } from "./client-side.ts";
import { hostOr, type MatchedPath } from "./core/rewrite.ts";
import { gatewayLimits } from "./limits.ts";

export interface AttemptFacts {
  readonly request: ClientRequest;
  readonly rule: RuleEntry;
  /** As the instance is to see it. */
  readonly path: MatchedPath;
  readonly workload: string;
  readonly templateHash: string | undefined;
  /** Of the route; infinite: it has none. */
  readonly wholeDueMs: number;
}

export function headFor(
  facts: AttemptFacts,
  place: Backend,
  attemptDueMs: number,
  nowMs: number,
): RequestHead {
  const { request, rule, workload, templateHash, wholeDueMs } = facts;
  const { path, matchedLength } = facts.path;
  // What the gateway allows an attempt beyond the instance's own limit is not the instance's to use.
  const dueMs = rule.attemptTimeoutMs > 0 ? Math.min(attemptDueMs, wholeDueMs) : wholeDueMs;
  return {
    target:
      place.kind === "local"
        ? { kind: "instance", uid: place.uid }
        : { kind: "workload", uid: workload, templateHash: templateHash ?? "" },
    method: request.method,
    scheme: request.scheme,
    authority: hostOr(rule.rewrite?.hostname, request.authority),
    path: request.query === "" ? path : path + request.query,
    matchedPath: matchedLength === 0 ? "" : path.slice(0, matchedLength),
    headers: request.headers.list,
    clientAddress: request.clientAddress,
    clientPort: request.clientPort,
    timeoutMs: Number.isFinite(dueMs) ? Math.max(1, Math.ceil(dueMs - nowMs)) : 0,
    bodyLength: request.bodyLength,
    ...(request.upgrade === undefined ? {} : { upgrade: request.upgrade }),
    ...(request.call === undefined ? {} : { call: request.call }),
  };
}

/** How long an attempt may take there until its answer begins. */
export function attemptMsMax(rule: RuleEntry, place: Backend): number {
  return Math.min(wholeAttemptMs(rule), place.kind === "remote" ? gatewayLimits.remoteMs : localMsMax(place));
}

/** … and to the end of its answer, as HTTPRoute has it. */
export function wholeAttemptMs({ attemptTimeoutMs }: RuleEntry): number {
  return attemptTimeoutMs > 0 ? attemptTimeoutMs : Number.POSITIVE_INFINITY;
}

/** For how long nothing of an answer that has begun may come, nor of its request. */
export function idleMsMax(place: Backend): number {
  if (place.kind === "remote") return gatewayLimits.remoteMs;
  const { idleTimeoutMs = gatewayLimits.idleMs, reach } = place.attached.endpoint;
  return reach.kind === "shim" ? idleTimeoutMs + gatewayLimits.shimGraceMs : idleTimeoutMs;
}

/** A shim ends requests by itself, and knows more of them than that they took too long. */
export function localMsMax(place: Backend & { readonly kind: "local" }): number {
  const { timeoutMs, reach } = place.attached.endpoint;
  return reach.kind === "shim" ? timeoutMs + gatewayLimits.shimGraceMs : timeoutMs;
}

/** Other nodes see to it themselves. */
export function bodyBytesMaxOf(place: Backend): number {
  return place.kind === "local" ? place.attached.endpoint.bodyBytesMax : Number.POSITIVE_INFINITY;
}
