/** Who would scale a target. */
export interface Claim {
  /** Of the autoscaler. */
  readonly uid: string;
  readonly name: string;
  /** In milliseconds since the Unix epoch. */
  readonly createdMs: number;
  /** See {@link targetKey}. */
  readonly target: string;
}

interface Contest {
  first: Claim;
  readonly claims: Map<string, Claim>;
}

/** Of those who are told that another is the first now; the others hear of it when they are looked at for another reason. */
const toldMax = 100;

/**
 * Of several autoscalers on one target one scales: the oldest, and of those the one with the lesser name. When it goes, the
 * next takes over.
 */
export class TargetArbiter {
  readonly #contests = new Map<string, Contest>();
  readonly #byUid = new Map<string, Claim>();

  /** Answers the uids of the others for whom something has changed. */
  put(claim: Claim): readonly string[] {
    const before = this.#byUid.get(claim.uid);
    if (before !== undefined && isSame(before, claim)) return [];
    const released = before ? this.delete(claim.uid) : [];
    this.#byUid.set(claim.uid, claim);
    const contest = this.#contests.get(claim.target);
    if (contest === undefined) {
      this.#contests.set(claim.target, { first: claim, claims: new Map([[claim.uid, claim]]) });
      return released;
    }
    contest.claims.set(claim.uid, claim);
    if (!goesBefore(claim, contest.first)) return released;
    contest.first = claim;
    return [...released, ...othersOf(contest)];
  }

  delete(uid: string): readonly string[] {
    const claim = this.#byUid.get(uid);
    const contest = claim && this.#contests.get(claim.target);
    if (contest === undefined) return [];
    this.#byUid.delete(uid);
    contest.claims.delete(uid);
    if (contest.claims.size === 0) {
      this.#contests.delete(claim?.target ?? "");
      return [];
    }
    if (contest.first.uid !== uid) return [];
    contest.first = [...contest.claims.values()].reduce((a, b) => (goesBefore(b, a) ? b : a));
    return [contest.first.uid, ...othersOf(contest)];
  }

  /** The autoscaler that scales its target in its place; undefined: it does so itself. */
  rival(uid: string): Claim | undefined {
    const claim = this.#byUid.get(uid);
    const first = claim && this.#contests.get(claim.target)?.first;
    return first?.uid === uid ? undefined : first;
  }
}

/** The same for every version of an API group. */
export function targetKey(
  namespace: string,
  { apiVersion, kind, name }: { readonly apiVersion: string; readonly kind: string; readonly name: string },
): string {
  const slash = apiVersion.indexOf("/");
  const group = slash < 0 ? "" : apiVersion.slice(0, slash);
  return `${namespace}/${group}/${kind}/${name}`;
}

function othersOf({ first, claims }: Contest): readonly string[] {
  const others: string[] = [];
  for (const uid of claims.keys()) {
    if (others.length >= toldMax) break;
    if (uid !== first.uid) others.push(uid);
  }
  return others;
}

function goesBefore(a: Claim, b: Claim): boolean {
  if (a.createdMs !== b.createdMs) return a.createdMs < b.createdMs;
  return a.name < b.name;
}

function isSame(a: Claim, b: Claim): boolean {
  return a.target === b.target && a.name === b.name && a.createdMs === b.createdMs;
}
