import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry as MetricRegistry } from "prom-client";
import type { StoreFigures } from "../../store/store.ts";
import type { RequestAttributes } from "../audit/audit-event.ts";
import type { AuditCounters } from "../audit/audit-log.ts";

/** What is counted elsewhere, and read when somebody asks. */
export interface ApiFigures {
  readonly running: () => number;
  readonly queued: () => number;
  readonly watches: () => number;
  /** Of all times. */
  readonly watchesDropped: () => number;
  readonly revision: () => number;
  readonly store: () => StoreFigures;
  readonly isReadOnly: () => boolean;
  /** undefined: there is no audit log. */
  readonly audit: (() => AuditCounters) | undefined;
  /** Objects of each stored kind, by `plural.group`, and how many more of it cannot be read. */
  readonly objects: () => Iterable<readonly [resource: string, count: number, unreadable: number]>;
}

export type CommitResult = "committed" | "conflict" | "failed";

/** From a cache hit to a commit on a slow disk. Seconds. */
const durationBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const requestLabels = ["verb", "group", "resource", "subresource", "code"] as const;

/** Beyond, requests count as those for an unknown resource. */
const resourcesMax = 1_000;

/** prom-client's, which are no counters, against Prometheus' conventions; the same are there by kind under other names. */
const misnamed = [
  "nodejs_active_handles_total",
  "nodejs_active_requests_total",
  "nodejs_active_resources_total",
];

/** The API server's own figures, for Prometheus. Labels take values from what is served only, and from so many kinds of that. */
export class ApiMetrics {
  readonly #registry = new MetricRegistry();
  /** Resources that have series of their own. */
  readonly #counted = new Set<string>();
  readonly #requests: Counter<(typeof requestLabels)[number]>;
  readonly #durations: Histogram<"verb" | "group" | "resource">;
  readonly #commits: Histogram<"result">;

  constructor() {
    const registers = [this.#registry];
    collectDefaultMetrics({ register: this.#registry });
    for (const name of misnamed) this.#registry.removeSingleMetric(name);
    this.#requests = new Counter({
      name: "wherry_apiserver_requests_total",
      help: "Requests that were answered, by verb, resource and HTTP status code.",
      labelNames: requestLabels,
      registers,
    });
    this.#durations = new Histogram({
      name: "wherry_apiserver_request_duration_seconds",
      help: "From the headers of a request to the end of its answer; watches and logs apart.",
      labelNames: ["verb", "group", "resource"],
      buckets: durationBuckets,
      registers,
    });
    this.#commits = new Histogram({
      name: "wherry_store_commit_duration_seconds",
      help: "From asking the store for a commit to its answer, the wait in its queue included, by result.",
      labelNames: ["result"],
      buckets: durationBuckets,
      registers,
    });
  }

  /** To be called once. */
  expose(figures: ApiFigures): void {
    const { audit, store } = figures;
    this.#gauge("wherry_apiserver_requests_running", "Requests that have a seat now.", figures.running);
    this.#gauge("wherry_apiserver_requests_queued", "Requests that wait for a seat now.", figures.queued);
    this.#gauge("wherry_apiserver_watches", "Watches that are open now.", figures.watches);
    this.#counter(
      "wherry_apiserver_watches_dropped_total",
      "Watches that were ended because their clients did not keep up.",
      figures.watchesDropped,
    );
    this.#gauge("wherry_store_revision", "The revision of the last commit.", figures.revision);
    this.#gauge(
      "wherry_store_commits_queued",
      "Commits that wait for the next transaction now.",
      () => store().queuedCommits,
    );
    this.#gauge(
      "wherry_store_size_bytes",
      "What the store's file and its log take on the disk.",
      () => store().fileBytes,
    );
    this.#gauge("wherry_store_read_only", "1 if the store refuses to be written, else 0.", () =>
      Number(figures.isReadOnly()),
    );
    if (audit) {
      this.#counter("wherry_audit_events_total", "Events that are in the audit log.", () => audit().written);
      this.#counter(
        "wherry_audit_events_dropped_total",
        "Events that are not in the audit log, because it could not be written for too long.",
        () => audit().dropped,
      );
      this.#counter(
        "wherry_audit_write_failures_total",
        "Failed attempts to write the audit log.",
        () => audit().failures,
      );
    }
    this.#exposeObjects(figures.objects);
  }

  #exposeObjects(objects: ApiFigures["objects"]): void {
    const labelNames = ["resource"] as const;
    const unreadable = new Gauge({
      name: "wherry_apiserver_objects_unreadable",
      help: "Objects in the store that cannot be read, by resource.",
      labelNames,
      registers: [],
    });
    const readable = new Gauge({
      name: "wherry_apiserver_objects",
      help: "Objects in the store, by resource.",
      labelNames,
      registers: [],
      collect() {
        this.reset();
        unreadable.reset();
        for (const [resource, count, lost] of objects()) {
          this.set({ resource }, count);
          if (lost > 0) unreadable.set({ resource }, lost);
        }
      },
    });
    // In this order: the values of both are made when the first is read.
    this.#registry.registerMetric(readable);
    this.#registry.registerMetric(unreadable);
  }

  #gauge(name: string, help: string, read: () => number): void {
    const collect = function (this: Gauge) {
      this.set(read());
    };
    this.#registry.registerMetric(new Gauge({ name, help, registers: [], collect }));
  }

  /** Of what is counted elsewhere. */
  #counter(name: string, help: string, read: () => number): void {
    const collect = function (this: Counter) {
      this.reset();
      this.inc(read());
    };
    this.#registry.registerMetric(new Counter({ name, help, registers: [], collect }));
  }

  committed(result: CommitResult, seconds: number): void {
    this.#commits.observe({ result }, seconds);
  }

  /** `isKnown`: whether the resource is served; others count as one. */
  finished(
    attributes: RequestAttributes,
    code: number,
    seconds: number,
    options: { readonly isKnown: boolean; readonly isLongRunning: boolean },
  ): void {
    const isResource = attributes.kind === "resource";
    const isNamed = isResource && options.isKnown && this.#isCounted(attributes);
    const labels = {
      verb: knownVerbs.has(attributes.verb) ? attributes.verb : "other",
      group: isNamed ? attributes.group : "",
      resource: isNamed ? attributes.resource : isResource ? "unknown" : "",
    };
    const subresource =
      isResource && knownSubresources.has(attributes.subresource) ? attributes.subresource : "";
    this.#requests.inc({ ...labels, subresource, code: String(code) });
    if (!options.isLongRunning) this.#durations.observe(labels, seconds);
  }

  /** Series stay for good, and definitions may come and go under ever new names. */
  #isCounted({ group, resource }: { readonly group: string; readonly resource: string }): boolean {
    const name = `${resource}.${group}`;
    if (this.#counted.has(name)) return true;
    if (this.#counted.size >= resourcesMax) return false;
    this.#counted.add(name);
    return true;
  }

  text(): Promise<string> {
    return this.#registry.metrics();
  }

  get contentType(): string {
    return this.#registry.contentType;
  }
}

const knownVerbs = new Set([
  "get",
  "list",
  "watch",
  "create",
  "update",
  "patch",
  "delete",
  "deletecollection",
]);
const knownSubresources = new Set(["status", "scale", "log", "explain", "token", "finalize", "eviction"]);
