/**
 * How a server is kept from answering with samples that are too old. Prometheus takes `lookback_delta` since 2.43. One before it (and
 * others that speak its API) ignores that, and looks back as far as its own setting says, five minutes mostly: then a query of newest samples
 * is asked of a time so far ahead that what is too old has fallen out of sight. Queries with ranges look as far as they say.
 */
import type { HttpAnswer } from "./answer.ts";

export type Lookback =
  | { readonly kind: "parameter" }
  /** Its own is this long. */
  | { readonly kind: "own"; readonly ms: number; readonly serverAheadMs: number }
  /** It does not say how long its own is: nothing can be done. */
  | { readonly kind: "unknown" };

/** Servers are changed for others now and then. */
export const lookbackKnownMs = 600_000;

/** Asked with this, a server that knows the parameter refuses it. */
export const lookbackProbe: Readonly<Record<string, string>> = { query: "time()", lookback_delta: "?" };

export type ProbeReading =
  | { readonly kind: "parameter" }
  | { readonly kind: "ignored"; readonly serverMs: number }
  /** Whatever else is wrong is said by the answer to the question itself. */
  | { readonly kind: "other" };

export function readProbe({ status, body }: HttpAnswer): ProbeReading {
  const answer = parse(body);
  if (status === 400 && answer?.errorType === "bad_data") return { kind: "parameter" };
  const [seconds] = answer?.data?.result ?? [];
  return status === 200 && typeof seconds === "number"
    ? { kind: "ignored", serverMs: seconds * 1000 }
    : { kind: "other" };
}

/** Of /api/v1/status/flags. */
export function readOwnLookbackMs({ status, body }: HttpAnswer): number | undefined {
  const text = status === 200 ? parse(body)?.data?.["query.lookback-delta"] : undefined;
  return typeof text === "string" && text.length < 20 ? wholeDurationMs(text) : undefined;
}

const unitMs: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
  y: 31_536_000_000,
};

function wholeDurationMs(text: string): number | undefined {
  if (!/^(\d+(ms|[smhdwy]))+$/.test(text)) return undefined;
  let ms = 0;
  for (const [, amount, unit = ""] of text.matchAll(/(\d+)(ms|[smhdwy])/g))
    ms += Number(amount) * (unitMs[unit] ?? 0);
  return ms;
}

interface ProbeBody {
  readonly errorType?: unknown;
  readonly data?: { readonly result?: readonly unknown[]; readonly "query.lookback-delta"?: unknown };
}

function parse(body: string): ProbeBody | undefined {
  try {
    // Each field is checked where it is used; those of null throw here.
    const value = JSON.parse(body) as ProbeBody;
    return Array.isArray(value.data?.result ?? []) ? value : undefined;
  } catch {
    return undefined;
  }
}
