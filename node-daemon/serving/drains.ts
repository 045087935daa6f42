/**
 * Endpoints that gateways are told to send nothing more, and whose requests under way are waited for.
 *
 *   begin ─▶ waiting for each gateway that is there ── each has said drained, or is dead ─▶ drained
 *               └── forgotten: nobody waits any more
 *
 * A gateway that comes anew is not asked: it has never known the endpoint. One whose connection was lost is asked again.
 */

export interface DrainsOptions<G> {
  readonly gateways: () => Iterable<G>;
  readonly ask: (gateway: G, uid: string) => void;
}

interface Drain<G> {
  readonly waiting: Set<G>;
  readonly done: PromiseWithResolvers<void>;
}

export class Drains<G> {
  readonly #options: DrainsOptions<G>;
  readonly #drains = new Map<string, Drain<G>>();

  constructor(options: DrainsOptions<G>) {
    this.#options = options;
  }

  /** Resolves once nothing is under way there. At once where there is no gateway. */
  begin(uid: string): Promise<void> {
    const known = this.#drains.get(uid);
    if (known) return known.done.promise;
    const drain: Drain<G> = { waiting: new Set(this.#options.gateways()), done: Promise.withResolvers() };
    this.#drains.set(uid, drain);
    for (const gateway of drain.waiting) this.#options.ask(gateway, uid);
    this.#review(uid, drain);
    return drain.done.promise;
  }

  /** The instance has ended, or is to be waited for no longer. */
  forget(uid: string): void {
    this.#drains.get(uid)?.done.resolve();
    this.#drains.delete(uid);
  }

  drained(gateway: G, uid: string): void {
    const drain = this.#drains.get(uid);
    if (!drain?.waiting.delete(gateway)) return;
    this.#review(uid, drain);
  }

  /** What its snapshot has to be followed by. */
  askedOf(gateway: G): readonly string[] {
    return [...this.#drains].filter(([, { waiting }]) => waiting.has(gateway)).map(([uid]) => uid);
  }

  died(gateway: G): void {
    for (const [uid, drain] of this.#drains) if (drain.waiting.delete(gateway)) this.#review(uid, drain);
  }

  #review(uid: string, { waiting, done }: Drain<G>): void {
    if (waiting.size > 0) return;
    this.#drains.delete(uid);
    done.resolve();
  }
}
