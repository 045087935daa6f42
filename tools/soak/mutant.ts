import type { Seed } from "./corpus.ts";
import { Dice } from "./dice.ts";
import { componentMutators, gentle, type Mutator, mutators } from "./mutators.ts";
import { oddModules } from "./odd-modules.ts";

export interface Mutant {
  readonly index: number;
  readonly binary: Uint8Array;
  /** What it was and what was done to it, to find it again by its looks. */
  readonly story: string;
}

const oddNames = Object.keys(oddModules);

/** The module of that number in the soak with that seed: always the same, as long as the corpus is. */
export function makeMutant(corpus: readonly Seed[], seed: number, index: number): Mutant {
  const dice = Dice.of(seed, index);
  if (dice.chance(0.1)) {
    const name = dice.pick(oddNames);
    const binary = oddModules[name]?.(dice) ?? new Uint8Array();
    return dice.chance(0.6)
      ? { index, binary, story: name }
      : mutated(corpus, dice, { index, binary, story: name });
  }
  const { name, binary } = pickSeed(corpus, dice);
  return mutated(corpus, dice, { index, binary, story: name });
}

/** The same, of components. */
export function makeComponentMutant(corpus: readonly Seed[], seed: number, index: number): Mutant {
  const dice = Dice.of(seed, index);
  const { name, binary } = pickSeed(corpus, dice);
  return changed(corpus, dice, { index, binary, story: name }, componentMutators);
}

function mutated(corpus: readonly Seed[], dice: Dice, first: Mutant): Mutant {
  return changed(corpus, dice, first, dice.chance(0.4) ? gentle : mutators);
}

function changed(corpus: readonly Seed[], dice: Dice, first: Mutant, chosen: readonly Mutator[]): Mutant {
  let { binary, story } = first;
  for (let left = dice.size(4); left > 0; left--) {
    const mutator = dice.pick(chosen);
    binary = binary.length === 0 ? binary : mutator.mutate(binary, dice, pickSeed(corpus, dice).binary);
    story += `, ${mutator.name}`;
  }
  return { index: first.index, binary, story };
}

function pickSeed(corpus: readonly Seed[], dice: Dice): Seed {
  const total = corpus.reduce((sum, { weight }) => sum + weight, 0);
  let rest = (dice.below(1_000_000) / 1_000_000) * total;
  for (const one of corpus) {
    rest -= one.weight;
    if (rest < 0) return one;
  }
  return dice.pick(corpus);
}
