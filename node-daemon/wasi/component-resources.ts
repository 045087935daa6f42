/**
 * What a component holds by handle: streams, pollables, descriptors, sockets, header fields. Such objects lie on the host's
 * heap, outside the memory that the guest is charged for, so each instance has a bounded number of them.
 *
 * jco's bindings call `[Symbol.dispose]` when the guest drops its handle. They keep the object itself and pass it back as
 * `this`; after a stale handle they make one with the class's prototype and no fields, which `#private` fields refuse.
 * Every answer to a guest is a new object: the bindings tie an object to one handle.
 */
interface Engine {
  readonly RuntimeError: new (message: string) => Error;
}

/** The compiler's library has no types for it. */
const engine = (globalThis as unknown as { readonly WebAssembly: Engine }).WebAssembly;

/**
 * The guest broke a rule of an interface, for which WIT has no error: it traps. The engine's own class, so that the bindings
 * let nobody enter the component again.
 */
export class GuestTrap extends engine.RuntimeError {}

export function trap(what: string): never {
  throw new GuestTrap(what);
}

/** Of one instance. A full one traps the guest. */
export class ResourceCount {
  readonly #max: number;
  #open = 0;

  constructor(max: number) {
    this.#max = max;
  }

  get open(): number {
    return this.#open;
  }

  take(): void {
    if (this.#open >= this.#max) {
      trap(`open a resource: ${this.#open} are open, of at most ${this.#max}; drop those that are done with`);
    }
    this.#open++;
  }

  giveBack(): void {
    this.#open--;
  }
}

/**
 * A class as guests construct it, who say nothing of their instance: with its first parameter given. A class of the instance's own would do,
 * but the engine begins anew with each, and what it keeps of one lies in the old generation from the start, and with it the instance.
 */
export function boundTo<First, Rest extends unknown[], Resource>(
  first: First,
  resource: new (first: First, ...rest: Rest) => Resource,
): new (...rest: Rest) => Resource {
  const { prototype } = resource as { readonly prototype: unknown };
  const bound: new (...rest: Rest) => Resource = resource.bind(undefined, first);
  // It would inherit the one of the class above.
  return Object.defineProperty(bound, "prototype", { value: prototype });
}

/** Base of all classes of resources that are offered to guests. */
export abstract class HostResource implements Disposable {
  readonly #count: ResourceCount;
  #dropped = false;

  constructor(holder: { readonly resources: ResourceCount }) {
    holder.resources.take();
    this.#count = holder.resources;
  }

  /** What it stands for may be gone: a method that is still under way must not touch it. */
  get dropped(): boolean {
    return this.#dropped;
  }

  [Symbol.dispose](): void {
    if (this.#dropped) return;
    this.#dropped = true;
    this.#count.giveBack();
    this.release?.();
  }

  /** Lets go of what the resource stands for. Called once. */
  protected release?(): void;
}
