import type { NodeTaint, PlacementRequirements } from "../../../model.ts";
import { stayUnder } from "../../../taint-eviction.ts";
import { success, unresolvable, type FilterPlugin, type ScorePlugin, type Verdict } from "../../framework.ts";
import { tolerates } from "./tolerates.ts";

/** Keeps instances off nodes with a taint NoSchedule that they do not tolerate. */
export const taintsAndTolerations: FilterPlugin = {
  name: "taints-and-tolerations",
  reads: "node",
  prepare:
    (requirements) =>
    ({ node: { taints } }) => {
      if (taints.length === 0) return success;
      const taint = taints.find((one) => one.effect === "NoSchedule" && !isTolerated(one, requirements));
      return taint === undefined ? success : untolerated(taint);
    },
};

/** Keeps instances off nodes that have a taint NoExecute by which they would be stopped as soon as they are there. */
export const noExecuteTaints: FilterPlugin = {
  name: "no-execute-taints",
  reads: "node",
  prepare:
    ({ tolerations }) =>
    ({ node: { taints } }) => {
      if (taints.length === 0) return success;
      const stay = stayUnder(taints, tolerations);
      return stay.kind === "limited" && stay.seconds === 0 ? untolerated(stay.taint) : success;
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

function isTolerated(taint: NodeTaint, { tolerations }: Pick<PlacementRequirements, "tolerations">): boolean {
  return tolerations.some((toleration) => tolerates(toleration, taint));
}

function untolerated({ key, value, effect }: NodeTaint): Verdict {
  const text = `{${key}: ${value}}`;
  return unresolvable(
    `node(s) had untolerated taint ${text}`,
    `untolerated taint ${text}:${effect}`,
    `tolerate ${key}${value === "" ? "" : `=${value}`}:${effect}, or take the taint from the node`,
  );
}
