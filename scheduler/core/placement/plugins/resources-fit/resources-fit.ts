import type { NodeCapacity } from "../../../model.ts";
import { fits, footprintOf, nothingCommitted, shortfalls, type Shortfall } from "../../../resources.ts";
import { success, type FilterPlugin, type Reason } from "../../framework.ts";

/** The node must have the requested cpu and memory left, and room for one more instance, and its process if it has one. */
export const resourcesFit: FilterPlugin = {
  name: "resources-fit",
  reads: "allocation",
  prepare(requirements) {
    const footprint = footprintOf(requirements);
    return ({ node: { allocatable }, committed }) => {
      if (fits(allocatable, committed, footprint)) return success;
      const lacking = shortfalls(allocatable, committed, footprint);
      return {
        kind: fits(allocatable, nothingCommitted, footprint) ? "unschedulable" : "unresolvable",
        reasons: lacking.map((shortfall) => toReason(shortfall, allocatable)),
      };
    };
  },
};

function toReason({ resource, wanted, free }: Shortfall, allocatable: NodeCapacity): Reason {
  switch (resource) {
    case "instances":
      return { summary: "too many instances", detail: "it holds as many instances as it may" };
    case "processes":
      return {
        summary: "too many instances with a process of their own",
        detail:
          allocatable.processes === 0
            ? "it gives no instance a process of its own (processes is 0)"
            : `no room for another process: ${allocatable.processes - free} of ${allocatable.processes}; isolation: shared needs none`,
      };
    case "cpu":
      return insufficient(resource, `${wanted}m`, `${free}m`);
    case "memory":
      return insufficient(resource, mebibytes(wanted), mebibytes(free));
    default:
      if (!allocatable.extended.has(resource))
        return { summary: `insufficient ${resource}`, detail: `it has no ${resource}` };
      return insufficient(resource, String(wanted), String(free));
  }
}

function insufficient(resource: string, wanted: string, free: string): Reason {
  return {
    summary: `insufficient ${resource}`,
    detail: `insufficient ${resource}: wants ${wanted}, ${free} free`,
  };
}

function mebibytes(bytes: number): string {
  return `${Math.round((bytes / 2 ** 20) * 10) / 10}Mi`;
}
