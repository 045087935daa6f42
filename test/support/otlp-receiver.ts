/** A collector of traces for tests: OTLP in protobuf over HTTP, as much of it as tests ask for, by the numbers of its fields. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import protobuf from "protobufjs";

export interface ReceivedSpan {
  readonly traceId: string;
  readonly spanId: string;
  /** Empty: it began the trace. */
  readonly parentSpanId: string;
  readonly name: string;
  /** 1: internal, 2: server. */
  readonly kind: number;
  readonly startNs: bigint;
  readonly endNs: bigint;
  readonly attributes: Readonly<Record<string, string | number | boolean>>;
  /** 2: error. */
  readonly status: number;
  /** Of its process. */
  readonly service: string;
  readonly instance: string;
}

/** opentelemetry-proto, trace/v1/trace.proto and what that imports. */
const { root } = protobuf.parse(`
  syntax = "proto3";
  message Request { repeated ResourceSpans resource_spans = 1; }
  message ResourceSpans { Resource resource = 1; repeated ScopeSpans scope_spans = 2; }
  message Resource { repeated KeyValue attributes = 1; }
  message ScopeSpans { repeated Span spans = 2; }
  message Span {
    bytes trace_id = 1;
    bytes span_id = 2;
    bytes parent_span_id = 4;
    string name = 5;
    int32 kind = 6;
    fixed64 start_time_unix_nano = 7;
    fixed64 end_time_unix_nano = 8;
    repeated KeyValue attributes = 9;
    Status status = 15;
  }
  message Status { string message = 2; int32 code = 3; }
  message KeyValue { string key = 1; AnyValue value = 2; }
  message AnyValue { oneof value { string string_value = 1; bool bool_value = 2; int64 int_value = 3; double double_value = 4; } }
`);
const requestType = root.lookupType("Request");

type Pairs = readonly { readonly key: string; readonly value?: Readonly<Record<string, string | boolean>> }[];

interface DecodedRequest {
  readonly resourceSpans?: readonly {
    readonly resource?: { readonly attributes?: Pairs };
    readonly scopeSpans?: readonly { readonly spans?: readonly DecodedSpan[] }[];
  }[];
}

interface DecodedSpan {
  readonly traceId: Buffer;
  readonly spanId: Buffer;
  readonly parentSpanId?: Buffer;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes?: Pairs;
  readonly status?: { readonly code?: number };
}

export class OtlpReceiver implements AsyncDisposable {
  readonly spans: ReceivedSpan[] = [];
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => {
      const parts: Buffer[] = [];
      request.on("data", (part: Buffer) => parts.push(part));
      request.on("end", () => {
        const isOurs =
          request.url === "/v1/traces" && request.headers["content-type"] === "application/x-protobuf";
        if (isOurs) this.#take(Buffer.concat(parts));
        response.writeHead(isOurs ? 200 : 404, { "content-type": "application/x-protobuf" }).end();
      });
    });
  }

  static async start(): Promise<OtlpReceiver> {
    const receiver = new OtlpReceiver();
    await new Promise<void>((resolve) => receiver.#server.listen(0, "127.0.0.1", resolve));
    return receiver;
  }

  /** For `--otlp-endpoint`. */
  get url(): string {
    // It listens at a port of TCP.
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  trace(traceId: string): readonly ReceivedSpan[] {
    return this.spans.filter((span) => span.traceId === traceId);
  }

  #take(body: Buffer): void {
    const decoded = requestType.toObject(requestType.decode(body), { longs: String }) as DecodedRequest;
    for (const { resource, scopeSpans = [] } of decoded.resourceSpans ?? []) {
      const of = valuesOf(resource?.attributes);
      const service = String(of["service.name"]);
      const instance = String(of["service.instance.id"] ?? "");
      for (const span of scopeSpans.flatMap(({ spans = [] }) => spans))
        this.spans.push({ ...received(span), service, instance });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

function received(span: DecodedSpan): Omit<ReceivedSpan, "service" | "instance"> {
  return {
    traceId: span.traceId.toString("hex"),
    spanId: span.spanId.toString("hex"),
    parentSpanId: span.parentSpanId?.toString("hex") ?? "",
    name: span.name,
    kind: span.kind,
    startNs: BigInt(span.startTimeUnixNano),
    endNs: BigInt(span.endTimeUnixNano),
    attributes: valuesOf(span.attributes),
    status: span.status?.code ?? 0,
  };
}

function valuesOf(pairs: Pairs = []): Readonly<Record<string, string | number | boolean>> {
  return Object.fromEntries(
    pairs.map(({ key, value = {} }) => {
      const { stringValue, boolValue, intValue, doubleValue } = value;
      const number = intValue ?? doubleValue;
      return [key, stringValue ?? boolValue ?? (number === undefined ? "" : Number(number))];
    }),
  );
}
