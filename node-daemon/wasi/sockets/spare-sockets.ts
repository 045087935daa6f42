/**
 * Sockets that are open and that nobody uses for now, the one that has been so for longest first. They are given up when there
 * are too many of them, and before anybody is refused a socket.
 */
export class SpareSockets {
  readonly #max: number;
  /** This and what it is a part of, where they count as well. */
  readonly #levels: readonly SpareSockets[];
  /** How to give up each. */
  readonly #all = new Set<() => void>();

  constructor(max: number, above?: SpareSockets) {
    this.#max = max;
    this.#levels = above ? [this, ...above.#levels] : [this];
  }

  get size(): number {
    return this.#all.size;
  }

  /** `giveUp` closes the socket, at once. Returns how to take it back, which has to be called when it is closed, too. */
  add(giveUp: () => void): () => void {
    const takeBack = () => {
      for (const level of this.#levels) level.#all.delete(entry);
    };
    const entry = () => {
      takeBack();
      giveUp();
    };
    for (const level of this.#levels) level.#all.add(entry);
    for (const level of this.#levels) if (level.#all.size > level.#max) level.giveUpOne();
    return takeBack;
  }

  /** False where there is none. */
  giveUpOne(): boolean {
    const [oldest] = this.#all;
    oldest?.();
    return oldest !== undefined;
  }
}
