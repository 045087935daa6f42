import { randomBytes, randomUUID } from "node:crypto";

/** Randomness as a constructor argument, so that a simulation can replay a seed. */
export interface Random {
  /** Uniform in [0, 1). */
  fraction(): number;
  /** An RFC 9562 version 4 UUID. */
  uuid(): string;
}

/** The system's randomness costs a call of a microsecond or two, however little is asked for: it is fetched in advance. */
const poolBytes = 6 * 1024;
let pool = Buffer.alloc(0);
let poolUsed = 0;

export const systemRandom: Random = {
  fraction: () => {
    if (poolUsed === pool.length) {
      pool = randomBytes(poolBytes);
      poolUsed = 0;
    }
    poolUsed += 6;
    return pool.readUIntBE(poolUsed - 6, 6) / 2 ** 48;
  },
  uuid: () => randomUUID(),
};

/** A small seeded generator (splitmix32) for tests and simulation. Not for secrets. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x9e3779b9) >>> 0;
    let mixed = state ^ (state >>> 16);
    mixed = Math.imul(mixed, 0x21f0aaad);
    mixed = mixed ^ (mixed >>> 15);
    mixed = Math.imul(mixed, 0x735a2d97);
    return (mixed ^ (mixed >>> 15)) >>> 0;
  };
  const hex = (digits: number) => Array.from({ length: digits }, () => (next() & 15).toString(16)).join("");
  return {
    fraction: () => next() / 2 ** 32,
    uuid: () => `${hex(8)}-${hex(4)}-4${hex(3)}-8${hex(3)}-${hex(12)}`,
  };
}

/** The alphabet of Kubernetes' generated names: no vowels and no look-alikes, so no words arise. */
const nameAlphabet = "bcdfghjklmnpqrstvwxz2456789";

/** A random suffix as in generated object names, five characters by default. */
export function randomSuffix(random: Random, length = 5): string {
  let suffix = "";
  for (let i = 0; i < length; i++) {
    suffix += nameAlphabet[Math.floor(random.fraction() * nameAlphabet.length)] ?? "x";
  }
  return suffix;
}
