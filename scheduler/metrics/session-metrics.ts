import type { SessionFigures } from "../nodes/session-figures.ts";
import { byLabel, type Definition, single } from "./metric-definition.ts";

/** What goes over the sessions with nodes. */
export function sessionMetrics(figures: SessionFigures): readonly Definition[] {
  return [
    {
      kind: "counter",
      name: "wherry_node_sessions_opened_total",
      help: "Sessions of nodes that were begun.",
      samples: single(() => figures.opened),
    },
    {
      kind: "counter",
      name: "wherry_node_sessions_refused_total",
      help: "Sessions of nodes that were refused or cut off, by why.",
      samples: byLabel("reason", () => Object.entries(figures.refused)),
    },
    {
      kind: "counter",
      name: "wherry_node_sessions_silent_total",
      help: "Sessions of nodes that were closed because nothing came.",
      samples: single(() => figures.closedForSilence),
    },
    {
      kind: "counter",
      name: "wherry_node_messages_received_total",
      help: "Messages from nodes, by kind.",
      samples: byLabel("message", () => figures.received),
    },
    {
      kind: "counter",
      name: "wherry_node_messages_sent_total",
      help: "Messages to nodes, by kind.",
      samples: byLabel("message", () => figures.sent),
    },
    {
      kind: "counter",
      name: "wherry_node_received_bytes_total",
      help: "What messages from nodes took on the wire, without TLS and HTTP/2.",
      samples: single(() => figures.receivedBytes),
    },
    {
      kind: "counter",
      name: "wherry_node_sent_bytes_total",
      help: "What messages to nodes took on the wire, without TLS and HTTP/2.",
      samples: single(() => figures.sentBytes),
    },
  ];
}
