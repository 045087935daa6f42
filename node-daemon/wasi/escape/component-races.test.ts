import { describe, expect, test } from "vitest";

import { generations } from "../component-files/test-support.ts";
import { ComponentAttacker } from "./component-attacker.ts";
import { race } from "./races.ts";
import { swaps } from "./swaps.ts";

/** Of each: `npm run soak` opens a million. */
const opens = 3_000;

describe.each(generations)("escape through $name", (generation) => {
  test.each(swaps.map((swap) => [swap.name, swap] as const))(
    "another process swaps %s",
    async (_name, swap) => {
      const result = await race((mounts) => new ComponentAttacker(generation, mounts), swap, opens);
      expect(result.escapes).toEqual([]);
      // The race was one: both happened.
      expect(Math.min(result.inside, result.refused)).toBeGreaterThan(0);
    },
    60_000,
  );
});
