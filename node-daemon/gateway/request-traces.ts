/**
 * The spans of a gateway: one for each traced request of a client, and one where another gateway sends it. The handler, and the other
 * gateway, get a traceparent of that span and go on with it. Calls of functions are requests here.
 *
 *   client ── traceparent, or none ─▶ traced? ── no ──▶ passed on as it came (made, not sampled, if there was none)
 *                                        └────── yes ─▶ span ─▶ traceparent of the span ─▶ handler
 *
 * Whether a request is traced its client decides, with the flag `sampled`; where it has not, the dice do. As anybody may be a client, only
 * so many are traced in a second; the others' traceparents are passed on as they came.
 */
import type { Clock } from "../../kit/clock.ts";
import type { Random } from "../../kit/random.ts";
import { formatTraceparent, parseTraceparent, type TraceContext } from "../../kit/tracing/trace-context.ts";
import type { Span, SpanAttributes, Tracer } from "../../kit/tracing/tracer.ts";
import type { RequestHead } from "../link/exchange.ts";
import type { ClientRequest } from "./client-side.ts";
import { gatewayLimits } from "./limits.ts";
import type { Backend, Workload } from "./workload.ts";

export interface RequestTracesOptions {
  readonly tracer: Tracer;
  readonly clock: Clock;
  readonly random: Random;
  /** Of the requests whose clients have not decided. */
  readonly sampleRatio: number;
}

/** A request that another gateway has sent. */
export interface TracedRelay {
  /** As its instance is to get it. */
  readonly head: RequestHead;
  /** `status` 0: there was no answer. */
  end(status: number, error: string | undefined): void;
}

/** HTTP's own (semantic conventions of HTTP spans): others are any words that clients like. */
const knownMethods = new Set([
  "CONNECT",
  "DELETE",
  "GET",
  "HEAD",
  "OPTIONS",
  "PATCH",
  "POST",
  "PUT",
  "QUERY",
  "TRACE",
]);
const secondMs = 1_000;

export class RequestTraces {
  readonly #options: RequestTracesOptions;
  readonly #spans = new WeakMap<ClientRequest, Span>();
  #secondBeganMs = Number.NEGATIVE_INFINITY;
  #inSecond = 0;

  constructor(options: RequestTracesOptions) {
    this.#options = options;
  }

  /** A client's, before anything is decided about it. Changes its traceparent if it is traced. */
  begin(request: ClientRequest): void {
    const { headers } = request;
    const parent = headers.traceparent === undefined ? undefined : parseTraceparent(headers.traceparent);
    const { random, sampleRatio } = this.#options;
    if (!(parent?.isSampled ?? random.fraction() < sampleRatio) || !this.#hasRoom()) return;
    const span =
      request.call === undefined
        ? this.#start(methodOf(request.method), parent, requestAttributes(request))
        : this.#start(callName, parent, {
            ...callAttributes(request.path),
            "client.address": request.clientAddress,
          });
    this.#spans.set(request, span);
    headers.traceparent = formatTraceparent(span.context);
  }

  /** It has been answered. `workload` undefined: it was brought to none. */
  end(
    request: ClientRequest,
    workload: Workload | undefined,
    place: Backend | undefined,
    status: number,
  ): void {
    const span = this.#spans.get(request);
    if (span === undefined) return;
    this.#spans.delete(request);
    const facts = workload?.facts;
    span.set({
      "http.response.status_code": status,
      ...(status >= 500 && { "error.type": String(status) }),
      ...(facts && {
        "wherry.workload.kind": facts.kind,
        "wherry.workload.namespace": facts.namespace,
        "wherry.workload.name": facts.name,
      }),
      ...(place && placeAttributes(place)),
    });
    // A client that is wrong is no error of the server's; its leaving is 499 here.
    span.end(this.#options.clock.now(), status >= 500 ? `answered ${status}` : undefined);
  }

  /** Another gateway's. undefined: it is not traced. */
  relay(head: RequestHead): TracedRelay | undefined {
    const { headers } = head;
    const at = headers.findIndex((text, index) => index % 2 === 0 && text === "traceparent");
    const parent = at < 0 ? undefined : parseTraceparent(headers[at + 1] ?? "");
    if (parent?.isSampled !== true || !this.#hasRoom()) return undefined;
    const { method, path, call, target } = head;
    const span = this.#start(`relay ${call === undefined ? methodOf(method) : callName}`, parent, {
      ...(call === undefined
        ? { "http.request.method": method, "url.path": path.split("?", 1)[0] ?? "" }
        : callAttributes(path)),
      "wherry.workload.uid": target.kind === "workload" ? target.uid : "",
    });
    return {
      head: { ...head, headers: headers.with(at + 1, formatTraceparent(span.context)) },
      end: (status, error) => {
        if (status > 0) span.set({ "http.response.status_code": status });
        span.end(this.#options.clock.now(), error ?? (status >= 500 ? `answered ${status}` : undefined));
      },
    };
  }

  #start(name: string, parent: TraceContext | undefined, attributes: SpanAttributes): Span {
    const { tracer, clock } = this.#options;
    return tracer.start(name, { kind: "server", parent, startMs: clock.now(), attributes });
  }

  #hasRoom(): boolean {
    const nowMs = this.#options.clock.monotonic();
    if (nowMs - this.#secondBeganMs >= secondMs) {
      this.#secondBeganMs = nowMs;
      this.#inSecond = 0;
    }
    return this.#inSecond++ < gatewayLimits.tracedPerSecondMax;
  }
}

/** Of the query nothing: there may be secrets in it. */
function requestAttributes(request: ClientRequest): SpanAttributes {
  const { method, headers } = request;
  const { hostname, port } = addressOf(request.authority);
  return {
    "http.request.method": methodOf(method) === "HTTP" ? "_OTHER" : method,
    ...(methodOf(method) === "HTTP" && { "http.request.method_original": method }),
    "url.scheme": request.scheme,
    "url.path": request.path,
    "server.address": hostname,
    ...(port !== undefined && { "server.port": port }),
    "client.address": request.clientAddress,
    "network.protocol.version": request.protocol === "2.0" ? "2" : request.protocol,
    ...(headers.userAgent !== undefined && { "user_agent.original": headers.userAgent }),
  };
}

/** Of spans: the names of functions are the callers' to choose. */
const callName = "CALL";

/** Semantic conventions of RPC spans. Of the input nothing. */
function callAttributes(name: string): SpanAttributes {
  return {
    "rpc.system": "grpc",
    "rpc.service": "wherry.v1.FunctionService",
    "rpc.method": "Call",
    "wherry.function.name": name,
  };
}

function methodOf(method: string): string {
  return knownMethods.has(method) ? method : "HTTP";
}

function addressOf(authority: string): { readonly hostname: string; readonly port: number | undefined } {
  const [, hostname = authority, port] = /^(.*):(\d{1,5})$/.exec(authority) ?? [];
  return { hostname, port: port === undefined ? undefined : Number(port) };
}

function placeAttributes(place: Backend): SpanAttributes {
  if (place.kind === "remote") return { "wherry.node.name": place.node };
  const { uid, name } = place.attached.endpoint;
  return { "wherry.instance.uid": uid, "wherry.instance.name": name };
}
