import type { Isolation } from "../../../../../api/isolation.ts";
import type { NodeCondition } from "../../../model.ts";
import { success, unresolvable, type FilterPlugin } from "../../framework.ts";

/** The node's runtime must offer the isolation that is asked for: its features say so. */
export const isolationAvailable: FilterPlugin = {
  name: "isolation-available",
  reads: "node",
  prepare({ isolation, runtime }) {
    if (isolation === "shared") return undefined;
    const feature = `isolation-${isolation}`;
    return ({ node }) => {
      // Whether the runtime is there at all is another plugin's question.
      const offered = node.runtimes.find(({ name }) => name === runtime);
      if (offered === undefined || offered.features.includes(feature)) return success;
      const why = confinementProblem(node.conditions) ?? `its runtime ${runtime} has no feature ${feature}`;
      return unresolvable(
        `node(s) without isolation ${isolation}`,
        `no isolation ${isolation}: ${why}`,
        weakerTier(isolation, offered.features),
      );
    };
  },
};

function weakerTier(isolation: Isolation, features: readonly string[]): string {
  const tier = isolation === "confined" && features.includes("isolation-process") ? "process" : "shared";
  return `ask for isolation: ${tier}, which is weaker`;
}

/** The node knows best what it is missing. */
function confinementProblem(conditions: readonly NodeCondition[]): string | undefined {
  return conditions.find(({ type, status }) => type === "Confinement" && !status)?.message;
}
