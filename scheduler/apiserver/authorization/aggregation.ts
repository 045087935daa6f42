/**
 * Keeps the rules of aggregated ClusterRoles: the union of the rules of all that their selectors find.
 *
 *   change of any ClusterRole ─▶ wait `settleMs` ─▶ compute all ─▶ write what differs
 *
 * What a role aggregates depends on labels, selectors and the rules of roles that aggregate nothing, never on what was
 * written here: so roles may select one another, even in a circle, and one run is enough. Its own writes cause a run that
 * finds nothing to do. Nothing polls; there is one run at a time, and at most one more waiting.
 */
import type { ApiObject } from "../../../api/object-meta.ts";
import { selectorMatches } from "../../../api/validation/label-selector.ts";
import type { BackoffLimits } from "../../../kit/backoff.ts";
import { type Clock, sleep } from "../../../kit/clock.ts";
import { KeyedWorker } from "../../../kit/keyed-worker.ts";
import type { Log } from "../../../kit/log.ts";
import { isObject } from "../resource.ts";
import type { ObjectSource } from "../storage/object-source.ts";
import { objectsOf, type PolicyRule, ruleIdentity, rulesOf } from "./policy.ts";

/** `kubectl apply` of a chart changes many roles at once. */
const settleMs = 50;
const backoff: BackoffLimits = { initialMs: 500, factor: 2, maxMs: 30_000 };

/** Writes the rules of a role, whatever they were. Rejects when they could not be written: it is tried again. */
export type WriteRules = (role: ApiObject, rules: readonly PolicyRule[]) => Promise<void>;

export class RoleAggregator implements AsyncDisposable {
  readonly #source: ObjectSource;
  readonly #writeRules: WriteRules;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #worker: KeyedWorker;
  readonly #subscription: Disposable;
  readonly #closing = new AbortController();

  constructor(
    clusterRoles: ObjectSource,
    writeRules: WriteRules,
    options: { readonly clock: Clock; readonly log: Log },
  ) {
    this.#source = clusterRoles;
    this.#writeRules = writeRules;
    this.#clock = options.clock;
    this.#log = options.log;
    this.#worker = new KeyedWorker(() => this.#run(), {
      clock: options.clock,
      concurrencyMax: 1,
      intervalMs: 0,
      backoff,
      failed: (_, thrown) => this.#log.warn("cluster roles could not be aggregated", { err: thrown }),
    });
    this.#subscription = clusterRoles.subscribe(() => this.#worker.schedule("all"));
    this.#worker.schedule("all");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#subscription[Symbol.dispose]();
    this.#closing.abort();
    await this.#worker.close();
  }

  async #run(): Promise<void> {
    try {
      await sleep(this.#clock, settleMs, this.#closing.signal);
    } catch {
      return;
    }
    const failures: unknown[] = [];
    for (const { role, rules } of staleRoles(this.#source.list(undefined))) {
      if (this.#closing.signal.aborted) return;
      await this.#writeRules(role, rules).catch((thrown: unknown) => failures.push(thrown));
    }
    if (failures.length > 0) throw new AggregateError(failures, `${failures.length} of them failed`);
  }
}

/** A ClusterRole, stored or yet to be. */
interface AnyRole {
  readonly metadata: { readonly name: string; readonly labels?: Readonly<Record<string, string>> };
  readonly [field: string]: unknown;
}

export interface StaleRole<R> {
  readonly role: R;
  readonly rules: readonly PolicyRule[];
}

/** The aggregated roles whose rules are not what they should be, and what they should be. */
export function staleRoles<R extends AnyRole>(clusterRoles: readonly R[]): readonly StaleRole<R>[] {
  const selections = selectionsOf(clusterRoles);
  return clusterRoles
    .filter(isAggregated)
    .map((role) => ({ role, rules: collectRules(role, selections) }))
    .filter(({ role, rules }) => !sameRules(rules, rulesOf(role)));
}

export function isAggregated(role: { readonly [field: string]: unknown }): boolean {
  return isObject(role["aggregationRule"]);
}

type Selections = ReadonlyMap<string, readonly AnyRole[]>;

/** What each aggregated role selects: selector by selector, within one by name. */
function selectionsOf(clusterRoles: readonly AnyRole[]): Selections {
  const sorted = [...clusterRoles].sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
  return new Map(
    sorted.filter(isAggregated).map((role) => {
      const aggregation = isObject(role["aggregationRule"]) ? role["aggregationRule"] : {};
      const selected = objectsOf(aggregation["clusterRoleSelectors"]).flatMap((selector) =>
        sorted.filter(({ metadata }) => selectorMatches(selector, metadata.labels ?? {})),
      );
      return [role.metadata.name, selected];
    }),
  );
}

/** Each rule once, in the order in which it is found first. */
function collectRules(role: AnyRole, selections: Selections): readonly PolicyRule[] {
  const rules = new Map<string, PolicyRule>();
  const seen = new Set<string>();
  // A stack of its own: a chain of roles may be longer than the program's.
  const open: AnyRole[] = [role];
  for (let next = open.pop(); next; next = open.pop()) {
    const { name } = next.metadata;
    if (seen.has(name)) continue;
    seen.add(name);
    const selected = selections.get(name);
    if (selected) open.push(...selected.toReversed());
    else
      for (const rule of rulesOf(next)) {
        const identity = ruleIdentity(rule);
        if (!rules.has(identity)) rules.set(identity, rule);
      }
  }
  return [...rules.values()];
}

function sameRules(a: readonly PolicyRule[], b: readonly PolicyRule[]): boolean {
  return a.length === b.length && a.every((rule, at) => ruleIdentity(rule) === ruleIdentity(b[at] ?? rule));
}
