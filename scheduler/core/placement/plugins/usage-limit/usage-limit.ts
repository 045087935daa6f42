import { footprintOf } from "../../../resources.ts";
import { expectedCpuShare, expectedMemoryShare } from "../../expected-usage.ts";
import { success, type FilterPlugin, type Reason } from "../../framework.ts";

/** In percent of what a node really has. */
export interface UsageLimit {
  readonly cpu: number;
  readonly memory: number;
}

export const usageLimitName = "usage-limit";

/** Keeps instances off nodes of which more than this would be in use, whatever the requests leave free. */
export function usageLimit(limit: UsageLimit): FilterPlugin {
  return {
    name: usageLimitName,
    reads: "allocation",
    prepare(requirements) {
      const footprint = footprintOf(requirements);
      return (view) => {
        const cpu = 100 * expectedCpuShare(view, footprint);
        const memory = 100 * expectedMemoryShare(view, footprint);
        if (cpu <= limit.cpu && memory <= limit.memory) return success;
        const reasons: Reason[] = [];
        if (cpu > limit.cpu) reasons.push(beyond("cpu", cpu, limit.cpu));
        if (memory > limit.memory) reasons.push(beyond("memory", memory, limit.memory));
        return { kind: "unschedulable", reasons };
      };
    },
  };
}

function beyond(what: string, percent: number, limit: number): Reason {
  return {
    summary: `node(s) in use beyond the usage limit of ${what}`,
    detail: `${Math.ceil(percent)} % of its ${what} would be in use, the profile's limit is ${limit} %`,
    remedy: `frees up when instances there use ${Math.ceil(percent - limit)} % less of its ${what}, or end`,
  };
}
