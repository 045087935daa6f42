import type { ScorePlugin } from "../../framework.ts";

/**
 * Prefers nodes that have the module: an instance starts there at once. Its weight must stay small, so that a warm node is only
 * preferred as long as it is not much fuller than a cold one, which becomes warm with its first instance.
 */
export const moduleLocality: ScorePlugin = {
  name: "module-locality",
  prepare:
    ({ image }) =>
    ({ modules }) => {
      const state = modules.get(image);
      if (state === undefined) return 0;
      return state === "prepared" ? 100 : 50;
    },
};
