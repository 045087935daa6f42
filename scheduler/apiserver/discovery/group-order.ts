import { compareVersions } from "../crd/version-order.ts";

/**
 * The place of Kubernetes' own groups in discovery, highest first. Where two groups have a kind of the same name, clients
 * take the one that comes first: `events` is core/v1's.
 */
const priorities: ReadonlyMap<string, number> = new Map([
  ["", 18_000],
  ["apps", 17_800],
  ["events.k8s.io", 17_750],
  ["authentication.k8s.io", 17_700],
  ["authorization.k8s.io", 17_600],
  ["rbac.authorization.k8s.io", 17_000],
  ["apiextensions.k8s.io", 16_700],
  ["scheduling.k8s.io", 16_600],
  ["coordination.k8s.io", 16_500],
]);

/** All of them are served in version v1. */
export const builtInGroups: readonly string[] = [...priorities.keys()].sort(compareTexts);

/** Of all groups that come from CustomResourceDefinitions. Among each other, names decide. */
const customPriority = 1_000;

export function compareGroups(a: string, b: string): number {
  const difference = (priorities.get(b) ?? customPriority) - (priorities.get(a) ?? customPriority);
  return difference === 0 ? compareTexts(a, b) : difference;
}

interface GroupVersion {
  readonly group: string;
  readonly version: string;
}

/** The groups in their order, the versions of each with the preferred one first. */
export function compareGroupVersions(a: GroupVersion, b: GroupVersion): number {
  return compareGroups(a.group, b.group) || compareVersions(a.version, b.version);
}

/** By code units, on every machine alike. */
export function compareTexts(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
