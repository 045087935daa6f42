import type { ApiObject } from "../../../api/object-meta.ts";
import { lowerBound } from "../../../kit/lower-bound.ts";
import type { ListPart, PartQuery, SourceEvent } from "./object-source.ts";

/** What each kind keeps for watches that resume and for lists of the recent past. Whatever is beyond either bound goes. */
export const windowLimits = { eventsMax: 8_192, bytesMax: 32 * 1024 * 1024 } as const;

/** The last events of one kind. Bounded: the oldest go. */
export class EventWindow {
  #events: SourceEvent[] = [];
  #bytes = 0;
  /** Every event after this revision is here. */
  #completeAfter: number;

  constructor(revision: number) {
    this.#completeAfter = revision;
  }

  /** What is known ends here. */
  get completeAfter(): number {
    return this.#completeAfter;
  }

  push(event: SourceEvent): void {
    this.#events.push(event);
    this.#bytes += event.bytes;
    while (this.#events.length > windowLimits.eventsMax || this.#bytes > windowLimits.bytesMax)
      this.#dropOldest();
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

  /** A quarter at a time, so that each event is moved a few times at most. */
  #dropOldest(): void {
    const count = Math.ceil(this.#events.length / 4);
    for (const { bytes, revision } of this.#events.slice(0, count)) {
      this.#bytes -= bytes;
      this.#completeAfter = revision;
    }
    this.#events = this.#events.slice(count);
  }
}

/** What `objects` (in order) was before the events, which came after: each is taken back, the newest first. */
export function undo(
  objects: readonly ApiObject[],
  events: readonly SourceEvent[],
  namespace: string | undefined,
): readonly ApiObject[] {
  const before = firstStates(events, namespace);
  if (before.size === 0) return objects;
  // The objects are in order and many, the events few: what lies between two of them is taken as it is.
  const result: ApiObject[] = [];
  let from = 0;
  for (const [key, object] of [...before].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const at = firstFrom(objects, key);
    for (const one of objects.slice(from, at)) result.push(one);
    if (object) result.push(object);
    const found = objects[at];
    from = found && keyOf(found) === key ? at + 1 : at;
  }
  return result.concat(objects.slice(from));
}

/** What each object was before all of the events, by key; undefined: it was not there. */
export function firstStates(
  events: readonly SourceEvent[],
  namespace: string | undefined,
): ReadonlyMap<string, ApiObject | undefined> {
  const before = new Map<string, ApiObject | undefined>();
  for (const { object, previous } of events) {
    if (namespace !== undefined && object.metadata.namespace !== namespace) continue;
    const key = keyOf(object);
    if (!before.has(key)) before.set(key, previous);
  }
  return before;
}

/** Of a list that is there in whole. */
export function partOf(objects: readonly ApiObject[], { after, limit }: PartQuery): ListPart {
  let from = firstFrom(objects, after);
  const first = objects[from];
  if (first && keyOf(first) === after) from++;
  const to = Math.min(objects.length, from + limit);
  return { objects: objects.slice(from, to), remaining: objects.length - to };
}

/** The position of the first object whose key is this one or comes after it. */
function firstFrom(objects: readonly ApiObject[], key: string): number {
  return lowerBound(objects.length, (at) => isBefore(objects[at], key));
}

function isBefore(object: ApiObject | undefined, key: string): boolean {
  return object !== undefined && keyOf(object) < key;
}

/** Namespaces and names have no NUL and none of them sorts before it, so this is the order of lists. */
export function keyOf({ metadata }: ApiObject): string {
  return `${metadata.namespace ?? ""}\0${metadata.name}`;
}
