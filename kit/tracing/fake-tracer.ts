import type { TraceContext } from "./trace-context.ts";
import type { Span, SpanAttributes, SpanStart, Tracer } from "./tracer.ts";

export interface FakeSpan extends SpanStart {
  readonly name: string;
  readonly context: TraceContext;
  attributes: SpanAttributes;
  endMs: number | undefined;
  error: string | undefined;
}

/** Keeps all spans, with ids that count. */
export class FakeTracer implements Tracer {
  readonly isOn = true;
  readonly figures = { exported: 0, dropped: 0, failed: 0 };
  readonly spans: FakeSpan[] = [];

  start(name: string, start: SpanStart): Span {
    const id = this.spans.length + 1;
    const context = {
      traceId: start.parent?.traceId ?? String(id).padStart(32, "0"),
      spanId: String(id).padStart(16, "0"),
      isSampled: true,
    };
    const span: FakeSpan = { ...start, name, context, endMs: undefined, error: undefined };
    this.spans.push(span);
    return {
      context,
      set: (attributes) => (span.attributes = { ...span.attributes, ...attributes }),
      end: (endMs, error) => {
        span.endMs ??= endMs;
        span.error = error;
      },
    };
  }

  /** `parent > name` of those that have ended, in the order in which they began. */
  tree(): readonly string[] {
    const nameOf = (id: string | undefined) =>
      this.spans.find(({ context }) => context.spanId === id)?.name ?? "";
    return this.spans
      .filter(({ endMs }) => endMs !== undefined)
      .map(({ name, parent }) => `${nameOf(parent?.spanId)} > ${name}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}
