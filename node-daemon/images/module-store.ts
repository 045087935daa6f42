/**
 * Gets modules. The pull policy is IfChanged:
 * - With a digest, the cache answers if it can; nothing is asked.
 * - Without one, each new instance has the source looked at: a file is read again when its inode, size or time changed;
 *   http is asked with If-None-Match. Instances that come together share one look, and for two seconds after it.
 * - A restart of an instance keeps to the digest it first got (the lifecycle remembers it).
 *
 * Concurrent calls for one image share one fetch, which is abandoned when the last of them is. A bounded number of
 * fetches runs at once; further ones wait.
 */
import type { Clock } from "../../kit/clock.ts";
import type { Log } from "../../kit/log.ts";
import { Gate } from "../core/gate.ts";
import type { AllowedRoots } from "../volumes/allowed-roots.ts";
import { imageLimits } from "./limits.ts";
import { type CachedModule, ModuleCache } from "./module-cache.ts";
import { causeOf, openSource, SourceFailure, tooLarge } from "./module-source.ts";

export interface ModuleRequest {
  readonly image: string;
  /** Whose instance is to run it: not every namespace may read every folder of the node. */
  readonly namespace: string;
  /** Hexadecimal SHA-256. */
  readonly digest: string | undefined;
  /** Taken from the cache if it is there, without asking the source: what a restarted instance ran before. */
  readonly preferred?: string | undefined;
}

export type ModuleOutcome =
  | { readonly kind: "fetched"; readonly module: CachedModule }
  | {
      readonly kind: "failed";
      readonly reason: string;
      readonly message: string;
      readonly retryable: boolean;
    };

interface Fetch {
  readonly outcome: Promise<ModuleOutcome>;
  readonly abort: AbortController;
  waiting: number;
}

interface Known {
  readonly digest: string;
  readonly validator: string | undefined;
  readonly lookedMs: number;
}

export interface ModuleStoreOptions {
  readonly folder: string;
  readonly roots: AllowedRoots;
  readonly clock: Clock;
  readonly log: Log;
  readonly cacheBytesMax?: number;
  /** A module has come: what is kept of others may be too much now. */
  readonly onFetched?: () => void;
  /** A module is not kept any longer. */
  readonly onDropped?: (digest: string) => void;
}

export class ModuleStore {
  readonly #options: ModuleStoreOptions;
  readonly #cache: ModuleCache;
  readonly #gate = new Gate(imageLimits.concurrencyMax);
  readonly #fetches = new Map<string, Fetch>();
  /** What each image was when it was last looked at. One entry per image in the cache: dropped when it leaves it. */
  readonly #known = new Map<string, Known>();

  private constructor(options: ModuleStoreOptions, cache: ModuleCache) {
    this.#options = options;
    this.#cache = cache;
  }

  static async open(options: ModuleStoreOptions): Promise<ModuleStore> {
    const { folder, cacheBytesMax = imageLimits.cacheBytesMax, onDropped } = options;
    const cache = await ModuleCache.open(folder, cacheBytesMax, onDropped);
    return new ModuleStore(options, cache);
  }

  retain(digest: string): void {
    this.#cache.retain(digest);
  }

  release(digest: string): void {
    this.#cache.release(digest);
  }

  isUsed(digest: string): boolean {
    return this.#cache.isUsed(digest);
  }

  lastUsed(digest: string): number | undefined {
    return this.#cache.lastUsed(digest);
  }

  get bytes(): number {
    return this.#cache.bytes;
  }

