/**
 * Spans by OpenTelemetry's own libraries, to a collector by OTLP.
 *
 *   start ─▶ end ─▶ queue (bounded: what finds it full is dropped, and counted) ─▶ batches ─▶ collector
 *
 * The libraries are loaded when a tracer is opened and not before: whoever wants no traces has neither their memory nor their time.
 * They are looked for from a file that is named, as programs that were put elsewhere have no packages beside them.
 */
import { createRequire } from "node:module";
import type * as Api from "@opentelemetry/api";
import type * as Exporters from "@opentelemetry/exporter-trace-otlp-proto";
import type * as Resources from "@opentelemetry/resources";
import type * as Sdk from "@opentelemetry/sdk-trace-base";
import type * as Conventions from "@opentelemetry/semantic-conventions";
import { type Clock, sleep } from "../clock.ts";
import type { TraceContext } from "./trace-context.ts";
import type { Span, SpanStart, Tracer, TracerFigures } from "./tracer.ts";

export interface OtlpTracerOptions {
  /** Of the collector, with its path. */
  readonly url: string;
  /** `service.name`, such as wherry-scheduler. */
  readonly service: string;
  /** Which of them it is: a node's name; empty where there is only one. */
  readonly instance: string;
  /** A file beside which packages are found. */
  readonly packagesFrom: string;
  readonly clock: Clock;
}

/** Some megabytes; a tenth of a second of the busiest gateway, or ten of a slow collector's. */
const queueMax = 4_096;
const batchMax = 512;
const batchDelayMs = 1_000;
const exportMsMax = 5_000;
/** A process that ends waits no longer for its last spans. */
const closeMsMax = 2_000;
/** What clients can say in them is cut. */
const limits = { attributeValueLengthLimit: 1_024, attributeCountLimit: 32, eventCountLimit: 8 };

interface Counts {
  exported: number;
  dropped: number;
  failed: number;
}

interface Libraries {
  readonly api: typeof Api;
  readonly sdk: typeof Sdk;
  readonly exporters: typeof Exporters;
  readonly resources: typeof Resources;
  readonly conventions: typeof Conventions;
}

/** Throws where the libraries are not to be had. */
export function openOtlpTracer(options: OtlpTracerOptions): Tracer {
  return new OtlpTracer(options, loadLibraries(options.packagesFrom));
}

function loadLibraries(packagesFrom: string): Libraries {
  const load = createRequire(packagesFrom);
  // Each is what its name says.
  return {
    api: load("@opentelemetry/api") as typeof Api,
    sdk: load("@opentelemetry/sdk-trace-base") as typeof Sdk,
    exporters: load("@opentelemetry/exporter-trace-otlp-proto") as typeof Exporters,
    resources: load("@opentelemetry/resources") as typeof Resources,
    conventions: load("@opentelemetry/semantic-conventions") as typeof Conventions,
  };
}

class OtlpTracer implements Tracer {
  readonly isOn = true;
  readonly #counts: Counts = { exported: 0, dropped: 0, failed: 0 };
  readonly #api: typeof Api;
  readonly #provider: Sdk.BasicTracerProvider;
  readonly #tracer: Api.Tracer;
  readonly #clock: Clock;

  constructor({ url, service, instance, clock }: OtlpTracerOptions, libraries: Libraries) {
    const { api, sdk, exporters, resources, conventions } = libraries;
    this.#api = api;
    this.#clock = clock;
    const exporter = new exporters.OTLPTraceExporter({
      url,
      timeoutMillis: exportMsMax,
      concurrencyLimit: 2,
    });
    const queue = new BoundedQueue(sdk, exporter, this.#counts);
    this.#provider = new sdk.BasicTracerProvider({
      resource: resources.resourceFromAttributes({
        [conventions.ATTR_SERVICE_NAME]: service,
        ...(instance === "" ? {} : { "service.instance.id": instance }),
      }),
      // What is not to be traced is not begun.
      sampler: new sdk.AlwaysOnSampler(),
      spanLimits: limits,
      spanProcessors: [queue],
    });
    this.#tracer = this.#provider.getTracer("wherry");
  }

  get figures(): TracerFigures {
    return { ...this.#counts };
  }

  start(name: string, { kind, parent, startMs, attributes }: SpanStart): Span {
    const { SpanKind, SpanStatusCode } = this.#api;
    const span = this.#tracer.startSpan(
      name,
      {
        kind: kind === "server" ? SpanKind.SERVER : SpanKind.INTERNAL,
        startTime: timeOf(startMs),
        attributes,
      },
      this.#contextOf(parent),
    );
    const { traceId, spanId } = span.spanContext();
    return {
      context: { traceId, spanId, isSampled: true },
      set: (more) => void span.setAttributes(more),
      end: (endMs, error) => {
        if (error !== undefined) span.setStatus({ code: SpanStatusCode.ERROR, message: error });
        // A wall clock may have been set back meanwhile.
        span.end(timeOf(Math.max(startMs, endMs)));
      },
    };
  }

  #contextOf(parent: TraceContext | undefined): Api.Context {
    const { ROOT_CONTEXT, TraceFlags, trace } = this.#api;
    if (parent === undefined) return ROOT_CONTEXT;
    const { traceId, spanId } = parent;
    const traceFlags = TraceFlags.SAMPLED;
    return trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags, isRemote: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const over = new AbortController();
    const late = sleep(this.#clock, closeMsMax, over.signal).catch(() => {});
    // What cannot be told any more is lost; the counts have it.
    await Promise.race([this.#provider.shutdown().catch(() => {}), late]);
    over.abort(new Error("closed"));
  }
}

/** The library's batches; which spans it has dropped it tells nobody, so it is not given more than it takes. */
class BoundedQueue implements Sdk.SpanProcessor {
  readonly #batches: Sdk.BatchSpanProcessor;
  readonly #counts: Counts;
  #held = 0;

  constructor(sdk: typeof Sdk, exporter: Sdk.SpanExporter, counts: Counts) {
    this.#counts = counts;
    const counted: Sdk.SpanExporter = {
      export: (spans, done) =>
        exporter.export(spans, (result) => {
          this.#held -= spans.length;
          if (result.code === 0) counts.exported += spans.length;
          else counts.failed += spans.length;
          done(result);
        }),
      shutdown: () => exporter.shutdown(),
    };
    this.#batches = new sdk.BatchSpanProcessor(counted, {
      maxQueueSize: queueMax,
      maxExportBatchSize: batchMax,
      scheduledDelayMillis: batchDelayMs,
      // The exporter gives up before, and says so.
      exportTimeoutMillis: exportMsMax * 4,
    });
  }

  onStart(): void {}

  onEnd(span: Sdk.ReadableSpan): void {
    if (this.#held >= queueMax) {
      this.#counts.dropped++;
      return;
    }
    this.#held++;
    this.#batches.onEnd(span);
  }

  forceFlush(): Promise<void> {
    return this.#batches.forceFlush();
  }

  shutdown(): Promise<void> {
    return this.#batches.shutdown();
  }
}

/** As a pair of seconds and nanoseconds, so that the library need not guess what a number is. */
function timeOf(ms: number): [number, number] {
  const seconds = Math.floor(ms / 1_000);
  return [seconds, Math.floor((ms - seconds * 1_000) * 1e6)];
}
