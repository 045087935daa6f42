import { X509Certificate } from "node:crypto";
import { type Definition, single } from "./metric-definition.ts";

export interface LeadershipFigures {
  readonly epoch: number;
  /** PEM: what the scheduler shows to clients and nodes. */
  readonly certificate: string | Buffer;
}

/** Of the process itself: its leadership and its certificate. */
export function leadershipMetrics({ epoch, certificate }: LeadershipFigures): readonly Definition[] {
  const expirySeconds = new X509Certificate(certificate).validToDate.getTime() / 1000;
  return [
    {
      kind: "gauge",
      name: "wherry_leader_epoch",
      help: "The number of the leadership: it grows with each, and not by one.",
      samples: single(() => epoch),
    },
    {
      kind: "gauge",
      name: "wherry_certificate_expiry_timestamp_seconds",
      help: "When the scheduler's certificate expires, in seconds since the Unix epoch.",
      samples: single(() => expirySeconds),
    },
  ];
}
