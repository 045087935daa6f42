import { expect, test } from "vitest";
import { FakeClock } from "../../kit/fake-clock.ts";
import { seededRandom } from "../../kit/random.ts";
import { FakeTracer } from "../../kit/tracing/fake-tracer.ts";
import type { RequestHead } from "../link/exchange.ts";
import type { ClientRequest } from "./client-side.ts";
import { readRequestHeaders } from "./core/request-headers.ts";
import { gatewayLimits } from "./limits.ts";
import { RequestTraces } from "./request-traces.ts";

const remote = { traceId: "a".repeat(32), spanId: "b".repeat(16) };
const sampled = `00-${remote.traceId}-${remote.spanId}-01`;
const unsampled = `00-${remote.traceId}-${remote.spanId}-00`;

function setUp(sampleRatio = 0) {
  const clock = new FakeClock();
  const tracer = new FakeTracer();
  return {
    clock,
    tracer,
    traces: new RequestTraces({ tracer, clock, random: seededRandom(1), sampleRatio }),
  };
}

function requestOf(traceparent: string | undefined, given: Partial<ClientRequest> = {}): ClientRequest {
  // What is read of it is here.
  return {
    protocol: "1.1",
    method: "GET",
    scheme: "http",
    authority: "shop.test:8080",
    path: "/cart",
    query: "?token=secret",
    headers: readRequestHeaders(traceparent === undefined ? [] : ["traceparent", traceparent]),
    clientAddress: "10.0.0.1",
    ...given,
  } as ClientRequest;
}

test("RequestTraces: a sampled request is gone on with, and the next one gets the span's traceparent", () => {
  const { clock, tracer, traces } = setUp();
  const request = requestOf(sampled);
  traces.begin(request);
  clock.advance(5);
  traces.end(request, undefined, undefined, 404);
  const [span] = tracer.spans;
  expect(request.headers.traceparent).toBe(`00-${remote.traceId}-${span?.context.spanId}-01`);
  expect(span).toMatchObject({ name: "GET", kind: "server", parent: remote, error: undefined });
  expect((span?.endMs ?? 0) - (span?.startMs ?? 0)).toBe(5);
  expect(span?.attributes).toEqual({
    "http.request.method": "GET",
    "http.response.status_code": 404,
    "url.scheme": "http",
    "url.path": "/cart",
    "server.address": "shop.test",
    "server.port": 8080,
    "client.address": "10.0.0.1",
    "network.protocol.version": "1.1",
  });
});

test.each([
  { name: "one that is not sampled", traceparent: unsampled, ratio: 1 },
  { name: "none, and a ratio of 0", traceparent: undefined, ratio: 0 },
])("RequestTraces: a request with a traceparent of $name stays as it is", ({ traceparent, ratio }) => {
  const { tracer, traces } = setUp(ratio);
  const request = requestOf(traceparent);
  traces.begin(request);
  traces.end(request, undefined, undefined, 200);
  expect(request.headers.traceparent).toBe(traceparent);
  expect(tracer.spans).toEqual([]);
});

test.each([
  { name: "one that is none", headers: ["traceparent", "00-yes"] },
  { name: "several", headers: ["traceparent", sampled, "traceparent", sampled] },
])("RequestTraces: with a traceparent of $name the ratio decides, and a trace begins anew", ({ headers }) => {
  const { tracer, traces } = setUp(1);
  traces.begin(requestOf(undefined, { headers: readRequestHeaders(headers) }));
  expect(tracer.spans.map(({ parent }) => parent)).toEqual([undefined]);
  expect(tracer.spans[0]?.context.traceId).not.toBe(remote.traceId);
});

test("RequestTraces: of requests whose clients have not decided, about the ratio are traced, each a trace of its own", () => {
  const { clock, tracer, traces } = setUp(0.1);
  for (let asked = 0; asked < 10_000; asked++) {
    traces.begin(requestOf(undefined));
    clock.advance(10);
  }
  expect(tracer.spans.length).toBeGreaterThan(850);
  expect(tracer.spans.length).toBeLessThan(1_150);
  expect(tracer.spans.every(({ parent }) => parent === undefined)).toBe(true);
});

