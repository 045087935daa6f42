import type { ModuleInventory, ModuleState } from "../session/module-inventory.ts";

interface Entry {
  readonly digest: string;
  readonly state: ModuleState;
}

/**
 * Which modules this node has, under the names by which templates ask for them, and how far each is: a hint for placement. What
 * a name stands for may have changed at its source since. Bounded: of more names than that the least recently used is forgotten.
 */
export class ModuleBoard implements ModuleInventory {
  readonly #namesMax: number;
  /** The least recently used first. */
  readonly #entries = new Map<string, Entry>();
  #listener: (image: string) => void = () => {};

  constructor(namesMax: number) {
    this.#namesMax = namesMax;
  }

  fetched(image: string, digest: string): void {
    const known = this.#entries.get(image);
    this.#set(image, known?.digest === digest ? known : { digest, state: "fetched" });
  }

  prepared(image: string, digest: string): void {
    const known = this.#entries.get(image);
    const isKnown = known?.digest === digest && known.state === "prepared";
    this.#set(image, isKnown ? known : { digest, state: "prepared" });
  }

  /** Its bytes are not on this node any more. */
  dropped(digest: string): void {
    for (const [image, entry] of this.#entries) {
      if (entry.digest !== digest) continue;
      this.#entries.delete(image);
      this.#listener(image);
    }
  }

  /** Its translations are not on this node any more. */
  translationsDropped(digest: string): void {
    for (const [image, entry] of this.#entries) {
      if (entry.digest !== digest || entry.state !== "prepared") continue;
      this.#entries.set(image, { digest, state: "fetched" });
      this.#listener(image);
    }
  }

  images(): readonly string[] {
    return [...this.#entries.keys()];
  }

  stateOf(image: string): ModuleState | undefined {
    return this.#entries.get(image)?.state;
  }

  onChange(listener: (image: string) => void): void {
    this.#listener = listener;
  }

  #set(image: string, entry: Entry): void {
    const known = this.#entries.get(image);
    this.#entries.delete(image);
    this.#entries.set(image, entry);
    if (known === entry) return;
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= this.#namesMax) break;
      this.#entries.delete(oldest);
      this.#listener(oldest);
    }
    this.#listener(image);
  }
}
