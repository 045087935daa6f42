import { expect, test } from "vitest";
import { allFaults, simulate, SimulationFailure } from "./simulation.ts";

const steps = 250;
const machines = 6;
/** A life takes a second or two of a machine that has nothing else to do, and a long one some twenty. */
const timeoutMs = 300_000;

/** What happened before the violation, and how to see it again. */
async function live(seed: number, options: { readonly without?: ReadonlySet<string> } = {}) {
  try {
    return await simulate({ seed, steps, machines, ...options });
  } catch (thrown) {
    if (!(thrown instanceof SimulationFailure)) throw thrown;
    const again = `npm run sim -- --seed ${seed} --steps ${steps} --nodes ${machines}`;
    throw new Error([...thrown.tail.slice(-60), thrown.message, again].join("\n"), { cause: thrown });
  }
}

test.each(Array.from({ length: 20 }, (_, place) => place + 1))(
  "simulate: every invariant holds through the life of seed %i",
  async (seed) => {
    const { placements } = await live(seed);
    expect(placements).toBeGreaterThan(0);
  },
  timeoutMs,
);

test.each([101, 102, 103])(
  "simulate: without faults, each failure of a job is counted, and once, seed %i",
  async (seed) => {
    await live(seed, { without: allFaults });
  },
  timeoutMs,
);

test(
  "simulate: the same seed gives the same life, and another seed another one",
  async () => {
    const digests = [await live(3), await live(3), await live(4)].map(({ digest }) => digest);
    expect(digests[1]).toBe(digests[0]);
    expect(digests[2]).not.toBe(digests[0]);
  },
  3 * timeoutMs,
);
