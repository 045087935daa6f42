import { assertNever } from "../../../../../kit/errors.ts";
import { fits, nothingCommitted, shortfalls, type Shortfall } from "../../../resources.ts";
import { success, type FilterPlugin, type Reason } from "../../framework.ts";

/** The node must have the requested cpu and memory left, and room for one more instance. */
export const resourcesFit: FilterPlugin = {
  name: "resources-fit",
  reads: "allocation",
  prepare:
    ({ requests }) =>
    ({ node, committed }) => {
      if (fits(node.allocatable, committed, requests)) return success;
      const lacking = shortfalls(node.allocatable, committed, requests);
      return {
        kind: fits(node.allocatable, nothingCommitted, requests) ? "unschedulable" : "unresolvable",
        reasons: lacking.map(toReason),
      };
    },
};

function toReason(shortfall: Shortfall): Reason {
  const { resource } = shortfall;
  if (resource === "instances")
    return { summary: "too many instances", detail: "it holds as many instances as it may" };
  const wanted = amount(shortfall, shortfall.wanted);
  const free = amount(shortfall, shortfall.free);
  return {
    summary: `insufficient ${resource}`,
    detail: `insufficient ${resource}: wants ${wanted}, ${free} free`,
  };
}

function amount({ resource }: Shortfall, value: number): string {
  switch (resource) {
    case "cpu":
      return `${value}m`;
    case "memory":
      return `${Math.round((value / 2 ** 20) * 10) / 10}Mi`;
    case "instances":
      return String(value);
    default:
      return assertNever(resource, "resource");
  }
}
