/** The flags that are about traces: parsed and complete. */
import { WherryError } from "../errors.ts";

export interface TracingOptions {
  /** Of the collector, with its path. */
  readonly url: string;
  /** Of the requests that bring no decision of their own, those that are traced: from 0 to 1. */
  readonly sampleRatio: number;
}

export interface TracingFlags {
  readonly "otlp-endpoint"?: string | undefined;
  readonly "otlp-sample-ratio"?: string | undefined;
}

export const tracingFlags = {
  "otlp-endpoint": { type: "string" },
  "otlp-sample-ratio": { type: "string" },
} as const;

export const tracingUsage = `  --otlp-endpoint URL      send traces there, to an OpenTelemetry collector: OTLP over HTTP, such as http://127.0.0.1:4318
                           (default: no traces)
  --otlp-sample-ratio R    of requests without a traceparent the part that gateways trace, from 0 to 1 (default 0.1)`;

const ratioDefault = "0.1";
const urlLengthMax = 2_048;

/** undefined: there are to be no traces. Throws a `WherryError` InvalidFlag that names the flag. */
export function parseTracingFlags(values: TracingFlags): TracingOptions | undefined {
  const sampleRatio = ratio(values["otlp-sample-ratio"] ?? ratioDefault);
  const endpoint = values["otlp-endpoint"];
  return endpoint === undefined ? undefined : { url: traceUrl(endpoint), sampleRatio };
}

/** As with OTEL_EXPORTER_OTLP_ENDPOINT, the path of traces follows. */
function traceUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isWeb = url?.protocol === "http:" || url?.protocol === "https:";
  // Flags are seen by everybody on the machine.
  const isBare = url?.username === "" && url.password === "" && url.search === "" && url.hash === "";
  if (url === undefined || !isWeb || !isBare || text.length > urlLengthMax)
    throw invalid(
      "otlp-endpoint",
      text.slice(0, 100),
      "http://HOST:PORT or https://HOST:PORT, without a user or a query",
    );
  return `${url.origin}${url.pathname.replace(/\/+$/, "")}/v1/traces`;
}

function ratio(text: string): number {
  const value = /^(?:\d{1,9}(?:\.\d{0,9})?|\.\d{1,9})$/.test(text) ? Number(text) : Number.NaN;
  if (value >= 0 && value <= 1) return value;
  throw invalid("otlp-sample-ratio", text.slice(0, 100), "a number from 0 to 1, such as 0.1");
}

function invalid(flag: string, value: string, expected: string): WherryError {
  return new WherryError("InvalidFlag", `--${flag}: "${value}" is not valid; expected ${expected}`);
}
