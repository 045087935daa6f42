/** What happens to a request once it is known to be one: its route, and what that says. */
import type { Clock } from "../../kit/clock.ts";
import type { Log } from "../../kit/log.ts";
import type { Random } from "../../kit/random.ts";
import { accessLine } from "./access-log.ts";
import type { Backends } from "./backends.ts";
import type { Backend, Workload } from "./workload.ts";
import type { ClientRequest } from "./client-side.ts";
import { ByteBudget } from "./core/byte-budget.ts";
import { chooseBackend } from "./core/backend-choice.ts";
import { noBackend, noRoute, type OwnAnswer, upgradeUnsupported } from "./core/own-answer.ts";
import { addOrigin, hasUpgrade } from "./core/request-headers.ts";
import { locationOf, portOf } from "./core/rewrite.ts";
import { type MatchedRule, RouteTable } from "./core/route-table.ts";
import type { Deadlines } from "./deadlines.ts";
import { Forwarding } from "./forwarding.ts";
import type { ForwardingContext } from "./forwarding-context.ts";
import type { GatewayCounts } from "./gateway-counts.ts";
import { type CallOutcome, callRule, CallRequest, type FunctionCall } from "./function-call.ts";
import { gatewayLimits } from "./limits.ts";
import { answerOwn } from "./own-answers.ts";
import type { GatewayOptions, GatewayPorts } from "./ports.ts";
import { RequestTraces } from "./request-traces.ts";

export class Traffic implements ForwardingContext {
  readonly clock: Clock;
  readonly log: Log;
  readonly options: GatewayOptions;
  readonly backends: Backends;
  readonly deadlines: Deadlines;
  /** For those that are gathered. */
  readonly bodies: ByteBudget;
  readonly table = new RouteTable();
  /** Lines of the access log that were dropped as there was no room. */
  droppedLines = 0;
  readonly #counts: GatewayCounts;
  readonly #random: Random;
  readonly #accessLog: GatewayPorts["accessLog"];
  /** undefined: nothing is traced. */
  readonly traces: RequestTraces | undefined;
  readonly #makeTrace = () => makeTraceparent(this.#random);

  constructor(
    options: GatewayOptions,
    ports: GatewayPorts,
    backends: Backends,
    deadlines: Deadlines,
    counts: GatewayCounts,
  ) {
    this.#counts = counts;
    this.options = options;
    this.bodies = new ByteBudget(options.bufferBytesMax);
    this.backends = backends;
    this.deadlines = deadlines;
    this.clock = ports.clock;
    this.log = ports.log;
    this.#random = ports.random;
    this.#accessLog = ports.accessLog;
    const { tracer } = ports;
    const { traceSampleRatio: sampleRatio } = options;
    this.traces = tracer?.isOn ? new RequestTraces({ ...ports, tracer, sampleRatio }) : undefined;
  }

  take(request: ClientRequest): void {
    this.traces?.begin(request);
    const { table } = this;
    const matched = table.find(request.host, request.path, request.method, request.headers.list);
    if (matched === undefined) {
      this.#refuse(request, noRoute);
      return;
    }
    const location = this.#redirectOf(request, matched);
    if (location !== undefined) {
      request.respond(location.status, ["location", location.url], 0);
      request.end([]);
      this.#noteOwn(request, location.status, 0);
      return;
    }
    this.#forward(request, matched);
  }

  #forward(request: ClientRequest, matched: MatchedRule): void {
    const backend = chooseBackend(matched.rule.backends, this.#random.fraction());
    if (backend?.workload === undefined) {
      this.#refuse(request, noBackend);
      return;
    }
    const { headers } = request;
    // Others are ignored, as RFC 9110 7.8 has it. Who wants this one does not go on without it.
    if (request.upgrade === undefined && hasUpgrade(headers) && /^websocket/i.test(headers.upgrade ?? "")) {
      this.#refuse(request, upgradeUnsupported);
      return;
    }
    addOrigin(
      headers,
      {
        address: request.clientAddress,
        scheme: request.scheme,
        host: request.authority,
        port: request.port,
        protocol: request.protocol,
      },
      this.options,
      this.#makeTrace,
    );
    const workload = this.backends.getOrAdd(backend.workload);
    new Forwarding(this, request, matched, workload, backend.templateHash, this.clock.monotonic()).begin();
  }

