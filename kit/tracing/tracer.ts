import type { TraceContext } from "./trace-context.ts";

export type SpanAttributes = Readonly<Record<string, string | number | boolean>>;

export interface SpanStart {
  /** `server`: it answers a request of another process. */
  readonly kind: "server" | "internal";
  /** undefined: it begins a trace. */
  readonly parent: TraceContext | undefined;
  /** Since the Unix epoch, as every time here. */
  readonly startMs: number;
  readonly attributes: SpanAttributes;
}

/** A span that is under way. What is not ended is never told. */
export interface Span {
  /** For what is done within it, here or in another process. */
  readonly context: TraceContext;
  set(attributes: SpanAttributes): void;
  /** `error`: why it has failed. */
  end(endMs: number, error?: string): void;
}

/** Since the start of the process. */
export interface TracerFigures {
  readonly exported: number;
  /** As the queue was full. */
  readonly dropped: number;
  /** The collector did not take them. */
  readonly failed: number;
}

/** Makes spans and tells a collector of them. Never throws, waits for nothing, and holds no more than a bounded number of them. */
export interface Tracer extends AsyncDisposable {
  /** Whether it is worth making anything for it. */
  readonly isOn: boolean;
  readonly figures: TracerFigures;
  start(name: string, span: SpanStart): Span;
}

const noSpan: Span = {
  context: { traceId: "0".repeat(32), spanId: "0".repeat(16), isSampled: false },
  set: () => {},
  end: () => {},
};

/** Where nobody has asked for traces. */
export const noTracer: Tracer = {
  isOn: false,
  figures: { exported: 0, dropped: 0, failed: 0 },
  start: () => noSpan,
  [Symbol.asyncDispose]: async () => {},
};