test("RequestTraces: whoever wants all to be traced gets so many a second, and the others pass as they came", () => {
  const { clock, tracer, traces } = setUp();
  const most = gatewayLimits.tracedPerSecondMax;
  for (let asked = 0; asked < most; asked++) traces.begin(requestOf(sampled));
  const late = requestOf(sampled);
  traces.begin(late);
  expect(late.headers.traceparent).toBe(sampled);
  expect(traces.relay(headOf(sampled))).toBeUndefined();
  expect(tracer.spans).toHaveLength(most);
  clock.advance(1_000);
  traces.begin(requestOf(sampled));
  expect(tracer.spans).toHaveLength(most + 1);
});

test("RequestTraces: an answer of 500 and more is an error", () => {
  const { tracer, traces } = setUp();
  const request = requestOf(sampled);
  traces.begin(request);
  traces.end(request, undefined, undefined, 503);
  traces.end(request, undefined, undefined, 200);
  expect(tracer.spans[0]?.error).toBe("answered 503");
  expect(tracer.spans[0]?.attributes).toMatchObject({
    "http.response.status_code": 503,
    "error.type": "503",
  });
});

test("RequestTraces: a method that nobody knows makes no name of a span", () => {
  const { tracer, traces } = setUp();
  traces.begin(requestOf(sampled, { method: "FROBNICATE" }));
  expect(tracer.spans[0]?.name).toBe("HTTP");
  expect(tracer.spans[0]?.attributes).toMatchObject({
    "http.request.method": "_OTHER",
    "http.request.method_original": "FROBNICATE",
  });
});

test("RequestTraces: a call of a function has a span of its own kind", () => {
  const { tracer, traces } = setUp();
  const request = requestOf(sampled, { method: "CALL", path: "price", call: {} });
  traces.begin(request);
  traces.end(request, undefined, undefined, 502);
  const [span] = tracer.spans;
  expect(span).toMatchObject({ name: "CALL", kind: "server", parent: remote, error: "answered 502" });
  expect(span?.attributes).toEqual({
    "rpc.system": "grpc",
    "rpc.service": "wherry.v1.FunctionService",
    "rpc.method": "Call",
    "wherry.function.name": "price",
    "client.address": "10.0.0.1",
    "http.response.status_code": 502,
    "error.type": "502",
  });
});

function headOf(traceparent: string, given: Partial<RequestHead> = {}): RequestHead {
  // What is read of it is here.
  return {
    target: { kind: "workload", uid: "w", templateHash: "" },
    method: "GET",
    path: "/cart?token=secret",
    headers: ["x", "traceparent", "traceparent", traceparent, "via", "1.1 a"],
    ...given,
  } as unknown as RequestHead;
}

test("relay: goes on with another gateway's trace, and the handler gets the span's traceparent", () => {
  const { tracer, traces } = setUp();
  const traced = traces.relay(headOf(sampled));
  traced?.end(200, undefined);
  const [span] = tracer.spans;
  const own = `00-${remote.traceId}-${span?.context.spanId}-01`;
  expect(traced?.head.headers).toEqual(["x", "traceparent", "traceparent", own, "via", "1.1 a"]);
  expect(span).toMatchObject({ name: "relay GET", parent: remote });
  expect(span?.attributes).toMatchObject({ "url.path": "/cart", "http.response.status_code": 200 });
});

test("relay: goes on with the trace of a call", () => {
  const { tracer, traces } = setUp();
  traces.relay(headOf(sampled, { method: "CALL", path: "price", call: {} }))?.end(200, undefined);
  expect(tracer.spans[0]).toMatchObject({ name: "relay CALL", parent: remote });
  expect(tracer.spans[0]?.attributes).toMatchObject({
    "rpc.system": "grpc",
    "wherry.function.name": "price",
  });
  expect(tracer.spans[0]?.attributes).not.toHaveProperty("url.path");
});

test("relay: what is not sampled is not its business", () => {
  const { tracer, traces } = setUp(1);
  expect(traces.relay(headOf(unsampled))).toBeUndefined();
  expect(tracer.spans).toEqual([]);
});
