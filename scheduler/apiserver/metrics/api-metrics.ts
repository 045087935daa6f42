import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry as MetricRegistry } from "prom-client";
import type { RequestAttributes } from "../audit/audit-event.ts";

export interface ApiGauges {
  readonly running: () => number;
  readonly queued: () => number;
  readonly watches: () => number;
  readonly revision: () => number;
  /** Objects of each stored kind, by `plural.group`. */
  readonly objects: () => Iterable<readonly [string, number]>;
}

/** From a cache hit to a commit on a slow disk. Seconds. */
const durationBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const requestLabels = ["verb", "group", "resource", "subresource", "code"] as const;

/** The API server's own figures, for Prometheus. Labels take values from what is served only, so that their number is bounded. */
export class ApiMetrics {
  readonly #registry = new MetricRegistry();
  readonly #requests: Counter<(typeof requestLabels)[number]>;
  readonly #durations: Histogram<"verb" | "group" | "resource">;

  constructor(gauges: ApiGauges) {
    const registers = [this.#registry];
    collectDefaultMetrics({ register: this.#registry });
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
    const gauge = (name: string, help: string, read: () => number) =>
      new Gauge({
        name,
        help,
        registers,
        collect() {
          this.set(read());
        },
      });
    gauge("wherry_apiserver_requests_running", "Requests that have a seat now.", gauges.running);
    gauge("wherry_apiserver_requests_queued", "Requests that wait for a seat now.", gauges.queued);
    gauge("wherry_apiserver_watches", "Watches that are open now.", gauges.watches);
    gauge("wherry_store_revision", "The revision of the last commit.", gauges.revision);
    const objects: Gauge<"resource"> = new Gauge({
      name: "wherry_apiserver_objects",
      help: "Objects in the store, by resource.",
      labelNames: ["resource"],
      collect() {
        objects.reset();
        for (const [resource, count] of gauges.objects()) objects.set({ resource }, count);
      },
      registers,
    });
  }

  /** `isKnown`: whether the resource is served; others count as one. */
  finished(
    attributes: RequestAttributes,
    code: number,
    seconds: number,
    options: { readonly isKnown: boolean; readonly isLongRunning: boolean },
  ): void {
    const isResource = attributes.kind === "resource";
    const labels = {
      verb: knownVerbs.has(attributes.verb) ? attributes.verb : "other",
      group: isResource && options.isKnown ? attributes.group : "",
      resource: isResource ? (options.isKnown ? attributes.resource : "unknown") : "",
    };
    const subresource =
      isResource && knownSubresources.has(attributes.subresource) ? attributes.subresource : "";
    this.#requests.inc({ ...labels, subresource, code: String(code) });
    if (!options.isLongRunning) this.#durations.observe(labels, seconds);
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
const knownSubresources = new Set(["status", "scale", "log", "token", "finalize"]);
