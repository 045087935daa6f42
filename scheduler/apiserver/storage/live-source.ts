import type { ApiObject } from "../../../api/object-meta.ts";
import type { LiveEvent, LiveResource } from "../live-resource.ts";
import { EventWindow, keyOf, undo } from "./event-window.ts";
import type { ObjectSource, SourceEvent } from "./object-source.ts";

/** An instance as an object, roughly. */
const liveObjectBytes = 4_096;

/** A live kind as a source of lists and watches. Remembers what each object was, to tell new from changed. */
export class LiveSource implements ObjectSource, Disposable {
  readonly #live: LiveResource;
  readonly #window: EventWindow;
  readonly #known = new Map<string, ApiObject>();
  readonly #listeners = new Set<(event: SourceEvent) => void>();
  readonly #subscription: Disposable;

  constructor(live: LiveResource) {
    this.#live = live;
    this.#window = new EventWindow(live.revision);
    for (const object of live.list(undefined)) this.#known.set(keyOf(object), object);
    this.#subscription = live.subscribe((event) => this.#apply(event));
  }

  get revision(): number {
    return this.#live.revision;
  }

  get(namespace: string, name: string): ApiObject | undefined {
    return this.#live.get(namespace, name);
  }

  list(namespace: string | undefined): readonly ApiObject[] {
    const keyed = this.#live.list(namespace).map((object) => [keyOf(object), object] as const);
    return keyed.sort(([a], [b]) => (a < b ? -1 : 1)).map(([, object]) => object);
  }

  listAt(namespace: string | undefined, revision: number): readonly ApiObject[] | undefined {
    const events = this.#window.after(revision);
    return events && undo(this.list(namespace), events, namespace);
  }

  eventsAfter(revision: number): readonly SourceEvent[] | undefined {
    return this.#window.after(revision);
  }

  /** Live kinds have no past beyond this process. */
  recall(): Promise<void> {
    return Promise.resolve();
  }

  subscribe(listener: (event: SourceEvent) => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  [Symbol.dispose](): void {
    this.#subscription[Symbol.dispose]();
  }

  #apply({ kind, object }: LiveEvent): void {
    const key = keyOf(object);
    const previous = this.#known.get(key);
    if (kind === "put") this.#known.set(key, object);
    else this.#known.delete(key);
    const revision = Number(object.metadata.resourceVersion);
    const event: SourceEvent = { kind, object, previous, revision, bytes: liveObjectBytes };
    this.#window.push(event);
    for (const listener of this.#listeners) listener(event);
  }
}
