import type { Revision } from "../model.ts";
import type { Step } from "./step.ts";

export interface RevisionInput {
  /** The hash of the current template. */
  readonly templateHash: string;
  /** All that are kept, in any order. */
  readonly revisions: readonly Revision[];
  /** Templates that instances still have, or that are gone back to. */
  readonly inUse: ReadonlySet<string>;
  /** Whether the current template may be kept now; false: it is not to be used yet. */
  readonly mayRecord?: boolean;
  /** How many are kept of those that are not in use and that no route names. */
  readonly historyLimit: number;
}

export interface RevisionPlan {
  /** The current template's; undefined until it is kept: no instance is made of it before. */
  readonly current: Revision | undefined;
  readonly steps: readonly Step[];
}

/**
 * The current template is kept under the highest number: one that was kept before and is current again gets a new one, as in
 * Kubernetes. Of those that have no instances any more, and that no route names, the oldest
 * beyond the limit are deleted.
 */
export function planRevisions({
  templateHash,
  revisions,
  inUse,
  mayRecord = true,
  historyLimit,
}: RevisionInput): RevisionPlan {
  const current = revisions.find((revision) => revision.templateHash === templateHash);
  const others = revisions.filter((revision) => revision !== current);
  const highest = others.reduce((most, { number }) => Math.max(most, number), 0);
  const steps: Step[] = [];
  if (mayRecord && (current === undefined || current.number <= highest))
    steps.push({ kind: "recordRevision", revision: { templateHash, number: highest + 1 } });
  const idle = others.filter(({ templateHash: hash, isPinned }) => !inUse.has(hash) && isPinned !== true);
  const surplus = idle
    .toSorted((a, b) => a.number - b.number)
    .slice(0, Math.max(0, idle.length - historyLimit));
  for (const revision of surplus) steps.push({ kind: "deleteRevision", templateHash: revision.templateHash });
  return { current, steps };
}
