import { success, unresolvable, type FilterPlugin } from "../../framework.ts";

/** Only nodes with an open session get new instances. */
export const nodeReady: FilterPlugin = {
  name: "node-ready",
  reads: "node",
  prepare:
    () =>
    ({ node: { connection } }) => {
      if (connection.kind === "connected") return success;
      return unresolvable(
        `node(s) not connected (${connection.kind})`,
        `not connected (${connection.kind})`,
        "start the node's daemon, or mend its connection to the scheduler",
      );
    },
};
