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

interface Owned {
  /** By uid. */
  readonly places: Map<string, Place>;
  /** Those of them that keep the owner from going. */
  readonly blocking: Set<string>;
}

/** Who names whom as its owner. Every question takes one look-up, however many there are. */
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
    this.remove(place.uid, before);
    for (const owner of owners) {
      const owned = this.#of(owner.uid);
      owned.places.set(place.uid, place);
      if (isBlocking(owner)) owned.blocking.add(place.uid);
    }
  }

  remove(dependent: string, owners: readonly OwnerReference[]): void {
    for (const { uid } of owners) {
      const owned = this.#owned.get(uid);
      owned?.places.delete(dependent);
      owned?.blocking.delete(dependent);
      if (owned?.places.size === 0) this.#owned.delete(uid);
    }
  }

  of(owner: string): readonly Place[] {
    return [...(this.#owned.get(owner)?.places.values() ?? [])];
  }

  isBlocked(owner: string): boolean {
    return (this.#owned.get(owner)?.blocking.size ?? 0) > 0;
  }

  #of(owner: string): Owned {
    const known = this.#owned.get(owner);
    if (known) return known;
    const owned: Owned = { places: new Map(), blocking: new Set() };
    this.#owned.set(owner, owned);
    return owned;
  }
}
