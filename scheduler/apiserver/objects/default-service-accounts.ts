/** Every namespace has a ServiceAccount called `default`, as on a real server: what asks for no other runs as it. */
import type { ApiObject } from "../../../api/object-meta.ts";
import type { Clock } from "../../../kit/clock.ts";
import { errorCode } from "../../../kit/errors.ts";
import { KeyedWorker } from "../../../kit/keyed-worker.ts";
import type { Log } from "../../../kit/log.ts";
import type { Registry } from "../registry.ts";
import type { KindCache, StoreCache } from "../storage/store-cache.ts";
import { internalWrite, type ObjectWriter } from "./object-writer.ts";

export interface DefaultServiceAccountsParts {
  readonly registry: Registry;
  readonly cache: StoreCache;
  readonly writer: ObjectWriter;
  readonly clock: Clock;
  readonly log: Log;
}

const accountName = "default";

export class DefaultServiceAccounts implements AsyncDisposable {
  readonly #parts: DefaultServiceAccountsParts;
  readonly #namespaces: KindCache;
  readonly #accounts: KindCache;
  readonly #worker: KeyedWorker;
  readonly #subscriptions = new DisposableStack();

  constructor(parts: DefaultServiceAccountsParts) {
    const { cache, clock, log } = parts;
    this.#parts = parts;
    this.#namespaces = cache.of({ group: "", plural: "namespaces" });
    this.#accounts = cache.of({ group: "", plural: "serviceaccounts" });
    this.#worker = new KeyedWorker((namespace) => this.#ensure(namespace), {
      clock,
      concurrencyMax: 4,
      intervalMs: 0,
      backoff: { initialMs: 100, factor: 2, maxMs: 60_000 },
      failed: (namespace, err) => log.warn("default service account could not be made", { namespace, err }),
    });
  }

  /** Looks at all namespaces, then at those that come, and at accounts that go. */
  start(): void {
    for (const object of this.#namespaces.list(undefined)) this.#look(object);
    this.#subscriptions.use(
      this.#namespaces.subscribe(({ kind, object, previous }) => {
        if (kind === "put" && !previous) this.#look(object);
      }),
    );
    this.#subscriptions.use(
      this.#accounts.subscribe(({ kind, object: { metadata } }) => {
        if (kind === "delete" && metadata.name === accountName)
          this.#worker.schedule(metadata.namespace ?? "");
      }),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#subscriptions.dispose();
    await this.#worker.close();
  }

  #look({ metadata }: ApiObject): void {
    if (!this.#accounts.get(metadata.name, accountName)) this.#worker.schedule(metadata.name);
  }

  async #ensure(namespace: string): Promise<void> {
    const { registry, writer } = this.#parts;
    const kind = registry.findPlural("", "serviceaccounts");
    const there = this.#namespaces.get("", namespace);
    if (!kind || !there || there.metadata.deletionTimestamp !== undefined) return;
    const object = { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: accountName, namespace } };
    try {
      await writer.create(kind, namespace, { object, duplicateFields: [] }, internalWrite);
    } catch (thrown) {
      const code = errorCode(thrown) ?? "";
      // Somebody else has made it, or the namespace has gone. What a quota forbids is tried again.
      if (!["AlreadyExists", "NotFound"].includes(code)) throw thrown;
    }
  }
}
