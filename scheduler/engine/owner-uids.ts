/** Uids of instances by that of their owner. */
export class OwnerUids {
  readonly #uids = new Map<string, Set<string>>();

  /** How many uids, by a walk over the owners. */
  get size(): number {
    let size = 0;
    for (const uids of this.#uids.values()) size += uids.size;
    return size;
  }

  owners(): readonly string[] {
    return [...this.#uids.keys()];
  }

  add(ownerUid: string, uid: string): void {
    const uids = this.#uids.get(ownerUid);
    if (uids) uids.add(uid);
    else this.#uids.set(ownerUid, new Set([uid]));
  }

  has(ownerUid: string, uid: string): boolean {
    return this.#uids.get(ownerUid)?.has(uid) === true;
  }

  delete(ownerUid: string, uid: string): void {
    const uids = this.#uids.get(ownerUid);
    uids?.delete(uid);
    if (uids?.size === 0) this.#uids.delete(ownerUid);
  }

  /** All of an owner, which has none then. */
  take(ownerUid: string): readonly string[] {
    const uids = this.#uids.get(ownerUid);
    this.#uids.delete(ownerUid);
    return uids ? [...uids] : [];
  }
}
