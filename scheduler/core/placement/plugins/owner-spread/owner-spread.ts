import type { ScorePlugin } from "../../framework.ts";

/** Spreads the instances of one owner: prefers nodes that have fewer of them. */
export const ownerSpread: ScorePlugin = {
  name: "owner-spread",
  prepare:
    () =>
    ({ ownerInstances }) =>
      100 / (1 + ownerInstances),
};
