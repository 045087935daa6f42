import { ResourceCount } from "./component-resources.ts";
import { GuestEnded, type ComponentHost } from "./host.ts";
import { limits } from "./limits.ts";
import { FakeHost } from "./test-support.ts";

/** A `FakeHost` for components: several waits at once, which all end when a test kills the instance. */
export class FakeComponentHost extends FakeHost implements ComponentHost {
  ended = false;
  readonly kept = new Map<object, unknown>();
  resources = new ResourceCount(limits.resourcesMax);
  readonly #kills = new Set<() => void>();
  readonly #finishes = new Set<() => Promise<void>>();
  readonly #closers: (() => void)[] = [];

  override exit(code: number): never {
    super.exit(code);
    this.#end();
    throw new GuestEnded();
  }

  override async wait<T>(begin: (wake: (value: T) => void) => () => void, whenKilled: T): Promise<T> {
    this.waits++;
    if (this.ended) return whenKilled;
    const { promise, resolve } = Promise.withResolvers<T>();
    const cancel = begin(resolve);
    const kill = () => resolve(whenKilled);
    this.#kills.add(kill);
    try {
      return await promise;
    } finally {
      this.#kills.delete(kill);
      cancel();
    }
  }

  override kill = (): void => this.#end();

  onReturn(finish: () => Promise<void>): () => void {
    this.#finishes.add(finish);
    return () => this.#finishes.delete(finish);
  }

  /** The guest has returned. */
  async finish(): Promise<void> {
    for (const finish of this.#finishes) await finish();
  }

  get unfinished(): number {
    return this.#finishes.size;
  }

  onEnd(close: () => void): void {
    this.#closers.push(close);
  }

  /** Tears the instance down. */
  close(): void {
    this.#end();
    for (const close of this.#closers.splice(0)) close();
  }

  /** How many waits have not ended. */
  get waiting(): number {
    return this.#kills.size;
  }

  #end(): void {
    this.ended = true;
    for (const kill of this.#kills) kill();
  }
}
