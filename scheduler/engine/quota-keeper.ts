/**
 * ResourceQuotas in the engine: knows them all, answers placement, and keeps their status.
 *
 *   ResourceQuota events ─┐                 ┌─▶ placement: asks before it looks at nodes, is woken when one changes
 *   instances come and go ┼─▶ QuotaBook ────┤
 *   objects come and go ──┘                 └─▶ status.hard and status.used, coalesced per quota
 *
 * Until all nodes have reported after a start, it is not known what the instances use: what a quota counts of them is not
 * placed, and status.used stays as the scheduler before has left it.
 */
import type { Clock } from "../../kit/clock.ts";
import { errorMessage } from "../../kit/errors.ts";
import { KeyedWorker } from "../../kit/keyed-worker.ts";
import type { Log } from "../../kit/log.ts";
import type { Backend, BackendEvent, ResourceKey } from "../backend/backend.ts";
import type { ObjectCounts } from "../backend/object-counts.ts";
import type { InstanceChange } from "../core/cluster-state/changes.ts";
import type { ClusterState } from "../core/cluster-state/cluster-state.ts";
import { objectCountNames } from "../core/quota/object-counts.ts";
import { QuotaBook } from "../core/quota/quota-book.ts";
import type { Quota } from "../core/quota/quota.ts";
import { isPlaced } from "../core/quota/quota-usage.ts";
import { hasStatus, quotaStatus } from "./quota-status.ts";

export interface QuotaKeeperOptions {
  readonly backend: Backend;
  readonly clock: Clock;
  readonly log: Log;
  readonly state: ClusterState;
  /** undefined: somebody else writes the status of quotas, as Kubernetes' own controller does. */
  readonly objectCounts: ObjectCounts | undefined;
  /** The quotas of a namespace let through what they did not, or say something else of it. */
  readonly changed: (namespace: string) => void;
}

export const quotaResource: ResourceKey = { group: "", plural: "resourcequotas" };
/** A thousand instances that are placed within a second are five writes. */
const statusIntervalMs = 200;

export class QuotaKeeper implements AsyncDisposable {
  readonly book: QuotaBook;
  readonly #options: QuotaKeeperOptions;
  readonly #worker: KeyedWorker;
  readonly #subscription: Disposable | undefined;

  constructor(options: QuotaKeeperOptions) {
    this.#options = options;
    this.book = new QuotaBook(options.state.quotaUsage);
    this.#worker = new KeyedWorker((key) => this.#write(key), {
      clock: options.clock,
      concurrencyMax: 16,
      intervalMs: statusIntervalMs,
      backoff: { initialMs: 200, factor: 2, maxMs: 30_000 },
      failed: (key, thrown) =>
        options.log.warn("quota status not written, trying again", {
          quota: key,
          reason: errorMessage(thrown),
        }),
    });
    this.#subscription = options.objectCounts?.subscribe((kind, namespace) => {
      const names = objectCountNames(kind);
      this.#touch(namespace, ({ limits }) => limits.some(({ name }) => names.includes(name)));
    });
  }

  async close(): Promise<void> {
    this.#subscription?.[Symbol.dispose]();
    await this.#worker.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  event(event: BackendEvent): void {
    if (event.kind === "synced") return;
    const { namespace = "", name } = event.object.metadata;
    if (event.kind === "delete") {
      this.book.delete(event.object);
      this.#options.changed(namespace);
      return;
    }
    if (this.book.put(event.object)) this.#options.changed(namespace);
    // Also after our own write, which makes it equal, and after somebody else's, which may have spoilt it.
    this.#schedule(namespace, name);
  }

  instanceChanged({ kind, instance, before }: InstanceChange): void {
    const was = before !== undefined && isPlaced(before);
    const is = kind !== "removed" && isPlaced(instance);
    if (was !== is) this.#touch(instance.namespace, ({ compute }) => compute.length > 0);
  }

  /** Every node that could hold instances has told of them, or is lost. */
  usageIsKnown(): void {
    if (this.book.isUsageKnown) return;
    this.book.usageIsKnown();
    for (const namespace of this.book.namespaces()) {
      this.#options.changed(namespace);
      this.#touch(namespace, ({ compute }) => compute.length > 0);
    }
  }

  #touch(namespace: string, concerns: (quota: Quota) => boolean): void {
    for (const quota of this.book.of(namespace)) if (concerns(quota)) this.#schedule(namespace, quota.name);
  }

  #schedule(namespace: string, name: string): void {
    if (this.#options.objectCounts) this.#worker.schedule(`${namespace}/${name}`);
  }

  async #write(key: string): Promise<void> {
    const { backend, objectCounts } = this.#options;
    const [namespace = "", name = ""] = key.split("/");
    const object = backend.get(quotaResource, namespace, name);
    const quota = this.book.get(namespace, name);
    if (!object || !quota) return;
    const status = quotaStatus(object, quota, {
      used: this.book.isUsageKnown ? this.book.used(namespace, quota) : undefined,
      count: (kind) => objectCounts?.count(kind, namespace),
    });
    if (hasStatus(object, status)) return;
    // A conflict means that a newer quota is on its way here as a watch event, which makes it due again.
    await backend.updateStatus(quotaResource, object, status);
  }
}
