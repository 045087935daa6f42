import { success, unresolvable, type FilterPlugin } from "../../framework.ts";

/** The node must advertise the runtime that the template names. */
export const runtimeAvailable: FilterPlugin = {
  name: "runtime-available",
  reads: "node",
  prepare:
    ({ runtime }) =>
    ({ node }) => {
      if (node.runtimes.some(({ name }) => name === runtime)) return success;
      const offered = node.runtimes.map(({ name }) => name).join(", ");
      return unresolvable(
        `node(s) without runtime ${runtime}`,
        `no runtime ${runtime}; it has ${offered === "" ? "none" : offered}`,
        `install ${runtime} on the node`,
      );
    },
};
