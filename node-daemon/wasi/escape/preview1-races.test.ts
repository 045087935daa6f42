import { expect, test } from "vitest";

import { Preview1Attacker } from "./preview1-attacker.ts";
import { race } from "./races.ts";
import { swaps } from "./swaps.ts";

/** Of each: `npm run soak` opens a million. */
const opens = 6_000;

test.each(swaps.map((swap) => [swap.name, swap] as const))(
  "escape through preview 1: another process swaps %s",
  async (_name, swap) => {
    const result = await race((mounts) => new Preview1Attacker(mounts), swap, opens);
    expect(result.escapes).toEqual([]);
    // The race was one: both happened.
    expect(Math.min(result.inside, result.refused)).toBeGreaterThan(0);
  },
  60_000,
);
