import type { ApiObject } from "../../../api/object-meta.ts";

export interface SourceEvent {
  readonly kind: "put" | "delete";
  /** After a delete: the last state, with the resourceVersion of the deletion. */
  readonly object: ApiObject;
  /** What the object was before. undefined: it is new. */
  readonly previous: ApiObject | undefined;
  readonly revision: number;
}

/** The objects of one kind as this process knows them: what lists and watches are served from. Never waits. */
export interface ObjectSource {
  /** The resourceVersion of a list made now. */
  readonly revision: number;
  get(namespace: string, name: string): ApiObject | undefined;
  /** Ordered by namespace and name; undefined: all namespaces. */
  list(namespace: string | undefined): readonly ApiObject[];
  /** undefined when some of them are no longer known. */
  eventsAfter(revision: number): readonly SourceEvent[] | undefined;
  /** Events after this call, in order. The listener must not throw. */
  subscribe(listener: (event: SourceEvent) => void): Disposable;
}

/** Events that each kind keeps for watches that resume. */
const windowEventsMax = 4_096;

/** The last events of one kind. Bounded: the oldest go. */
export class EventWindow {
  #events: SourceEvent[] = [];
  /** Every event after this revision is here. */
  #completeAfter: number;

  constructor(revision: number) {
    this.#completeAfter = revision;
  }

  push(event: SourceEvent): void {
    this.#events.push(event);
    // Trimmed by halves, so that each event is moved once on average.
    if (this.#events.length < windowEventsMax * 2) return;
    this.#completeAfter = this.#events[windowEventsMax - 1]?.revision ?? this.#completeAfter;
    this.#events = this.#events.slice(windowEventsMax);
  }

  after(revision: number): readonly SourceEvent[] | undefined {
    if (revision < this.#completeAfter) return undefined;
    let low = 0;
    let high = this.#events.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#events[middle]?.revision ?? 0) <= revision) low = middle + 1;
      else high = middle;
    }
    return this.#events.slice(low);
  }
}

/** Objects by namespace and name, listed in order. Sorts only after a key was added or removed. */
export class ObjectIndex {
  readonly #namespaces = new Map<string, { objects: Map<string, ApiObject>; sorted: boolean }>();

  get(namespace: string, name: string): ApiObject | undefined {
    return this.#namespaces.get(namespace)?.objects.get(name);
  }

  put(object: ApiObject): ApiObject | undefined {
    const { namespace = "", name } = object.metadata;
    let space = this.#namespaces.get(namespace);
    if (!space) this.#namespaces.set(namespace, (space = { objects: new Map(), sorted: true }));
    const previous = space.objects.get(name);
    if (!previous) space.sorted = false;
    space.objects.set(name, object);
    return previous;
  }

  remove(namespace: string, name: string): ApiObject | undefined {
    const space = this.#namespaces.get(namespace);
    const previous = space?.objects.get(name);
    space?.objects.delete(name);
    if (space?.objects.size === 0) this.#namespaces.delete(namespace);
    return previous;
  }

  /** How many objects a namespace has, without looking at them. */
  count(namespace: string): number {
    return this.#namespaces.get(namespace)?.objects.size ?? 0;
  }

  list(namespace: string | undefined): readonly ApiObject[] {
    if (namespace !== undefined) return this.#listOne(namespace);
    return [...this.#namespaces.keys()].sort().flatMap((one) => this.#listOne(one));
  }

  #listOne(namespace: string): readonly ApiObject[] {
    const space = this.#namespaces.get(namespace);
    if (!space) return [];
    if (!space.sorted) {
      const entries = [...space.objects].sort(([a], [b]) => (a < b ? -1 : 1));
      space.objects = new Map(entries);
      space.sorted = true;
    }
    return [...space.objects.values()];
  }
}
