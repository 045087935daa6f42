import type { ApiObject } from "../../../api/object-meta.ts";

interface Space {
  readonly byName: Map<string, ApiObject>;
  /** By name. Kept in order by insertion, so that lists under churn do not sort again and again. */
  ordered: ApiObject[];
  /** Somebody has `ordered` as a list: it is copied before it is changed. */
  isListed: boolean;
}

/** Objects by namespace and name, listed in order. */
export class ObjectIndex {
  readonly #namespaces = new Map<string, Space>();
  #size = 0;
  /** The names of namespaces, in order. undefined: not known any more. */
  #order: readonly string[] | undefined;
  /** The list of all, for those who read it page by page. undefined: something has changed since. */
  #all: readonly ApiObject[] | undefined;

  get size(): number {
    return this.#size;
  }

  sizeOf(namespace: string): number {
    return this.#namespaces.get(namespace)?.byName.size ?? 0;
  }

  get(namespace: string, name: string): ApiObject | undefined {
    return this.#namespaces.get(namespace)?.byName.get(name);
  }

  /** Returns what was there before. */
  put(object: ApiObject): ApiObject | undefined {
    const { namespace = "", name } = object.metadata;
    const space = this.#spaceOf(namespace);
    const previous = space.byName.get(name);
    space.byName.set(name, object);
    const ordered = this.#changed(space);
    if (previous) {
      ordered[positionOf(ordered, name)] = object;
      return previous;
    }
    this.#size++;
    const last = ordered.at(-1);
    if (!last || last.metadata.name < name) ordered.push(object);
    else ordered.splice(positionOf(ordered, name), 0, object);
    return undefined;
  }

  /** For a start: many objects, in any order, none of which is there yet. Much cheaper than `put` for each. */
  load(objects: Iterable<ApiObject>): void {
    const touched = new Set<Space>();
    for (const object of objects) {
      const space = this.#spaceOf(object.metadata.namespace ?? "");
      space.byName.set(object.metadata.name, object);
      touched.add(space);
    }
    for (const space of touched) {
      this.#size += space.byName.size - space.ordered.length;
      space.ordered = [...space.byName.values()].sort(compareNames);
      space.isListed = false;
    }
    this.#all = undefined;
  }

  remove(namespace: string, name: string): ApiObject | undefined {
    const space = this.#namespaces.get(namespace);
    const previous = space?.byName.get(name);
    if (!space || !previous) return undefined;
    space.byName.delete(name);
    const ordered = this.#changed(space);
    ordered.splice(positionOf(ordered, name), 1);
    this.#size--;
    if (space.byName.size > 0) return previous;
    this.#namespaces.delete(namespace);
    this.#order = undefined;
    return previous;
  }

  /** Ordered by namespace and name, and never changed; undefined: all namespaces. */
  list(namespace: string | undefined): readonly ApiObject[] {
    if (namespace === undefined) return (this.#all ??= this.#listAll());
    const space = this.#namespaces.get(namespace);
    if (!space) return [];
    space.isListed = true;
    return space.ordered;
  }

  #listAll(): readonly ApiObject[] {
    this.#order ??= [...this.#namespaces.keys()].sort();
    const all: ApiObject[] = [];
    for (const name of this.#order)
      for (const object of this.#namespaces.get(name)?.ordered ?? []) all.push(object);
    return all;
  }

  /** The list of the space, to be changed now. */
  #changed(space: Space): ApiObject[] {
    this.#all = undefined;
    if (space.isListed) space.ordered = [...space.ordered];
    space.isListed = false;
    return space.ordered;
  }

  #spaceOf(namespace: string): Space {
    const known = this.#namespaces.get(namespace);
    if (known) return known;
    const space: Space = { byName: new Map(), ordered: [], isListed: false };
    this.#namespaces.set(namespace, space);
    this.#order = undefined;
    return space;
  }
}

function compareNames(a: ApiObject, b: ApiObject): number {
  return a.metadata.name < b.metadata.name ? -1 : a.metadata.name > b.metadata.name ? 1 : 0;
}

/** Where the name is, or where it belongs. */
function positionOf(ordered: readonly ApiObject[], name: string): number {
  let low = 0;
  let high = ordered.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((ordered[middle]?.metadata.name ?? "") < name) low = middle + 1;
    else high = middle;
  }
  return low;
}
