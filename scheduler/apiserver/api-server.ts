import type { CallEndpoint } from "../../api/call-ticket.ts";
import type { ApiObject } from "../../api/object-meta.ts";
import type { Clock } from "../../kit/clock.ts";
import { WherryError } from "../../kit/errors.ts";
import type { Log } from "../../kit/log.ts";
import type { Random } from "../../kit/random.ts";
import type { Backend } from "../backend/backend.ts";
import { EmbeddedBackend } from "../backend/embedded.ts";
import { EmbeddedScales } from "../backend/embedded-scales.ts";
import type { ObjectCounts } from "../backend/object-counts.ts";
import type { ScaleBackend } from "../backend/scale-backend.ts";
import type { Store } from "../store/store.ts";
import type { AdmissionPlugin } from "./admission/admission.ts";
import { PriorityClassAdmission } from "./admission/priority-class.ts";
import { QuotaAdmission } from "./admission/quota.ts";
import type { AuditSink } from "./audit/request-audit.ts";
import { Authenticator } from "./authentication/authenticator.ts";
import type { ServiceAccountKey } from "./authentication/service-account-keys.ts";
import { ServiceAccountTokens } from "./authentication/service-account-tokens.ts";
import type { StaticToken } from "./authentication/static-tokens.ts";
import { RoleAggregator } from "./authorization/aggregation.ts";
import { EscalationGuard } from "./authorization/escalation-guard.ts";
import { type PolicyRule, rbacGroup, ruleBody } from "./authorization/policy.ts";
import { RbacAuthorizer } from "./authorization/rbac.ts";
import { CrdAdmission } from "./crd/crd-admission.ts";
import { CrdController, crdResource } from "./crd/crd-controller.ts";
import { DiscoveryDocuments } from "./discovery/discovery-documents.ts";
import { OpenApiDocuments } from "./discovery/open-api-documents.ts";
import { ApiListener } from "./http/api-listener.ts";
import type { ApiContext } from "./http/context.ts";
import { FairQueue } from "./http/fair-queue.ts";
import { limits } from "./http/limits.ts";
import { serverVersion } from "./http/server-version.ts";
import { WatchHub } from "./http/watch-hub.ts";
import type { LiveResource } from "./live-resource.ts";
import type { MeasuredResource } from "./measured-resource.ts";
import { ApiMetrics } from "./metrics/api-metrics.ts";
import type { Monitoring } from "./metrics/monitoring.ts";
import { bootstrap, readCrds } from "./objects/bootstrap.ts";
import { DefaultServiceAccounts } from "./objects/default-service-accounts.ts";
import { EventExpiry } from "./objects/event-expiry.ts";
import type { WriteTraces } from "./objects/followed-commit.ts";
import { GarbageCollector } from "./objects/garbage-collector.ts";
import { NamespaceReaper } from "./objects/namespace-reaper.ts";
import { internalWrite, ObjectWriter } from "./objects/object-writer.ts";
import { metadataOf } from "./objects/prepare.ts";
import type { PlacementSimulator } from "./placement-simulator.ts";
import { builtInResources, crdFolder, type Kind, Registry } from "./registry.ts";
import { qualified, type ResourceDefinition } from "./resource.ts";
import { ApiError } from "./status.ts";
import { LiveSource } from "./storage/live-source.ts";
import { MeasuredSource } from "./storage/measured-source.ts";
import type { ObjectSource } from "./storage/object-source.ts";
import { objectKey, StoreCache, type StoredForm } from "./storage/store-cache.ts";
import { StoredCounts } from "./storage/stored-counts.ts";

export interface ApiServerOptions {
  readonly store: Store;
  /** How texts stand in the store: Secrets encrypted, if there are keys. */
  readonly form: StoredForm;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** PEM texts. Clients with a certificate of this CA are known by it. */
  readonly tls: {
    readonly key: string | Buffer;
    readonly cert: string | Buffer;
    readonly ca: string | Buffer;
  };
  readonly tokens: readonly StaticToken[];
  /** The first signs tokens of ServiceAccounts, all verify them. Empty: there are none. */
  readonly serviceAccountKeys: readonly ServiceAccountKey[];
  /** undefined: no audit log. */
  readonly audit: AuditSink | undefined;
  /** By plural. May be filled until `listen` is called. */
  readonly live: ReadonlyMap<string, LiveResource>;
  /** By plural, as soon as the scheduler tells of them. */
  readonly measured: ReadonlyMap<string, MeasuredResource>;
  /** Asked when somebody wants to know what would happen to placement; undefined: nothing is scheduled here. */
  readonly simulator: () => PlacementSimulator | undefined;
  /** Gateways that take calls of a workload's functions; undefined: nothing is scheduled here. */
  readonly callEndpoints: (workloadUid: string) => readonly CallEndpoint[] | undefined;
  /** What Prometheus is told beside this server's own figures; undefined: nothing is scheduled here. */
  readonly monitoring: () => Monitoring | undefined;
  /** Follows what becomes of workloads; absent: nobody wants to know. */
  readonly traces?: WriteTraces | undefined;
  readonly host: string;
  /** 0: a free one. */
  readonly port: number;
}

