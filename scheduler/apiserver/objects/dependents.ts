import type { ApiObject, OwnerReference } from "../../../api/object-meta.ts";
import type { StoredKind } from "../storage/store-cache.ts";

/** Which object: enough to find it again, whatever the versions are in which its kind is served by then. */
export interface Place extends StoredKind {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

export function placeOf({ group, plural }: StoredKind, { metadata }: ApiObject): Place {
  const { namespace = "", name, uid } = metadata;
  return { group, plural, namespace, name, uid };
}

/** An owner. `namespace`: "" for one that is in none, whose dependents may be anywhere. */
export type Owner = Pick<Place, "uid" | "namespace">;

interface Owned {
  /** By uid. */
  readonly places: Map<string, Place>;
  /** The uids of those that keep the owner from going, by namespace. */
  readonly blocking: Map<string, Set<string>>;
  isOwnerGone: boolean;
}

/** Who names whom as its owner. Whoever names one in another namespace is not among its dependents. */
export class Dependents {
  /** By the owner's uid. */
  readonly #owned = new Map<string, Owned>();

  /** `isBlocking`: of a reference, whether it keeps its owner from going. */
  change(
    place: Place,
    owners: readonly OwnerReference[],
    before: readonly OwnerReference[],
    isBlocking: (owner: OwnerReference) => boolean,
  ): void {
    this.remove(place, before);
    for (const owner of owners) {
      const { places, blocking } = this.#of(owner.uid);
      places.set(place.uid, place);
      if (!isBlocking(owner)) continue;
      const there = blocking.get(place.namespace) ?? new Set();
      blocking.set(place.namespace, there.add(place.uid));
    }
  }

  remove({ namespace, uid: dependent }: Owner, owners: readonly OwnerReference[]): void {
    for (const { uid } of owners) {
      const owned = this.#owned.get(uid);
      if (!owned) continue;
      owned.places.delete(dependent);
      const there = owned.blocking.get(namespace);
      there?.delete(dependent);
      if (there?.size === 0) owned.blocking.delete(namespace);
      if (owned.places.size === 0) this.#owned.delete(uid);
    }
  }

  of({ uid, namespace }: Owner): readonly Place[] {
    const places = [...(this.#owned.get(uid)?.places.values() ?? [])];
    return namespace === "" ? places : places.filter((place) => place.namespace === namespace);
  }

  /** Takes one look-up, however many dependents there are. */
  isBlocked({ uid, namespace }: Owner): boolean {
    const blocking = this.#owned.get(uid)?.blocking;
    if (!blocking) return false;
    return namespace === "" ? blocking.size > 0 : blocking.has(namespace);
  }

  /** It was seen going; remembered for as long as somebody names it. */
  ownerIsGone(uid: string): void {
    const owned = this.#owned.get(uid);
    if (owned) owned.isOwnerGone = true;
  }

  isOwnerGone(uid: string): boolean {
    return this.#owned.get(uid)?.isOwnerGone === true;
  }

  #of(owner: string): Owned {
    const known = this.#owned.get(owner);
    if (known) return known;
    const owned: Owned = { places: new Map(), blocking: new Map(), isOwnerGone: false };
    this.#owned.set(owner, owned);
    return owned;
  }
}
