import type { Clock } from "../../kit/clock.ts";
import { errorCode, WherryError } from "../../kit/errors.ts";
import type { Log } from "../../kit/log.ts";
import type { Random } from "../../kit/random.ts";
import type { Backend } from "../backend/backend.ts";
import { EmbeddedBackend } from "../backend/embedded.ts";
import type { Store } from "../store/store.ts";
import type { AuditSink } from "./audit/request-audit.ts";
import { Authenticator } from "./authentication/authenticator.ts";
import type { ServiceAccountKey } from "./authentication/service-account-keys.ts";
import { ServiceAccountTokens } from "./authentication/service-account-tokens.ts";
import type { StaticToken } from "./authentication/static-tokens.ts";
import { OpenApiDocuments } from "./discovery/open-api.ts";
import { ApiListener } from "./http/api-listener.ts";
import type { ApiContext } from "./http/context.ts";
import { WatchHub } from "./http/watch-hub.ts";
import type { LiveResource } from "./live-resource.ts";
import { EventExpiry } from "./objects/event-expiry.ts";
import { NamespaceReaper } from "./objects/namespace-reaper.ts";
import { ObjectWriter, permanentNamespaces } from "./objects/object-writer.ts";
import { builtInResources, type Kind, Registry } from "./registry.ts";
import { ApiError } from "./status.ts";
import { LiveSource } from "./storage/live-source.ts";
import { StoreCache } from "./storage/store-cache.ts";

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
  readonly tokens: readonly StaticToken[];
  /** For the tokens of ServiceAccounts: the first signs, all verify. Without any, there are no such tokens. */
  readonly serviceAccountKeys: readonly ServiceAccountKey[];
  /** Where requests are written down; its owner closes it. undefined: nowhere. */
  readonly audit: AuditSink | undefined;
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
  const resources = builtInResources();
  const registry = new Registry(resources);
  const cache = new StoreCache(resources.filter((resource) => resource.storage === "stored"));
  const closing = new AbortController();
  await cache.open(store, closing.signal);
  const writer = new ObjectWriter(store, cache, registry, clock, random);
  await createPermanentNamespaces(registry, writer);
  const parts = { registry, cache, writer, log, closing };
  return new EmbeddedApiServer(options, parts);
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
  readonly #expiry: EventExpiry | undefined;
  readonly #listener: ApiListener;
  #isDraining = false;
  #closed: Promise<void> | undefined;

  constructor(options: ApiServerOptions, parts: Parts) {
    const { registry, cache, writer, log } = parts;
    const { clock, random } = options;
    this.#parts = parts;
    this.#live = options.live;
    this.#watches = new WatchHub(clock);
    this.#reaper = new NamespaceReaper(registry, cache, writer, log);
    const events = registry.findPlural("", "events");
    this.#expiry = events && new EventExpiry(events, cache.of(events.resource), writer, clock, log);
    this.backend = new EmbeddedBackend({ registry, cache, writer, store: options.store });
    const api: ApiContext = {
      registry,
      writer,
      reaper: this.#reaper,
      watches: this.#watches,
      clock,
      random,
      log,
      sourceOf: (kind) =>
        kind.resource.storage === "stored" ? cache.of(kind.resource) : this.#liveSource(kind),
      liveOf: (kind) => this.#liveOf(kind),
    };
    const find = (plural: string) => (namespace: string, name: string) => {
      const kind = registry.findPlural("", plural);
      return kind && cache.of(kind.resource).get(namespace, name);
    };
    const serviceAccounts = new ServiceAccountTokens({
      keys: options.serviceAccountKeys,
      findServiceAccount: find("serviceaccounts"),
      findSecret: find("secrets"),
      clock,
      random,
    });
    this.#listener = new ApiListener({
      api,
      paths: {
        registry,
        openApi: new OpenApiDocuments(registry),
        unreadiness: () => (this.#isDraining ? "the server is stopping" : undefined),
      },
      audit: options.audit,
      authenticator: new Authenticator(options.tokens, serviceAccounts, clock),
      tls: options.tls,
      host: options.host,
      port: options.port,
      log,
    });
  }

  async listen(): Promise<{ readonly url: string }> {
    for (const kind of this.#parts.registry.kinds)
      if (kind.resource.storage === "live" && this.#live.has(kind.resource.plural)) this.#liveSource(kind);
    await this.#reaper.resume();
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
    this.#reaper[Symbol.dispose]();
    this.#expiry?.[Symbol.dispose]();
    for (const source of this.#liveSources.values()) source[Symbol.dispose]();
    await this.backend[Symbol.asyncDispose]();
    this.#parts.closing.abort(new WherryError("StoreClosed", "the API server is closed"));
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
      await writer.create(
        kind,
        "",
        { object, duplicateFields: [] },
        { fieldValidation: "Ignore", warn: () => {}, dryRun: false },
      );
    } catch (thrown) {
      if (errorCode(thrown) !== "AlreadyExists") throw thrown;
    }
  }
}
