/**
 * Kubernetes' order of versions, best first: v2, v1, v2beta1, v1beta2, v1alpha1, and then whatever has another form, by name.
 * https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definition-versioning/#version-priority
 */
export function compareVersions(a: string, b: string): number {
  const left = rankOf(a);
  const right = rankOf(b);
  if (!left || !right) return left ? -1 : right ? 1 : a < b ? -1 : a > b ? 1 : 0;
  for (const [at, rank] of left.entries()) {
    const difference = (right[at] ?? 0) - rank;
    if (difference !== 0) return difference;
  }
  return 0;
}

const stages: Readonly<Record<string, number>> = { alpha: 1, beta: 2 };

/** Stage, major, minor; undefined for a name of another form. */
function rankOf(version: string): readonly number[] | undefined {
  const match = /^v(\d{1,9})(?:(alpha|beta)(\d{1,9}))?$/.exec(version);
  if (!match) return undefined;
  const [, major, stage = "", minor = "0"] = match;
  return [stages[stage] ?? 3, Number(major), Number(minor)];
}