  /** Drops modules that nobody uses, and that nobody is waiting for. */
  async collectGarbage(bytesMax: number): Promise<void> {
    if (this.#fetches.size === 0) await this.#cache.collect(undefined, bytesMax);
  }

  /** Rejects only with the signal's reason. */
  async fetch(request: ModuleRequest, signal: AbortSignal): Promise<ModuleOutcome> {
    signal.throwIfAborted();
    const cached = this.#fromCache(request);
    if (cached) return { kind: "fetched", module: cached };
    const key = `${request.digest ?? ""} ${sourceOf(request)}`;
    const fetch = this.#fetches.get(key) ?? this.#begin(key, request);
    fetch.waiting++;
    const leave = () => {
      if (--fetch.waiting > 0) return;
      if (this.#fetches.get(key) === fetch) this.#fetches.delete(key);
      fetch.abort.abort(new Error("nobody waits for this module any more"));
    };
    signal.addEventListener("abort", leave, { once: true });
    try {
      return await untilAborted(fetch.outcome, signal);
    } finally {
      signal.removeEventListener("abort", leave);
    }
  }

  #fromCache(request: ModuleRequest): CachedModule | undefined {
    const { digest, preferred } = request;
    if (digest !== undefined) return this.#cache.get(digest);
    if (preferred !== undefined && this.#cache.has(preferred)) return this.#cache.get(preferred);
    const known = this.#known.get(sourceOf(request));
    if (!known || this.#options.clock.monotonic() - known.lookedMs > imageLimits.freshMs) return undefined;
    return this.#cache.get(known.digest);
  }

  #begin(key: string, request: ModuleRequest): Fetch {
    const abort = new AbortController();
    const outcome = this.#gate
      .run(() => this.#fetchBounded(request, abort))
      .finally(() => {
        if (this.#fetches.get(key) === fetch) this.#fetches.delete(key);
      });
    const fetch: Fetch = { outcome, abort, waiting: 0 };
    this.#fetches.set(key, fetch);
    return fetch;
  }

  async #fetchBounded(request: ModuleRequest, abort: AbortController): Promise<ModuleOutcome> {
    const { clock } = this.#options;
    const { idleMs, totalMs } = imageLimits;
    const giveUp = (text: string) => () => abort.abort(new Error(text));
    const total = clock.setTimer(totalMs, giveUp(`it took more than ${totalMs / 1000} s`));
    let idle = clock.setTimer(idleMs, giveUp(`the source sent nothing for ${idleMs / 1000} s`));
    const onBytes = (bytes: number) => {
      if (bytes > imageLimits.moduleBytesMax) throw tooLarge(request.image);
      idle.cancel();
      idle = clock.setTimer(idleMs, giveUp(`the source sent nothing for ${idleMs / 1000} s`));
    };
    try {
      const module = await this.#fetchNow(request, abort.signal, onBytes);
      await this.#cache.collect(module.digest);
      this.#options.onFetched?.();
      return { kind: "fetched", module };
    } catch (error) {
      return this.#failure(request, error, abort.signal);
    } finally {
      total.cancel();
      idle.cancel();
    }
  }

  async #fetchNow(
    { image, namespace, digest }: ModuleRequest,
    signal: AbortSignal,
    onBytes: (total: number) => void,
  ): Promise<CachedModule> {
    const key = sourceOf({ image, namespace });
    const known = this.#known.get(key);
    const usable = known && digest === undefined && this.#cache.get(known.digest);
    const validator = usable ? known.validator : undefined;
    const request = { image, namespace, validator, verified: digest !== undefined, signal };
    const source = await openSource(request, this.#options.roots);
    const lookedMs = this.#options.clock.monotonic();
    if (source.kind === "unchanged" && known && usable) {
      this.#known.set(key, { ...known, lookedMs });
      return usable;
    }
    if (source.kind === "unchanged") throw new Error("the source said unchanged without being asked");
    const check = (found: string) => {
      if (digest === undefined || found === digest) return;
      throw new SourceFailure(
        "ModuleDigestMismatch",
        `module ${image} has digest sha256:${found}, but spec.module.digest wants sha256:${digest}; correct the one that is wrong`,
        { retryable: false },
      );
    };
    const module = await this.#cache.put(source.stream, { signal, onBytes, check });
    this.#remember(key, { digest: module.digest, validator: source.validator, lookedMs });
    this.#options.log.info("module fetched", { image, digest: module.digest });
    return module;
  }

  #remember(source: string, known: Known): void {
    this.#known.set(source, known);
    for (const [other, { digest }] of this.#known) {
      if (!this.#cache.has(digest)) this.#known.delete(other);
    }
  }

  #failure({ image }: ModuleRequest, error: unknown, signal: AbortSignal): ModuleOutcome {
    if (error instanceof SourceFailure && !signal.aborted) {
      const { reason, message, retryable } = error;
      return { kind: "failed", reason, message, retryable };
    }
    const message = `fetching module ${image}: ${causeOf(signal.aborted ? signal.reason : error)}`;
    return { kind: "failed", reason: "ModuleFetchFailed", message, retryable: true };
  }
}

/** What the store knows a source by: a file of the node is looked at for each namespace, since it may be refused to one. */
function sourceOf({ image, namespace }: Pick<ModuleRequest, "image" | "namespace">): string {
  return image.startsWith("file:") ? `${namespace} ${image}` : image;
}

function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason as Error);
    signal.addEventListener("abort", onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}