/** The Kubernetes API, over HTTPS and in this process. The store stays its owner's to close. */
export interface ApiServer extends AsyncDisposable {
  /** Works before `listen` and until `close`. */
  readonly backend: Backend;
  /** The numbers of replicas of what can be scaled. */
  readonly scales: ScaleBackend;
  /** How many objects there are, for the status of quotas. */
  readonly counts: ObjectCounts;
  listen(): Promise<{ readonly url: string }>;
  /** Ends all watches, refuses new requests, and waits for those in flight. */
  drain(): Promise<void>;
  close(): Promise<void>;
}

/** Reads the whole store into memory and sees to it that what every cluster has is there. */
export async function createApiServer(options: ApiServerOptions): Promise<ApiServer> {
  const { store, form, clock, random } = options;
  const log = options.log.bind({ component: "apiserver" });
  const registry = new Registry(builtInResources());
  const cache = new StoreCache(form, log);
  for (const kind of registry.stored) cache.of(kind.resource).setShape((object) => kind.shape(object));
  const closing = new AbortController();
  await cache.open(store, closing.signal);
  const rbac = new RbacAuthorizer({
    roles: cache.of({ group: rbacGroup, plural: "roles" }),
    clusterRoles: cache.of({ group: rbacGroup, plural: "clusterroles" }),
    roleBindings: cache.of({ group: rbacGroup, plural: "rolebindings" }),
    clusterRoleBindings: cache.of({ group: rbacGroup, plural: "clusterrolebindings" }),
  });
  const counts = new StoredCounts(registry, cache);
  const crds = readCrds(crdFolder);
  const ownCrds = new Set(crds.map((crd) => String(metadataOf(crd)["name"])));
  const quotas = cache.of({ group: "", plural: "resourcequotas" });
  const admission: readonly AdmissionPlugin[] = [
    new CrdAdmission(cache.of(crdResource), ownCrds),
    new EscalationGuard(rbac),
    new PriorityClassAdmission(() =>
      cache.of({ group: "scheduling.k8s.io", plural: "priorityclasses" }).list(undefined),
    ),
    // The last: what it counts is about to be written.
    new QuotaAdmission({
      quotas: (namespace) => quotas.list(namespace),
      count: (group, plural, namespace) => counts.count({ group, plural }, namespace) ?? 0,
      exists: (group, plural, namespace, name) => counts.exists({ group, plural }, namespace, name),
    }),
  ];
  const metrics = new ApiMetrics();
  const committed: ApiMetrics["committed"] = (result, seconds) => metrics.committed(result, seconds);
  const { traces } = options;
  const writer = new ObjectWriter({
    store,
    cache,
    form,
    registry,
    clock,
    random,
    admission,
    committed,
    traces,
  });
  if (store.readOnly === undefined) {
    await bootstrap({ registry, cache, writer }, crds);
    await rewriteOutdated(registry, cache, writer, store);
  }
  const parts: Parts = { registry, cache, writer, metrics, rbac, counts, ownCrds, log, closing };
  return new EmbeddedApiServer(options, parts);
}

interface Parts {
  readonly registry: Registry;
  readonly cache: StoreCache;
  readonly writer: ObjectWriter;
  readonly metrics: ApiMetrics;
  readonly rbac: RbacAuthorizer;
  readonly counts: StoredCounts;
  readonly ownCrds: ReadonlySet<string>;
  readonly log: Log;
  readonly closing: AbortController;
}

