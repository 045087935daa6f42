/** Figures of the gateway processes themselves: of all of them together, or of the one that is worst off. */
import type { GatewayProcesses } from "../serving/process-figures.ts";
import type { Definition, Sample } from "./metric-definition.ts";

type Gateways = () => GatewayProcesses | undefined;

export function gatewayProcessMetrics(gateways: Gateways): readonly Definition[] {
  return [...connectionMetrics(gateways), ...processMetrics(gateways)];
}

const one = (gateways: Gateways, valueOf: (figures: GatewayProcesses) => number) => (): readonly Sample[] => {
  const figures = gateways();
  return figures ? [[{}, valueOf(figures)]] : [];
};

const each =
  (
    gateways: Gateways,
    label: string,
    valuesOf: (figures: GatewayProcesses) => Readonly<Record<string, number>>,
  ) =>
  (): readonly Sample[] => {
    const figures = gateways();
    if (!figures) return [];
    return Object.entries(valuesOf(figures)).map(([key, value]): Sample => [{ [label]: key }, value]);
  };

function connectionMetrics(gateways: Gateways): readonly Definition[] {
  return [
    {
      kind: "gauge",
      name: "wherry_gateway_processes",
      help: "Gateway processes of the node, those included that finish what they have",
      labels: [],
      samples: one(gateways, ({ count }) => count),
    },
    {
      kind: "gauge",
      name: "wherry_gateway_connections",
      help: "Connections that are open at the gateway of the node, by what they came to: http, https, functions, or other gateways (peer)",
      labels: ["listener"],
      samples: each(gateways, "listener", ({ connections }) => connections),
    },
    {
      kind: "counter",
      name: "wherry_gateway_connections_accepted_total",
      help: "Connections that the gateway has accepted, by what they came to",
      labels: ["listener"],
      samples: each(gateways, "listener", ({ accepted }) => accepted),
    },
    {
      kind: "counter",
      name: "wherry_gateway_connections_refused_total",
      help: "Connections of clients that were one too many: from one address (perClient), or from all (inAll)",
      labels: ["reason"],
      samples: each(gateways, "reason", ({ connectionsRefused }) => connectionsRefused),
    },
    {
      kind: "counter",
      name: "wherry_gateway_tls_handshake_failures_total",
      help: "Connections of clients whose TLS has come to nothing",
      labels: [],
      samples: one(gateways, ({ handshakesFailed }) => handshakesFailed),
    },
    {
      kind: "counter",
      name: "wherry_gateway_requests_refused_total",
      help: "Requests that the gateway has answered itself as they can be brought to no workload, by the wherry-reason of the answer",
      labels: ["reason"],
      samples: each(gateways, "reason", ({ refusals }) => refusals),
    },
  ];
}

function processMetrics(gateways: Gateways): readonly Definition[] {
  return [
    {
      kind: "counter",
      name: "wherry_gateway_access_log_dropped_lines_total",
      help: "Lines of the access log that were dropped as the disk did not keep up",
      labels: [],
      samples: one(gateways, ({ droppedLogLines }) => droppedLogLines),
    },
    {
      kind: "counter",
      name: "wherry_gateway_trace_spans_total",
      help: "Spans of the gateway, by whether the collector has got them (exported), has not (failed), or there was no room (dropped)",
      labels: ["result"],
      samples: each(gateways, "result", ({ traceSpans }) => ({ ...traceSpans })),
    },
    {
      kind: "counter",
      name: "wherry_gateway_cpu_seconds_total",
      help: "CPU time of the gateway processes",
      labels: [],
      samples: one(gateways, ({ cpuSeconds }) => cpuSeconds),
    },
    {
      kind: "gauge",
      name: "wherry_gateway_resident_memory_bytes",
      help: "Resident memory of the gateway processes",
      labels: [],
      samples: one(gateways, ({ residentBytes }) => residentBytes),
    },
    {
      kind: "gauge",
      name: "wherry_gateway_event_loop_delay_seconds",
      help: "How late the event loop was at most within the last seconds, of the process that is worst off",
      labels: [],
      samples: one(gateways, ({ loopDelayMs }) => loopDelayMs / 1000),
    },
    {
      kind: "gauge",
      name: "wherry_gateway_event_loop_utilization_ratio",
      help: "Part of the last seconds in which the event loop was busy, of the process that is worst off; at 1 it keeps up no more",
      labels: [],
      samples: one(gateways, ({ loopUtilization }) => loopUtilization),
    },
  ];
}
