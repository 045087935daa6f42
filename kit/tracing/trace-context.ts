/** Where a span stands in a trace, as W3C Trace Context carries it from one process to the next. */
export interface TraceContext {
  /** 32 hexadecimal digits, not all zero. */
  readonly traceId: string;
  /** 16 hexadecimal digits, not all zero. */
  readonly spanId: string;
  /** Whether whoever began the trace records it. */
  readonly isSampled: boolean;
}

/** W3C Trace Context 3.2: later versions may be longer, and version ff is none. */
const pattern =
  /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(?:-[\x20-\x7e]*)?$/;
/** Of version 00, exactly. */
const versionZeroLength = 55;
/** Longer ones are of no version that anybody has written down. */
const lengthMax = 512;

/** undefined: it is none, and whoever got it begins a trace of its own (W3C Trace Context 3.4). */
export function parseTraceparent(text: string): TraceContext | undefined {
  if (text.length > lengthMax || (text.startsWith("00") && text.length !== versionZeroLength))
    return undefined;
  const [, traceId, spanId, flags] = pattern.exec(text) ?? [];
  if (traceId === undefined || spanId === undefined || flags === undefined) return undefined;
  return { traceId, spanId, isSampled: (Number.parseInt(flags, 16) & 1) === 1 };
}

/** In version 00, which everybody reads. */
export function formatTraceparent({ traceId, spanId, isSampled }: TraceContext): string {
  return `00-${traceId}-${spanId}-${isSampled ? "01" : "00"}`;
}
