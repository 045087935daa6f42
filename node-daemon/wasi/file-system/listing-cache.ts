import { limits } from "../limits.ts";
import type { ListingEntry } from "./listing.ts";

export interface ListingHolder {
  listing: readonly ListingEntry[] | undefined;
}

/**
 * The listings that all instances of a process keep between calls. Beyond so many entries the one longest unused is
 * dropped: its directory is read again when it is needed.
 */
export class ListingCache {
  /** The longest unused first. */
  readonly #holders = new Set<ListingHolder>();
  readonly #entriesMax: number;
  #entries = 0;

  constructor(entriesMax: number = limits.listingEntriesKeptMax) {
    this.#entriesMax = entriesMax;
  }

  get entries(): number {
    return this.#entries;
  }

  keep(holder: ListingHolder, listing: readonly ListingEntry[]): void {
    this.forget(holder);
    holder.listing = listing;
    this.#holders.add(holder);
    this.#entries += listing.length;
    for (const oldest of this.#holders) {
      if (this.#entries <= this.#entriesMax || oldest === holder) return;
      this.forget(oldest);
    }
  }

  /** The listing, which is then the last to go. */
  use(holder: ListingHolder): readonly ListingEntry[] | undefined {
    if (this.#holders.delete(holder)) this.#holders.add(holder);
    return holder.listing;
  }

  forget(holder: ListingHolder): void {
    if (!this.#holders.delete(holder)) return;
    this.#entries -= holder.listing?.length ?? 0;
    holder.listing = undefined;
  }
}
