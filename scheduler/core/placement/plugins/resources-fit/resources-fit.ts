import type { NodeCapacity, PlacementRequirements } from "../../../model.ts";
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
        reasons: lacking.map((shortfall) => toReason(shortfall, allocatable, requirements)),
      };
    };
  },
};

function toReason(
  { resource, wanted, free }: Shortfall,
  allocatable: NodeCapacity,
  requirements: PlacementRequirements,
): Reason {
  switch (resource) {
    case "instances":
      return {
        summary: "too many instances",
        detail: "it holds as many instances as it may",
        remedy: "frees up when an instance there ends",
        distance: 0,
      };
    case "processes":
      return {
        summary: "too many instances with a process of their own",
        detail:
          allocatable.processes === 0
            ? "it gives no instance a process of its own (processes is 0)"
            : `no room for another process: ${allocatable.processes - free} of ${allocatable.processes}; isolation: shared needs none`,
        remedy:
          allocatable.processes === 0
            ? "fits with isolation: shared"
            : "frees up when an instance with a process of its own ends there; or fits with isolation: shared",
        distance: 0,
      };
    case "cpu":
      return insufficient(resource, wanted, free, {
        total: allocatable.cpuMillis,
        overhead: 0,
        text: millicores,
      });
    case "memory": {
      const overhead = footprintOf(requirements).memoryBytes - requirements.requests.memoryBytes;
      return insufficient(resource, wanted, free, {
        total: allocatable.memoryBytes,
        overhead,
        text: mebibytes,
      });
    }
    default:
      if (!allocatable.extended.has(resource))
        return {
          summary: `insufficient ${resource}`,
          detail: `it has no ${resource}`,
          remedy: `give the node some (wherry-node --extended-resource ${resource}=${wanted})`,
        };
      return insufficient(resource, wanted, free, {
        total: allocatable.extended.get(resource) ?? 0,
        overhead: 0,
        text: String,
      });
  }
}

type Round = (amount: number) => number;

interface Measure {
  /** What the node has, if nothing were on it. */
  readonly total: number;
  /** What of the amount that is wanted no request can lower. */
  readonly overhead: number;
  readonly text: (amount: number, round: Round) => string;
}

function insufficient(
  resource: string,
  wanted: number,
  free: number,
  { total, overhead, text }: Measure,
): Reason {
  const most = free - overhead;
  const remedies = [
    wanted <= total
      ? `frees up when ${text(wanted - free, Math.ceil)} more are released`
      : `never fits as it is: the node has ${text(total, Math.floor)} in all`,
    ...(most > 0 ? [`would fit with requests.${resource} of at most ${text(most, Math.floor)}`] : []),
  ];
  const left = Math.max(0, free);
  const distance = (wanted - left) / wanted;
  return {
    summary: `insufficient ${resource}`,
    detail: `insufficient ${resource}: wants ${text(wanted, Math.ceil)}, ${text(left, Math.floor)} free`,
    remedy: remedies.join("; "),
    // A node may say of itself what is no number.
    distance: distance >= 0 && distance <= 1 ? distance : 1,
  };
}

function millicores(millis: number): string {
  return `${millis}m`;
}

/** Rounded so that what is advised does fit. */
function mebibytes(bytes: number, round: Round): string {
  return `${round((bytes / 2 ** 20) * 10) / 10}Mi`;
}
