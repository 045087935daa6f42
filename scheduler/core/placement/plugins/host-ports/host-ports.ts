import { listenersConflict, listenPlaceText } from "../../../../../api/listen-rules.ts";
import { success, type FilterPlugin, type Reason } from "../../framework.ts";

/**
 * No instance of the node may hold a port that the template's listeners want, but for those that share it. It is held until the instance has
 * stopped.
 */
export const hostPorts: FilterPlugin = {
  name: "host-ports",
  reads: "allocation",
  prepare({ claims: { ports: wanted } }) {
    if (wanted.length === 0) return undefined;
    return ({ ports: held }) => {
      if (held.length === 0) return success;
      const reasons = wanted.flatMap((place): readonly Reason[] => {
        const holder = held.find((other) => listenersConflict(place, other));
        if (holder === undefined) return [];
        const taken = holder.address === place.address ? "" : ` (held at ${listenPlaceText(holder)})`;
        return [
          {
            summary: "node(s) didn't have free ports for the listeners",
            detail: `another instance holds port ${listenPlaceText(place)}${taken}`,
          },
        ];
      });
      const [first] = reasons;
      // Counted once for a node, however many of its ports are taken.
      return first === undefined
        ? success
        : {
            kind: "unschedulable",
            reasons: [
              {
                summary: first.summary,
                detail: reasons.map(({ detail }) => detail).join(", "),
                remedy: "frees up when the instance that holds it has ended; or listen at another port",
              },
            ],
          };
    };
  },
};
