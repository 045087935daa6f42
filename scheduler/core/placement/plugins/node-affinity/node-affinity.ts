import type { ClusterNode } from "../../../model.ts";
import { clipped } from "../../clipped.ts";
import { success, unresolvable, type FilterPlugin, type ScorePlugin } from "../../framework.ts";
import { isEmptyTerm, prepareTerm, type PreparedTerm } from "./node-selector-terms.ts";

/** The node must match one of the required terms. */
export const nodeAffinity: FilterPlugin = {
  name: "node-affinity",
  reads: "node",
  prepare({ nodeAffinity: { required } }) {
    if (required === undefined) return undefined;
    const terms = required.map(prepareTerm);
    return ({ node }) => {
      if (terms.some((term) => term.matches(node))) return success;
      return unresolvable(
        "node(s) didn't match the node affinity",
        refusal(terms, node),
        "label the node as the affinity wants; or prefer instead of requiring it",
      );
    };
  },
};

/** The weights of the preferred terms that the node matches, as a share of all. */
export const preferredNodeAffinity: ScorePlugin = {
  name: "node-affinity",
  prepare({ nodeAffinity: { preferred } }) {
    // As in Kubernetes an empty one is no wish at all.
    const wishes = preferred
      .filter(({ term }) => !isEmptyTerm(term))
      .map(({ weight, term }) => ({ weight, term: prepareTerm(term) }));
    const total = wishes.reduce((sum, { weight }) => sum + weight, 0);
    if (total === 0) return undefined;
    return ({ node }) => {
      let met = 0;
      for (const { weight, term } of wishes) if (term.matches(node)) met += weight;
      return (100 * met) / total;
    };
  },
};

/** The first requirement of each term that the node does not meet. */
function refusal(terms: readonly PreparedTerm[], node: ClusterNode): string {
  const wanted = terms.slice(0, shownTermsMax).map(({ requirements }) => {
    const unmet = requirements.find((one) => !one.matches(node));
    return unmet === undefined
      ? "nothing, as one of its terms is empty"
      : `${clipped(unmet.text)} (the node has ${clipped(unmet.found(node))})`;
  });
  const hidden = terms.length - wanted.length;
  if (hidden > 0) wanted.push(`one of ${hidden} other terms`);
  return `node affinity wants ${wanted.join(", or ")}`;
}

const shownTermsMax = 3;
