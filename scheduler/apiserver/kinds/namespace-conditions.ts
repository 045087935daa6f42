/** The conditions of a namespace that is being deleted, as Kubernetes' namespace controller words them. */
export interface NamespaceCondition {
  readonly type: string;
  readonly status: "True" | "False";
  readonly lastTransitionTime: string;
  readonly reason: string;
  readonly message: string;
}

/** What is left in the namespace, of one kind. */
export interface RemainingContent {
  /** `configmaps`, `wasmjobs.wherry.dev`. */
  readonly resource: string;
  readonly finalizersOf: readonly (readonly string[])[];
}

/** `before`: the conditions that it has now; a condition that stays as it was keeps its time. `now`: RFC 3339. */
export function namespaceConditions(
  remaining: readonly RemainingContent[],
  before: readonly Partial<NamespaceCondition>[],
  now: string,
): readonly NamespaceCondition[] {
  const content = remaining.filter(({ finalizersOf }) => finalizersOf.length > 0);
  const finalizers = countFinalizers(content);
  const verdicts = [
    verdict(
      "NamespaceDeletionDiscoveryFailure",
      "ResourcesDiscovered",
      "All resources successfully discovered",
    ),
    verdict(
      "NamespaceDeletionGroupVersionParsingFailure",
      "ParsedGroupVersions",
      "All legacy kube types successfully parsed",
    ),
    verdict(
      "NamespaceDeletionContentFailure",
      "ContentDeleted",
      "All content successfully deleted, may be waiting on finalization",
    ),
    content.length === 0
      ? verdict("NamespaceContentRemaining", "ContentRemoved", "All content successfully removed")
      : verdict(
          "NamespaceContentRemaining",
          "SomeResourcesRemain",
          `Some resources are remaining: ${content.map(({ resource, finalizersOf }) => `${resource} has ${finalizersOf.length} resource instances`).join(", ")}`,
          "True",
        ),
    finalizers.length === 0
      ? verdict(
          "NamespaceFinalizersRemaining",
          "ContentHasNoFinalizers",
          "All content-preserving finalizers finished",
        )
      : verdict(
          "NamespaceFinalizersRemaining",
          "SomeFinalizersRemain",
          `Some content in the namespace has finalizers remaining: ${finalizers.map(([name, count]) => `${name} in ${count} resource instances`).join(", ")}`,
          "True",
        ),
  ];
  return verdicts.map((one) => {
    const same = before.find(({ type, status }) => type === one.type && status === one.status);
    return { ...one, lastTransitionTime: same?.lastTransitionTime ?? now };
  });
}

function verdict(
  type: string,
  reason: string,
  message: string,
  status: "True" | "False" = "False",
): Omit<NamespaceCondition, "lastTransitionTime"> {
  return { type, status, reason, message };
}

function countFinalizers(content: readonly RemainingContent[]): readonly (readonly [string, number])[] {
  const counts = new Map<string, number>();
  for (const { finalizersOf } of content)
    for (const finalizer of finalizersOf.flat()) counts.set(finalizer, (counts.get(finalizer) ?? 0) + 1);
  return [...counts].toSorted(([a], [b]) => (a < b ? -1 : 1));
}
