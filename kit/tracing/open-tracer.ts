import { errorMessage } from "../errors.ts";
import type { Log } from "../log.ts";
import { openOtlpTracer, type OtlpTracerOptions } from "./otlp-tracer.ts";
import { noTracer, type Tracer } from "./tracer.ts";
import type { TracingOptions } from "./tracing-options.ts";

/** Traces are worth no outage: where they cannot be had, it is said, and the process goes on without. */
export function openTracer(
  tracing: Pick<TracingOptions, "url"> | undefined,
  options: Omit<OtlpTracerOptions, "url">,
  log: Log,
): Tracer {
  if (tracing === undefined) return noTracer;
  try {
    return openOtlpTracer({ ...options, url: tracing.url });
  } catch (thrown) {
    log.error("traces cannot be sent", { url: tracing.url, reason: errorMessage(thrown) });
    return noTracer;
  }
}