  call(call: FunctionCall, done: (outcome: CallOutcome) => void): () => void {
    const request = new CallRequest(call, done);
    this.traces?.begin(request);
    const { list, traceparent } = request.headers;
    // For another node's gateway.
    if (traceparent !== undefined) list.push("traceparent", traceparent);
    const rule = { ...callRule, requestTimeoutMs: call.timeoutMs };
    const workload = this.backends.getOrAdd(call.workload);
    new Forwarding(
      this,
      request,
      { rule, matchedLength: 0 },
      workload,
      undefined,
      this.clock.monotonic(),
    ).begin();
    return () => request.cancel();
  }

  #redirectOf(
    request: ClientRequest,
    matched: MatchedRule,
  ): { readonly status: number; readonly url: string } | undefined {
    const { route, rule } = matched;
    // By HTTP/1.0 nobody has named one.
    const host = request.host === "" ? request.authority : request.host;
    if (route.tls?.redirect === true && request.scheme === "http") {
      const port = portOf("https", this.options.httpsPort);
      return { status: 308, url: `https://${host}${port}${request.path}${request.query}` };
    }
    if (rule.redirect === undefined) return undefined;
    const url = locationOf(rule.redirect, {
      scheme: request.scheme,
      host,
      port: portIn(request.authority),
      matched: { path: request.path, matchedLength: matched.matchedLength },
      query: request.query,
    });
    return { status: rule.redirect.status, url };
  }

  /** Now and then: guests may answer so each time. */
  warn(workload: Workload, why: string): void {
    const nowMs = this.clock.monotonic();
    if (nowMs - workload.warnedMs < gatewayLimits.warnMs) return;
    workload.warnedMs = nowMs;
    this.log.warn("an instance has answered with what is no HTTP", { workload: workload.uid, err: why });
  }

  note(
    request: ClientRequest,
    workload: Workload,
    place: Backend | undefined,
    status: number,
    bytes: number,
    durationMs: number,
  ): void {
    this.traces?.end(request, workload, place, status);
    if (this.#accessLog === undefined) return;
    const { facts } = workload;
    const name = facts === undefined ? workload.uid : `${facts.namespace}/${facts.name}`;
    this.#write(request, name, place === undefined ? "" : nameOf(place), status, bytes, durationMs);
  }

  #refuse(request: ClientRequest, answer: OwnAnswer): void {
    this.#counts.refused(answer.reason);
    this.#noteOwn(request, answer.status, answerOwn(request, answer));
  }

  #noteOwn(request: ClientRequest, status: number, bytes: number): void {
    this.traces?.end(request, undefined, undefined, status);
    if (this.#accessLog !== undefined) this.#write(request, "", "", status, bytes, 0);
  }

  #write(
    request: ClientRequest,
    workload: string,
    place: string,
    status: number,
    bytes: number,
    durationMs: number,
  ): void {
    const facts = { request, workload, place, status, bytes, durationMs, nowMs: this.clock.now() };
    if (this.#accessLog?.(accessLine(this.options.accessLogFormat, facts)) === false) this.droppedLines++;
  }
}

function nameOf(place: Backend): string {
  return place.kind === "local" ? place.attached.endpoint.name : `node ${place.node}`;
}

function portIn(authority: string): number | undefined {
  const digits = /:(\d+)$/.exec(authority)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

/** W3C Trace Context: not sampled, as nobody has decided that it should be. */
function makeTraceparent(random: Random): string {
  const trace = random.uuid().replaceAll("-", "");
  const half = () =>
    Math.floor(random.fraction() * 0x1_0000_0000)
      .toString(16)
      .padStart(8, "0");
  return `00-${trace}-${half()}${half()}-00`;
}
