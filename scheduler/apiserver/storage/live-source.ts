import type { ApiObject } from "../../../api/object-meta.ts";
import type { LiveResource } from "../live-resource.ts";
import { EventWindow, keyOf, undo } from "./event-window.ts";
import type { ObjectSource, SourceEvent } from "./object-source.ts";

/** A live kind as a source of lists and watches. */
export class LiveSource implements ObjectSource, Disposable {
  readonly #live: LiveResource;
  readonly #window: EventWindow;
  readonly #listeners = new Set<(event: SourceEvent) => void>();
  readonly #subscription: Disposable;

  constructor(live: LiveResource) {
    this.#live = live;
    this.#window = new EventWindow(live.revision);
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

  #apply(event: SourceEvent): void {
    this.#window.push(event);
    for (const listener of this.#listeners) listener(event);
  }
}