class EmbeddedApiServer implements ApiServer {
  readonly backend: Backend;
  readonly scales: EmbeddedScales;
  readonly counts: ObjectCounts;
  readonly #parts: Parts;
  readonly #live: ReadonlyMap<string, LiveResource>;
  readonly #measured: ReadonlyMap<string, MeasuredResource>;
  readonly #liveSources = new Map<string, LiveSource>();
  readonly #watches: WatchHub;
  readonly #reaper: NamespaceReaper;
  readonly #collector: GarbageCollector;
  readonly #crds: CrdController;
  readonly #accounts: DefaultServiceAccounts;
  readonly #aggregator: RoleAggregator;
  readonly #expiry: EventExpiry | undefined;
  readonly #listener: ApiListener;
  readonly #isReadOnly: boolean;
  #drained: Promise<void> | undefined;
  #closed: Promise<void> | undefined;

  constructor(options: ApiServerOptions, parts: Parts) {
    const { registry, cache, writer, log } = parts;
    const { clock, store } = options;
    const common = { registry, cache, writer, clock, log };
    this.#parts = parts;
    this.#live = options.live;
    this.#measured = options.measured;
    this.#watches = new WatchHub(clock);
    this.#reaper = new NamespaceReaper(common);
    this.#collector = new GarbageCollector({
      ...common,
      sourceOf: (kind) => this.#knownSource(kind),
      live: () => this.#live.values(),
    });
    this.#crds = new CrdController({
      ...common,
      ownNames: parts.ownCrds,
      kindChanged: (resource) => this.#watches.endKind(resource),
    });
    this.#accounts = new DefaultServiceAccounts(common);
    this.#aggregator = new RoleAggregator(
      cache.of({ group: rbacGroup, plural: "clusterroles" }),
      (role, rules) => writeRules(parts, role, rules),
      { clock, log },
    );
    const events = registry.findPlural("", "events");
    this.#isReadOnly = store.readOnly !== undefined;
    this.#expiry =
      events && !this.#isReadOnly
        ? new EventExpiry(events, cache.of(events.resource), writer, clock, log)
        : undefined;
    this.backend = new EmbeddedBackend({ registry, cache, writer, store });
    this.scales = new EmbeddedScales(common);
    this.counts = parts.counts;
    this.#listener = this.#makeListener(options);
  }

  #makeListener(options: ApiServerOptions): ApiListener {
    const { registry, cache, writer, metrics, rbac, log } = this.#parts;
    const { clock, random, audit, tls, host, port } = options;
    const queue = new FairQueue(limits, clock);
    this.#exposeMetrics(options, queue);
    const serviceAccounts = new ServiceAccountTokens({
      keys: options.serviceAccountKeys,
      findServiceAccount: (namespace, name) =>
        cache.of({ group: "", plural: "serviceaccounts" }).get(namespace, name),
      findSecret: (namespace, name) => cache.of({ group: "", plural: "secrets" }).get(namespace, name),
      clock,
      random,
    });
    const authenticator = new Authenticator(options.tokens, serviceAccounts, clock);
    const api: ApiContext = {
      registry,
      writer,
      watches: this.#watches,
      policy: rbac,
      authenticator,
      serviceAccounts,
      clock,
      random,
      log,
      sourceOf: (kind) => this.#sourceOf(kind),
      liveOf: (kind) => this.#liveOf(kind),
      simulator: () => {
        const simulator = options.simulator();
        if (simulator) return simulator;
        throw new ApiError("ServiceUnavailable", `placement cannot be simulated${this.#whyNothingIsKnown}`, {
          retryAfterSeconds: 1,
        });
      },
      calls: {
        caBundle: String(tls.ca),
        endpoints: (uid) => {
          const endpoints = options.callEndpoints(uid);
          if (endpoints) return endpoints;
          throw new ApiError("ServiceUnavailable", `gateways are not known${this.#whyNothingIsKnown}`, {
            retryAfterSeconds: 1,
          });
        },
      },
      unreadable: ({ resource }, namespace, name) =>
        cache.of(resource).unreadable(objectKey(resource, namespace, name)),
      unreadableCount: ({ resource }) => cache.of(resource).unreadableCount,
    };
    return new ApiListener({
      api,
      paths: {
        discovery: new DiscoveryDocuments(registry),
        openApi: new OpenApiDocuments(registry, serverVersion.gitVersion),
        clock,
        metrics,
        monitoring: options.monitoring,
        store: options.store,
        unreadiness: () => (this.#drained ? "the server is stopping" : undefined),
      },
      authenticator,
      authorizer: rbac,
      audit,
      queue,
      metrics,
      tls,
      host,
      port,
      log,
    });
  }

  #exposeMetrics({ store, audit }: ApiServerOptions, queue: FairQueue): void {
    const { registry, cache, metrics } = this.#parts;
    metrics.expose({
      running: () => queue.running,
      queued: () => queue.queued,
      watches: () => this.#watches.size,
      watchesDropped: () => this.#watches.room.dropped,
      revision: () => cache.revision,
      store: () => store.figures,
      isReadOnly: () => store.readOnly !== undefined,
      audit: audit && (() => audit.counters),
      objects: () =>
        registry.stored.map(({ resource }) => {
          const { size, unreadableCount } = cache.of(resource);
          return [qualified(resource), size, unreadableCount] as const;
        }),
    });
  }

  async listen(): Promise<{ readonly url: string }> {
    for (const kind of this.#parts.registry.kinds)
      if (kind.resource.storage === "live" && this.#live.has(kind.resource.plural)) this.#liveSource(kind);
    if (!this.#isReadOnly) {
      this.#crds.resume();
      this.#reaper.resume();
      this.#collector.resume();
      this.#accounts.start();
    }
    const address = await this.#listener.listen();
    this.#parts.log.info("API listening", address);
    return address;
  }

  drain(): Promise<void> {
    this.#drained ??= this.#listener.drain();
    return this.#drained;
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
    const controllers = [this.#reaper, this.#collector, this.#crds, this.#accounts, this.#aggregator];
    await Promise.all(controllers.map((controller) => controller[Symbol.asyncDispose]()));
    this.#parts.rbac[Symbol.dispose]();
    this.#expiry?.[Symbol.dispose]();
    for (const source of this.#liveSources.values()) source[Symbol.dispose]();
    this.scales[Symbol.dispose]();
    await this.backend[Symbol.asyncDispose]();
    this.#parts.closing.abort(new WherryError("StoreClosed", "the API server is closed"));
  }

  #sourceOf(kind: Kind): ObjectSource {
    const { storage } = kind.resource;
    if (storage === "measured") return new MeasuredSource(this.#measuredOf(kind));
    return storage === "live" ? this.#liveSource(kind) : this.#parts.cache.of(kind.resource);
  }

  /** undefined: a live kind that the scheduler has not begun to tell of. */
  #knownSource(kind: Kind): ObjectSource | undefined {
    const { storage, plural } = kind.resource;
    if (storage === "review" || storage === "measured" || (storage === "live" && !this.#live.has(plural)))
      return undefined;
    return this.#sourceOf(kind);
  }

  #liveOf({ resource }: Kind): LiveResource {
    return this.#live.get(resource.plural) ?? this.#refuseUnknown(resource);
  }

  #measuredOf({ resource }: Kind): MeasuredResource {
    return this.#measured.get(resource.plural) ?? this.#refuseUnknown(resource);
  }

  #refuseUnknown(resource: ResourceDefinition): never {
    throw new ApiError("ServiceUnavailable", `${resource.plural} are not known${this.#whyNothingIsKnown}`, {
      retryAfterSeconds: 1,
    });
  }

  get #whyNothingIsKnown(): string {
    return this.#isReadOnly ? ": nothing is scheduled while the store is read-only" : " yet";
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

/** Objects rewritten at the same time: what they take fits into the store's queue, however large they are. */
const rewriteMax = 50;

/** What was stored in another form, under an older key for example, is stored in today's; and nothing is left of the old. */
async function rewriteOutdated(
  registry: Registry,
  cache: StoreCache,
  writer: ObjectWriter,
  store: Store,
): Promise<void> {
  const outdated = registry.stored.flatMap((kind) =>
    cache.of(kind.resource).outdated.map((object) => ({ kind, object })),
  );
  if (outdated.length === 0) return;
  // No more at once than the store queues.
  for (let at = 0; at < outdated.length; at += rewriteMax)
    await Promise.all(
      outdated.slice(at, at + rewriteMax).map(({ kind, object }) => writer.rewrite(kind, object)),
    );
  await store.forgetHistory();
}

async function writeRules(
  { registry, writer }: Parts,
  role: ApiObject,
  rules: readonly PolicyRule[],
): Promise<void> {
  const kind = registry.findPlural(rbacGroup, "clusterroles");
  if (!kind) return;
  const object = { ...role, rules: rules.map(ruleBody) };
  await writer.update(kind, "", role.metadata.name, "", () => ({ object, duplicateFields: [] }), {
    ...internalWrite,
    manager: "clusterrole-aggregation-controller",
  });
}
