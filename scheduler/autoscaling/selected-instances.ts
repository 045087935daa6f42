/**
 * Instances by label selectors, for targets that own none themselves: kinds of users, whose Scale names a selector. Each
 * selector that is in use keeps the uids of those that it selects, so that nobody goes through all instances again.
 *
 * O(selectors in use in its namespace) per instance that comes or goes, and once through all instances when a selector comes
 * into use.
 */
import type { InstanceChange } from "../core/cluster-state/changes.ts";
import type { Instance } from "../core/model.ts";
import { type LabelMatcher, parseLabelQuery } from "../apiserver/selectors/label-query.ts";

export interface InstanceLookup {
  instance(uid: string): Instance | undefined;
  instances(): Iterable<Instance>;
}

export interface Selection extends Disposable {
  instances(): Iterable<Instance>;
}

interface Selected {
  readonly matches: LabelMatcher;
  readonly uids: Set<string>;
  users: number;
}

/** A Scale that names no selector, or none that can be read, has no instances that are known. */
const emptySelection: Selection = { instances: () => [], [Symbol.dispose]: () => {} };

export class SelectedInstances {
  readonly #state: InstanceLookup;
  readonly #byNamespace = new Map<string, Map<string, Selected>>();

  constructor(state: InstanceLookup) {
    this.#state = state;
  }

  open(namespace: string, selector: string): Selection {
    const selected = this.#find(namespace, selector);
    if (selected === undefined) return emptySelection;
    selected.users++;
    let isOpen = true;
    return {
      instances: () => this.#instancesOf(selected),
      [Symbol.dispose]: () => {
        if (isOpen) this.#close(namespace, selector);
        isOpen = false;
      },
    };
  }

  instanceChanged({ kind, instance }: InstanceChange): void {
    const selectors = this.#byNamespace.get(instance.namespace);
    if (selectors === undefined) return;
    for (const { matches, uids } of selectors.values())
      if (kind !== "removed" && matches(instance.labels)) uids.add(instance.uid);
      else uids.delete(instance.uid);
  }

  #find(namespace: string, selector: string): Selected | undefined {
    const known = this.#byNamespace.get(namespace)?.get(selector);
    if (known) return known;
    const matches = matcherOf(selector);
    if (matches === undefined) return undefined;
    const uids = new Set<string>();
    for (const instance of this.#state.instances())
      if (instance.namespace === namespace && matches(instance.labels)) uids.add(instance.uid);
    const selected: Selected = { matches, uids, users: 0 };
    const selectors = this.#byNamespace.get(namespace) ?? new Map<string, Selected>();
    this.#byNamespace.set(namespace, selectors.set(selector, selected));
    return selected;
  }

  *#instancesOf({ uids }: Selected): Iterable<Instance> {
    for (const uid of uids) {
      const instance = this.#state.instance(uid);
      if (instance) yield instance;
    }
  }

  #close(namespace: string, selector: string): void {
    const selectors = this.#byNamespace.get(namespace);
    const selected = selectors?.get(selector);
    if (selectors === undefined || selected === undefined || --selected.users > 0) return;
    selectors.delete(selector);
    if (selectors.size === 0) this.#byNamespace.delete(namespace);
  }
}

function matcherOf(selector: string): LabelMatcher | undefined {
  try {
    return parseLabelQuery(selector);
  } catch {
    // What a kind of a user's has in that field is no matter of ours.
    return undefined;
  }
}
