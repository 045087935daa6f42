import type { NodeTaint, PlacementRequirements } from "../../../model.ts";
import { success, unresolvable, type FilterPlugin, type ScorePlugin } from "../../framework.ts";
import { tolerates } from "./tolerates.ts";

/** Keeps instances off nodes with a taint NoSchedule or NoExecute that they do not tolerate. */
export const taintsAndTolerations: FilterPlugin = {
  name: "taints-and-tolerations",
  reads: "node",
  prepare:
    (requirements) =>
    ({ node }) => {
      if (node.taints.length === 0) return success;
      const taint = node.taints.find(
        (candidate) => candidate.effect !== "PreferNoSchedule" && !isTolerated(candidate, requirements),
      );
      if (taint === undefined) return success;
      const text = `{${taint.key}: ${taint.value}}`;
      return unresolvable(
        `node(s) had untolerated taint ${text}`,
        `untolerated taint ${text}:${taint.effect}`,
        `tolerate ${taintText(taint)}, or take the taint from the node`,
      );
    },
};

/** Avoids nodes with taints PreferNoSchedule: the more of them are not tolerated, the lower. */
export const preferUntainted: ScorePlugin = {
  name: "taints-and-tolerations",
  prepare:
    (requirements) =>
    ({ node }) => {
      let avoided = 0;
      for (const taint of node.taints)
        if (taint.effect === "PreferNoSchedule" && !isTolerated(taint, requirements)) avoided++;
      return 100 / (1 + avoided);
    },
};

/** As people write it on a command line. */
function taintText({ key, value, effect }: NodeTaint): string {
  return `${key}${value === "" ? "" : `=${value}`}:${effect}`;
}

function isTolerated(taint: NodeTaint, { tolerations }: PlacementRequirements): boolean {
  const found = tolerations.find((toleration) => tolerates(toleration, taint));
  // Who tolerates it for no time would be evicted at once.
  return found !== undefined && !(taint.effect === "NoExecute" && found.seconds === 0);
}
