import type { Clock } from "../../kit/clock.ts";
import { errorCode, WherryError } from "../../kit/errors.ts";
import type { Log } from "../../kit/log.ts";
import type { Random } from "../../kit/random.ts";
import type { Backend } from "../backend/backend.ts";
import { EmbeddedBackend } from "../backend/embedded.ts";
import type { Store } from "../store/store.ts";
import { AccessControl } from "./access-control.ts";
import { Authenticator, type Token } from "./authentication/authenticator.ts";
import { OpenApiDocuments } from "./discovery/open-api.ts";
import { ApiListener } from "./http/api-listener.ts";
import type { ApiContext } from "./http/context.ts";
import { FairQueue } from "./http/fair-queue.ts";
import { limits } from "./http/limits.ts";
import { WatchHub } from "./http/watch-hub.ts";
import type { LiveResource } from "./live-resource.ts";
import { ApiMetrics } from "./metrics/api-metrics.ts";
import { permanentNamespaces } from "./objects/deletion.ts";
import { EventExpiry } from "./objects/event-expiry.ts";
import { GarbageCollector } from "./objects/garbage-collector.ts";
import { NamespaceReaper } from "./objects/namespace-reaper.ts";
import { internalWrite, ObjectWriter } from "./objects/object-writer.ts";
import { builtInResources, type Kind, Registry } from "./registry.ts";
import { qualified } from "./resource.ts";
import { ApiError } from "./status.ts";
import { LiveSource } from "./storage/live-source.ts";
import type { ObjectSource } from "./storage/object-source.ts";
import { objectKey, StoreCache, type StoredForm } from "./storage/store-cache.ts";

export interface ApiServerOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** PEM texts. */
  readonly tls: {
    readonly key: string | Buffer;
    readonly cert: string | Buffer;
    readonly ca: string | Buffer;
  };
  readonly tokens: readonly Token[];
  /** By plural. May be filled until `listen` is called. */
  readonly live: ReadonlyMap<string, LiveResource>;
  readonly host: string;
  /** 0: a free one. */
  readonly port: number;
}

/** The Kubernetes API, over HTTPS and in this process. The store stays its owner's to close. */
export interface ApiServer extends AsyncDisposable {
  /** Works before `listen` and until `close`. */
  readonly backend: Backend;
  listen(): Promise<{ readonly url: string }>;
  /** Ends all watches, refuses new requests, and waits for those in flight. */
  drain(): Promise<void>;
  close(): Promise<void>;
}

/** Reads the whole store into memory and sees to it that the permanent namespaces exist. */
export async function createApiServer(options: ApiServerOptions): Promise<ApiServer> {
  const { store, clock, random } = options;
  const log = options.log.bind({ component: "apiserver" });
  const registry = new Registry(builtInResources());
  const form: StoredForm = { encode: (_key, text) => text, decode: (_key, stored) => stored };
  const cache = new StoreCache(form, log);
  for (const kind of registry.stored) cache.of(kind.resource).setShape((object) => kind.shape(object));
  const closing = new AbortController();
  await cache.open(store, closing.signal);
  const writer = new ObjectWriter({ store, cache, form, registry, clock, random, admission: [] });
  await createPermanentNamespaces(registry, writer);
  return new EmbeddedApiServer(options, { registry, cache, writer, log, closing });
}

interface Parts {
  readonly registry: Registry;
  readonly cache: StoreCache;
  readonly writer: ObjectWriter;
  readonly log: Log;
  readonly closing: AbortController;
}

class EmbeddedApiServer implements ApiServer {
  readonly backend: Backend;
  readonly #parts: Parts;
  readonly #live: ReadonlyMap<string, LiveResource>;
  readonly #liveSources = new Map<string, LiveSource>();
  readonly #watches: WatchHub;
  readonly #reaper: NamespaceReaper;
  readonly #collector: GarbageCollector;
  readonly #expiry: EventExpiry | undefined;
  readonly #listener: ApiListener;
  #isDraining = false;
  #closed: Promise<void> | undefined;

