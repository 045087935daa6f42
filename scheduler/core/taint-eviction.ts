import type { NodeTaint, Toleration } from "./model.ts";
import { tolerates } from "./placement/plugins/taints-and-tolerations/tolerates.ts";

/** How long an instance may be on a node with such taints. */
export type Stay =
  | { readonly kind: "forever" }
  /** Counted from when the node had the first of these taints, or the instance came there. */
  | { readonly kind: "limited"; readonly seconds: number; readonly taint: NodeTaint };

const forever: Stay = { kind: "forever" };

/**
 * As Kubernetes decides it: a taint NoExecute that is not tolerated ends the stay at once; of those that are tolerated for a
 * time, the shortest counts. Of several tolerations of a taint the first one counts.
 * https://kubernetes.io/docs/concepts/scheduling-eviction/taint-and-toleration/#taint-based-evictions
 */
export function stayUnder(taints: readonly NodeTaint[], tolerations: readonly Toleration[]): Stay {
  let stay = forever;
  for (const taint of taints) {
    if (taint.effect !== "NoExecute") continue;
    const found = tolerations.find((toleration) => tolerates(toleration, taint));
    const seconds = found === undefined ? 0 : found.seconds;
    if (seconds === undefined) continue;
    if (stay.kind === "forever" || seconds < stay.seconds) stay = { kind: "limited", seconds, taint };
  }
  return stay;
}

/** Why it has to go, for people. */
export function evictionText(
  nodeName: string,
  { seconds, taint }: Stay & { readonly kind: "limited" },
): string {
  const text = `{${taint.key}: ${taint.value}}:NoExecute`;
  return seconds === 0
    ? `node ${nodeName} has taint ${text}, which it does not tolerate`
    : `node ${nodeName} has taint ${text}, which it tolerates for ${seconds} s`;
}
