import type { WasmRoute } from "../../../api/gen/kinds.gen.ts";
import { hostnamesOf } from "./compile-route.ts";

const secondMs = 1_000;

/**
 * Since when a route names each of its hostnames: a host belongs to whoever has named it first, not to whoever has the oldest
 * route. `before` is what this said of the route last; undefined: it is new to this scheduler, and its status tells whether it had
 * its hosts. In whole seconds, as the times of creation are, so that of one second the older route counts.
 */
export function namedSince(
  route: WasmRoute,
  before: ReadonlyMap<string, number> | undefined,
  nowMs: number,
): ReadonlyMap<string, number> {
  const otherwise = before === undefined ? sinceOfUnknown(route, nowMs) : floor(nowMs);
  return new Map(hostnamesOf(route).map((hostname) => [hostname, before?.get(hostname) ?? otherwise]));
}

function sinceOfUnknown({ metadata, status }: WasmRoute, nowMs: number): number {
  const { generation, creationTimestamp } = metadata;
  const accepted = status?.conditions?.find(({ type }) => type === "Accepted");
  const isCurrent = accepted !== undefined && accepted.observedGeneration === generation;
  if (isCurrent && accepted.status !== "True") return Number.POSITIVE_INFINITY;
  // Nobody has looked at it since it was edited: what it names may be new.
  return isCurrent || (generation ?? 1) === 1 ? floor(Date.parse(creationTimestamp)) : floor(nowMs);
}

function floor(ms: number): number {
  return Math.floor(ms / secondMs) * secondMs;
}