  constructor(options: ApiServerOptions, parts: Parts) {
    const { registry, cache, writer, log } = parts;
    const { clock, store } = options;
    this.#parts = parts;
    this.#live = options.live;
    this.#watches = new WatchHub(clock);
    this.#reaper = new NamespaceReaper({ registry, cache, writer, clock, log });
    this.#collector = new GarbageCollector({
      registry,
      cache,
      writer,
      clock,
      log,
      sourceOf: (kind) =>
        kind.resource.storage === "live" && !this.#live.has(kind.resource.plural)
          ? undefined
          : this.#sourceOf(kind),
    });
    const events = registry.findPlural("", "events");
    this.#expiry = events && new EventExpiry(events, cache.of(events.resource), writer, clock, log);
    this.backend = new EmbeddedBackend({ registry, cache, writer, store });
    this.#listener = this.#makeListener(options);
  }

  #makeListener(options: ApiServerOptions): ApiListener {
    const { registry, cache, writer, log } = this.#parts;
    const { clock, random, tls, host, port } = options;
    const queue = new FairQueue(limits, clock);
    const metrics = new ApiMetrics({
      running: () => queue.running,
      queued: () => queue.queued,
      watches: () => this.#watches.size,
      revision: () => cache.revision,
      objects: () =>
        registry.stored.map(({ resource }) => [qualified(resource), cache.of(resource).size] as const),
    });
    const api: ApiContext = {
      registry,
      writer,
      watches: this.#watches,
      clock,
      random,
      log,
      sourceOf: (kind) => this.#sourceOf(kind),
      liveOf: (kind) => this.#liveOf(kind),
      unreadable: ({ resource }, namespace, name) =>
        cache.of(resource).unreadable(objectKey(resource, namespace, name)),
      unreadableCount: ({ resource }) => cache.of(resource).unreadableCount,
    };
    return new ApiListener({
      api,
      paths: {
        registry,
        openApi: new OpenApiDocuments(registry),
        metrics,
        unreadiness: () => (this.#isDraining ? "the server is stopping" : undefined),
      },
      access: new AccessControl(new Authenticator(options.tokens), {
        authorize: () => ({ allowed: true, reason: "" }),
      }),
      queue,
      metrics,
      tls,
      host,
      port,
      log,
    });
  }

  async listen(): Promise<{ readonly url: string }> {
    for (const kind of this.#parts.registry.kinds)
      if (kind.resource.storage === "live" && this.#live.has(kind.resource.plural)) this.#liveSource(kind);
    this.#reaper.resume();
    this.#collector.resume();
    const address = await this.#listener.listen();
    this.#parts.log.info("API listening", address);
    return address;
  }

  async drain(): Promise<void> {
    this.#isDraining = true;
    await this.#listener.drain();
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    await this.drain();
    await this.#listener.close();
    this.#watches[Symbol.dispose]();
    await Promise.all([this.#reaper[Symbol.asyncDispose](), this.#collector[Symbol.asyncDispose]()]);
    this.#expiry?.[Symbol.dispose]();
    for (const source of this.#liveSources.values()) source[Symbol.dispose]();
    await this.backend[Symbol.asyncDispose]();
    this.#parts.closing.abort(new WherryError("StoreClosed", "the API server is closed"));
  }

  #sourceOf(kind: Kind): ObjectSource {
    return kind.resource.storage === "live" ? this.#liveSource(kind) : this.#parts.cache.of(kind.resource);
  }

  #liveOf({ resource }: Kind): LiveResource {
    const live = this.#live.get(resource.plural);
    if (live) return live;
    throw new ApiError("ServiceUnavailable", `${resource.plural} are not known yet`, {
      retryAfterSeconds: 1,
    });
  }

  #liveSource(kind: Kind): LiveSource {
    const { plural } = kind.resource;
    const known = this.#liveSources.get(plural);
    if (known) return known;
    const source = new LiveSource(this.#liveOf(kind));
    this.#liveSources.set(plural, source);
    return source;
  }
}

async function createPermanentNamespaces(registry: Registry, writer: ObjectWriter): Promise<void> {
  const kind = registry.findPlural("", "namespaces");
  if (!kind) return;
  for (const name of permanentNamespaces) {
    const object = { apiVersion: "v1", kind: "Namespace", metadata: { name } };
    try {
      await writer.create(kind, "", { object, duplicateFields: [] }, internalWrite);
    } catch (thrown) {
      if (errorCode(thrown) !== "AlreadyExists") throw thrown;
    }
  }
}
