/**
 * Which namespace each hostname belongs to: that whose route has named it first, or has named `*.` something above it first. So
 * nobody takes requests away from another namespace, neither with a more precise name nor by editing an old route.
 *
 * A claim counts from when it was made, which the caller knows; of those of one time the older route's, then the first by
 * name. `*`, which stands for what nobody names, is a name like any other and covers nothing.
 *
 * Adding a claim looks at those above it; only where a wildcard changes hands are all patterns looked through.
 */

export interface Claimant {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  readonly createdMs: number;
  /** In lower case, and since when each is named. Infinity: after all others. */
  readonly hostnames: ReadonlyMap<string, number>;
}

interface Claim {
  readonly claimant: Claimant;
  readonly sinceMs: number;
}

interface Pattern {
  readonly claims: Map<string, Claim>;
  first: Claim | undefined;
}

export class HostClaims {
  readonly #patterns = new Map<string, Pattern>();
  readonly #claimants = new Map<string, Claimant>();

  /** Takes in a route, or what it is now. Answers with the uids of routes for which the answer of `conflict` may be another. */
  put(claimant: Claimant): ReadonlySet<string> {
    const touched = this.delete(claimant.uid);
    this.#claimants.set(claimant.uid, claimant);
    for (const [hostname, sinceMs] of claimant.hostnames) {
      const pattern = this.#patterns.get(hostname) ?? { claims: new Map<string, Claim>(), first: undefined };
      this.#patterns.set(hostname, pattern);
      const claim = { claimant, sinceMs };
      pattern.claims.set(claimant.uid, claim);
      if (pattern.first === undefined || compare(claim, pattern.first) < 0)
        this.#lead(hostname, pattern, claim, touched);
    }
    touched.add(claimant.uid);
    return touched;
  }

  delete(uid: string): Set<string> {
    const touched = new Set<string>();
    for (const hostname of this.#claimants.get(uid)?.hostnames.keys() ?? []) {
      const pattern = this.#patterns.get(hostname);
      if (pattern === undefined) continue;
      pattern.claims.delete(uid);
      if (pattern.first?.claimant.uid === uid)
        this.#lead(hostname, pattern, firstOf(pattern.claims.values()), touched);
      if (pattern.claims.size === 0) this.#patterns.delete(hostname);
    }
    this.#claimants.delete(uid);
    touched.delete(uid);
    return touched;
  }

  /** A hostname of the route that belongs to another namespace, and to whom. */
  conflict(uid: string): { readonly hostname: string; readonly with: Claimant } | undefined {
    const claimant = this.#claimants.get(uid);
    for (const hostname of claimant?.hostnames.keys() ?? []) {
      const owner = this.#ownerOf(hostname);
      if (owner !== undefined && owner.namespace !== claimant?.namespace) return { hostname, with: owner };
    }
    return undefined;
  }

  #ownerOf(hostname: string): Claimant | undefined {
    let owner = this.#patterns.get(hostname)?.first;
    for (const above of wildcardsAbove(hostname)) {
      const claim = this.#patterns.get(above)?.first;
      if (claim !== undefined && (owner === undefined || compare(claim, owner) < 0)) owner = claim;
    }
    return owner?.claimant;
  }

  #lead(hostname: string, pattern: Pattern, claim: Claim | undefined, touched: Set<string>): void {
    const before = pattern.first;
    pattern.first = claim;
    // What nobody else has named concerns nobody else.
    if (before === undefined && claim !== undefined && pattern.claims.size === 1 && !isWildcard(hostname))
      return;
    for (const uid of pattern.claims.keys()) touched.add(uid);
    if (!isWildcard(hostname)) return;
    const suffix = hostname.slice(1);
    for (const [name, { claims }] of this.#patterns)
      if (name !== hostname && name.endsWith(suffix)) for (const uid of claims.keys()) touched.add(uid);
  }
}

function isWildcard(hostname: string): boolean {
  return hostname.startsWith("*.");
}

/** `*.b.c` and `*.c` of `a.b.c`; `*.c` of `*.b.c`. */
export function wildcardsAbove(hostname: string): readonly string[] {
  const labels = (isWildcard(hostname) ? hostname.slice(2) : hostname).split(".");
  return labels.slice(1).map((_, at) => `*.${labels.slice(at + 1).join(".")}`);
}

function firstOf(claims: Iterable<Claim>): Claim | undefined {
  let first: Claim | undefined;
  for (const claim of claims) if (first === undefined || compare(claim, first) < 0) first = claim;
  return first;
}

/** Below 0: `a` comes first. */
function compare(a: Claim, b: Claim): number {
  if (a.sinceMs !== b.sinceMs) return a.sinceMs < b.sinceMs ? -1 : 1;
  if (a.claimant.createdMs !== b.claimant.createdMs) return a.claimant.createdMs - b.claimant.createdMs;
  const [nameA, nameB] = [a, b].map(({ claimant }) => `${claimant.namespace}/${claimant.name}`);
  return nameA === nameB ? 0 : (nameA ?? "") < (nameB ?? "") ? -1 : 1;
}
