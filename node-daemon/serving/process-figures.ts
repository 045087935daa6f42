/** How the gateway processes of the node are: together, and of those that are gone what they had counted. */
import { noTracer, type TracerFigures } from "../../kit/tracing/tracer.ts";
import type { ProcessFigures } from "../gateway/control.ts";

export interface GatewayProcesses extends ProcessFigures {
  readonly traceSpans: TracerFigures;
  readonly count: number;
}

const none: GatewayProcesses = {
  count: 0,
  connections: { http: 0, https: 0, peer: 0, functions: 0 },
  accepted: { http: 0, https: 0, peer: 0, functions: 0 },
  connectionsRefused: { perClient: 0, inAll: 0 },
  handshakesFailed: 0,
  refusals: {},
  droppedLogLines: 0,
  traceSpans: noTracer.figures,
  cpuSeconds: 0,
  residentBytes: 0,
  loopDelayMs: 0,
  loopUtilization: 0,
};

export class ProcessBook<G> {
  readonly #live = new Map<G, ProcessFigures>();
  #past = none;

  note(gateway: G, figures: ProcessFigures): void {
    this.#live.set(gateway, figures);
  }

  /** It has said something, which comes after what it says of its workloads. */
  has(gateway: G): boolean {
    return this.#live.has(gateway);
  }

  died(gateway: G): void {
    const figures = this.#live.get(gateway);
    if (figures === undefined) return;
    this.#live.delete(gateway);
    const { connections, residentBytes, loopDelayMs, loopUtilization } = none;
    this.#past = sumOf(this.#past, { ...figures, connections, residentBytes, loopDelayMs, loopUtilization });
  }

  /** Undefined: there has been none yet. Delay and utilization are those of the one that is worst off. */
  all(): GatewayProcesses | undefined {
    if (this.#live.size === 0 && this.#past === none) return undefined;
    let all = this.#past;
    for (const figures of this.#live.values()) all = sumOf(all, figures);
    return { ...all, count: this.#live.size };
  }
}

function sumOf(a: GatewayProcesses, b: ProcessFigures): GatewayProcesses {
  return {
    count: a.count,
    connections: sumOfEach(a.connections, b.connections),
    accepted: sumOfEach(a.accepted, b.accepted),
    connectionsRefused: sumOfEach(a.connectionsRefused, b.connectionsRefused),
    handshakesFailed: a.handshakesFailed + b.handshakesFailed,
    refusals: sumOfEach<string>(a.refusals, b.refusals),
    droppedLogLines: a.droppedLogLines + b.droppedLogLines,
    traceSpans: sumOfEach(a.traceSpans, b.traceSpans ?? noTracer.figures),
    cpuSeconds: a.cpuSeconds + b.cpuSeconds,
    residentBytes: a.residentBytes + b.residentBytes,
    loopDelayMs: Math.max(a.loopDelayMs, b.loopDelayMs),
    loopUtilization: Math.max(a.loopUtilization, b.loopUtilization),
  };
}

function sumOfEach<K extends string>(
  a: Readonly<Record<K, number>>,
  b: Readonly<Record<K, number>>,
): Record<K, number> {
  const sum: Record<K, number> = { ...a };
  for (const key in b) sum[key] = (sum[key] ?? 0) + b[key];
  return sum;
}
