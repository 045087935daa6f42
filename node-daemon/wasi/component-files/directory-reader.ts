import { errno, type Errno } from "../abi.ts";
import type { ListingHolder } from "../file-system/listing-cache.ts";
import type { ListingEntry } from "../file-system/listing.ts";
import type { Answer } from "../file-system/operations.ts";
import { answered } from "./answers.ts";
import type { OpenEntry } from "./open-entry.ts";

/** What stands in a name for bytes that are no UTF-8, or for itself. */
const replacement = "\uFFFD";

/**
 * Goes through a directory once, in the order of names. The listing belongs to the cache that all instances of the process
 * share: when it was dropped there it is made again, and reading goes on behind the name that was read last.
 */
export class DirectoryReader implements ListingHolder {
  listing: readonly ListingEntry[] | undefined;
  readonly #entry: OpenEntry;
  #index = 0;
  #last: string | undefined;
  #closed = false;

  constructor(entry: OpenEntry) {
    this.#entry = entry.hold();
  }

  /** Reads the directory at once, so that what is wrong with it shows. */
  static open(entry: OpenEntry): Answer<DirectoryReader> {
    if (entry.kind !== "directory") return errno.notdir;
    const reader = new DirectoryReader(entry);
    const settle = (opened: DirectoryReader | Errno) => {
      if (typeof opened === "number") reader.close();
      return opened;
    };
    const failed = (thrown: unknown): never => {
      reader.close();
      throw thrown;
    };
    try {
      const opened = reader.#load<DirectoryReader>(() => reader);
      return opened instanceof Promise ? opened.then(settle, failed) : settle(opened);
    } catch (thrown) {
      return failed(thrown);
    }
  }

  /** The next one, or undefined behind the last; boxed since numbers are errnos. */
  next(): Answer<{ readonly entry: ListingEntry | undefined }> {
    const listing = this.#entry.files.host.listings.use(this);
    return listing === undefined ? this.#load((loaded) => this.#take(loaded)) : this.#take(listing);
  }

  /** Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#entry.files.host.listings.forget(this);
    this.#entry.letGo();
  }

  #take(listing: readonly ListingEntry[]): { readonly entry: ListingEntry | undefined } {
    const entry = listing[this.#index];
    if (entry !== undefined) {
      this.#index++;
      this.#last = entry.name;
    }
    return { entry };
  }

  #load<T>(use: (listing: readonly ListingEntry[]) => Answer<T>): Answer<T> {
    const { files, operations } = this.#entry;
    const listed = operations.list(this.#entry.fd, () => files.host.yield());
    return answered<readonly ListingEntry[], T>(files, listed, (entries) =>
      answered<readonly ListingEntry[], T>(files, this.#nameable(entries), (listing) => {
        if (this.#closed) return errno.badf;
        files.host.listings.keep(this, listing);
        this.#index = this.#indexBehindLast(listing);
        return use(listing);
      }),
    );
  }

  /** Without `.` and `..`, and without names that no guest could say: those that are no UTF-8. */
  #nameable(entries: readonly ListingEntry[]): Answer<readonly ListingEntry[]> {
    const { files, operations } = this.#entry;
    const own = entries.filter(({ name }) => name !== "." && name !== "..");
    const doubtful = own.map(({ name }) => name).filter((name) => name.includes(replacement));
    if (doubtful.length === 0) return own;
    const found = operations.inodes(this.#entry.fd, doubtful);
    return answered<readonly (bigint | undefined)[], readonly ListingEntry[]>(files, found, (inodes) => {
      // A name that is text stands there once, whatever is taken for it.
      const there = new Set(doubtful.filter((_, index) => inodes[index] !== undefined));
      return own.filter(({ name }) => !name.includes(replacement) || there.delete(name));
    });
  }

  #indexBehindLast(listing: readonly ListingEntry[]): number {
    const last = this.#last;
    if (last === undefined) return 0;
    const index = listing.findIndex(({ name }) => name > last);
    return index === -1 ? listing.length : index;
  }
}
