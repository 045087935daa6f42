import type { ApiObject } from "../../../api/object-meta.ts";
import { lowerBound } from "../../../kit/lower-bound.ts";
import type { MeasuredResource } from "../measured-resource.ts";
import type { ListPart, ObjectSource, PartQuery, SourceEvent } from "./object-source.ts";

/** A measured kind as a source of lists. Each page of a list is of its own moment. */
export class MeasuredSource implements ObjectSource {
  readonly #measured: MeasuredResource;

  constructor(measured: MeasuredResource) {
    this.#measured = measured;
  }

  get revision(): number {
    return this.#measured.revision;
  }

  get(namespace: string, name: string): ApiObject | undefined {
    return this.#measured.getByKey(`${namespace}\0${name}`);
  }

  list(namespace: string | undefined): readonly ApiObject[] {
    return this.#objects(this.#measured.keys(namespace));
  }

  listAt(namespace: string | undefined, revision: number): readonly ApiObject[] | undefined {
    return revision === this.revision ? this.list(namespace) : undefined;
  }

  part({ namespace, after, limit, revision }: PartQuery): ListPart | undefined {
    if (revision !== undefined && revision !== this.revision) return undefined;
    const keys = this.#measured.keys(namespace);
    const first = lowerBound(keys.length, (at) => (keys[at] ?? "") <= after);
    const taken = keys.slice(first, first + limit);
    return { objects: this.#objects(taken), remaining: keys.length - first - taken.length };
  }

  eventsAfter(): readonly SourceEvent[] | undefined {
    return undefined;
  }

  recall(): Promise<void> {
    return Promise.resolve();
  }

  subscribe(): Disposable {
    return { [Symbol.dispose]: () => {} };
  }

  #objects(keys: readonly string[]): readonly ApiObject[] {
    return keys.flatMap((key) => this.#measured.getByKey(key) ?? []);
  }
}
