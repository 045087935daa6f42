import type { ApiObject } from "../../../api/object-meta.ts";
import { lowerBound } from "../../../kit/lower-bound.ts";
import type { LiveResource } from "../live-resource.ts";
import { EventWindow, firstStates, undo } from "./event-window.ts";
import type { ListPart, ObjectSource, PartQuery, SourceEvent } from "./object-source.ts";

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
    return this.#live.list(namespace);
  }

  listAt(namespace: string | undefined, revision: number): readonly ApiObject[] | undefined {
    const events = this.#window.after(revision);
    return events && undo(this.list(namespace), events, namespace);
  }

  /** Objects are made when they are looked at, so no more than the part is. */
  part({ namespace, after, limit, revision }: PartQuery): ListPart | undefined {
    const events = revision === undefined ? [] : this.#window.after(revision);
    if (!events) return undefined;
    const before = firstStates(events, namespace);
    const keys = keysOf(this.#live.keys(namespace), before, after);
    const objects: ApiObject[] = [];
    let taken = 0;
    for (; taken < keys.length && objects.length < limit; taken++) {
      const key = keys[taken] ?? "";
      const object = before.has(key) ? before.get(key) : this.#live.getByKey(key);
      if (object) objects.push(object);
    }
    return { objects, remaining: keys.length - taken };
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

/** Those that there were, in order, after this one. `now`: those that there are; `before`: what was otherwise. */
function keysOf(
  now: readonly string[],
  before: ReadonlyMap<string, ApiObject | undefined>,
  after: string,
): readonly string[] {
  const rest = now.slice(lowerBound(now.length, (at) => (now[at] ?? "") <= after));
  if (before.size === 0) return rest;
  const gone = [...before].flatMap(([key, object]) => (object && key > after ? [key] : [])).sort();
  const keys: string[] = [];
  let next = 0;
  for (const key of rest) {
    for (let one = gone[next]; one !== undefined && one < key; one = gone[++next]) keys.push(one);
    if (gone[next] === key) next++;
    if (!before.has(key) || before.get(key)) keys.push(key);
  }
  return keys.concat(gone.slice(next));
}
