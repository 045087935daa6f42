/**
 * WasmDisruptionBudgets in the engine: knows them all, says what may be stopped, and keeps their status.
 *
 *   budgets, workloads ─┐                ┌─▶ who wants to stop something: asks before it does
 *   instances, nodes ───┼─▶ BudgetBook ──┼─▶ owners of leaving instances: looked at when more may be stopped
 *   time (minReady) ────┘                └─▶ status, coalesced per budget
 *
 * What is told to stop is no longer healthy at once, in the same turn: nothing is counted twice, and no record of what was allowed
 * needs to be kept (policy/v1 has disruptedPods for that).
 */
import { isDeepStrictEqual } from "node:util";
import type { WasmDisruptionBudget } from "../../../api/gen/kinds.gen.ts";
import type { ApiObject } from "../../../api/object-meta.ts";
import type { Clock, Timer } from "../../../kit/clock.ts";
import { errorMessage } from "../../../kit/errors.ts";
import { KeyedWorker } from "../../../kit/keyed-worker.ts";
import type { Log } from "../../../kit/log.ts";
import type { Backend, BackendEvent, ResourceKey } from "../../backend/backend.ts";
import type { InstanceChange } from "../../core/cluster-state/changes.ts";
import type { ClusterState } from "../../core/cluster-state/cluster-state.ts";
import { BudgetBook, type Standing } from "../../core/disruption/budget-book.ts";
import { budgetStatus } from "../../core/disruption/budget-status.ts";
import type { DisruptionGuard, DisruptionTally } from "../../core/disruption/disruption-guard.ts";
import type { Instance } from "../../core/model.ts";
import { namespaceOf, type Workload } from "../workloads.ts";
import { ownerFactsOf } from "./owner-facts.ts";

export interface BudgetKeeperOptions {
  readonly backend: Backend;
  readonly clock: Clock;
  readonly log: Log;
  readonly state: Pick<ClusterState, "node" | "instances">;
  readonly workload: (uid: string) => Workload | undefined;
  /** More may be stopped than before: these owners have instances that should go. */
  readonly allowsMore: (ownerUids: Iterable<string>) => void;
}

export const budgetResource: ResourceKey = { group: "wherry.dev", plural: "wasmdisruptionbudgets" };
const statusIntervalMs = 200;

export class BudgetKeeper implements DisruptionGuard, AsyncDisposable {
  readonly #options: BudgetKeeperOptions;
  readonly #book: BudgetBook;
  readonly #worker: KeyedWorker;
  /** What each budget was taken in as. */
  readonly #bases = new Map<string, string>();
  #timer: { readonly atMs: number; readonly timer: Timer } | undefined;

  constructor(options: BudgetKeeperOptions) {
    this.#options = options;
    const { clock, log, state } = options;
    this.#book = new BudgetBook({
      instancesIn: (namespace) => instancesIn(state, namespace),
      owner: (uid) => {
        const workload = options.workload(uid);
        return workload && ownerFactsOf(workload);
      },
      isReachable: (nodeName) => state.node(nodeName)?.connection.kind === "connected",
      touched: (namespace, name) => this.#worker.schedule(`${namespace}/${name}`),
      allowsMore: options.allowsMore,
    });
    this.#worker = new KeyedWorker((key) => this.#write(key), {
      clock,
      concurrencyMax: 16,
      intervalMs: statusIntervalMs,
      backoff: { initialMs: 200, factor: 2, maxMs: 30_000 },
      failed: (key, thrown) =>
        log.warn("budget status not written, trying again", { budget: key, reason: errorMessage(thrown) }),
    });
  }

  async close(): Promise<void> {
    this.#timer?.timer.cancel();
    await this.#worker.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  event(event: BackendEvent): void {
    if (event.kind === "synced") return;
    const budget = asBudget(event.object);
    const { namespace = "", name } = budget.metadata;
    if (event.kind === "delete") {
      this.#bases.delete(`${namespace}/${name}`);
      this.#book.delete(budget);
    } else {
      if (this.#isAnother(budget)) this.#book.put(budget, this.#nowMs());
      // Also after our own write, which makes it equal, and after somebody else's, which may have spoilt it.
      this.#worker.schedule(`${namespace}/${name}`);
    }
    this.#arm();
  }

  instanceChanged({ kind, instance }: InstanceChange): void {
    this.#book.instanceChanged(instance, kind === "removed", this.#nowMs());
    this.#arm();
  }

  /** Its replicas and the like may be others than before; or it is gone. */
  workloadChanged(workload: Workload): void {
    this.#book.ownerChanged(namespaceOf(workload), workload.object.metadata.uid, this.#nowMs());
    this.#arm();
  }

  /** Every node that could hold instances has told of them, or is lost. */
  instancesAreKnown(): void {
    this.#book.instancesAreKnown();
  }

  /** Budgets that do not allow to stop this instance now. */
  refusals(instance: Instance): readonly Standing[] {
    return this.#book.refusals(instance);
  }

  mayDisrupt(instance: Instance): boolean {
    return this.#book.refusals(instance).length === 0;
  }

  tally(): DisruptionTally | undefined {
    return this.#book.tally();
  }

  note(instance: Instance): void {
    this.#book.instanceChanged(instance, false, this.#nowMs());
  }

  #nowMs(): number {
    return this.#options.clock.now();
  }

  /** A status of our own changes nothing that is counted. */
  #isAnother({ metadata: { namespace = "", name, uid, generation } }: WasmDisruptionBudget): boolean {
    const key = `${namespace}/${name}`;
    const basis = `${uid} ${generation}`;
    if (this.#bases.get(key) === basis) return false;
    this.#bases.set(key, basis);
    return true;
  }

  #arm(): void {
    const atMs = this.#book.nextDueMs();
    if (atMs === this.#timer?.atMs) return;
    this.#timer?.timer.cancel();
    this.#timer = undefined;
    if (atMs === undefined) return;
    const { clock } = this.#options;
    const timer = clock.setTimer(Math.max(0, atMs - clock.now()), () => {
      this.#timer = undefined;
      this.#book.timePassed(clock.now(), atMs);
      this.#arm();
    });
    this.#timer = { atMs, timer };
  }

  async #write(key: string): Promise<void> {
    const { backend, clock } = this.#options;
    const [namespace = "", name = ""] = key.split("/");
    const object = backend.get(budgetResource, namespace, name);
    const standing = this.#book.standing(namespace, name);
    if (!object || !standing) return;
    const status = budgetStatus(asBudget(object), standing, clock.now());
    if (isDeepStrictEqual(object["status"], status)) return;
    // A conflict means that a newer budget is on its way here as a watch event, which makes it due again.
    await backend.updateStatus(budgetResource, object, status);
  }
}

function asBudget(object: ApiObject): WasmDisruptionBudget & ApiObject {
  // The schema, from which the type is made, has accepted it.
  return object as unknown as WasmDisruptionBudget & ApiObject;
}

function* instancesIn(state: Pick<ClusterState, "instances">, namespace: string): Iterable<Instance> {
  for (const instance of state.instances()) if (instance.namespace === namespace) yield instance;
}
