import { labelOf } from "../../../labels.ts";
import { success, unresolvable, type FilterPlugin } from "../../framework.ts";

/** The node must have every label of the template's nodeSelector. */
export const nodeSelector: FilterPlugin = {
  name: "node-selector",
  reads: "node",
  prepare({ nodeSelector: selector }) {
    const wanted = Object.entries(selector);
    if (wanted.length === 0) return undefined;
    return ({ node }) => {
      const wrong = wanted.find(([key, value]) => labelOf(node.labels, key) !== value);
      if (wrong === undefined) return success;
      const [key, value] = wrong;
      const found = labelOf(node.labels, key);
      const actual = found === undefined ? "no such label" : `${key}=${found}`;
      return unresolvable(
        "node(s) didn't match the node selector",
        `node selector wants ${key}=${value}, the node has ${actual}`,
        `label the node ${key}=${value}`,
      );
    };
  },
};
