import type { CallEndpoint } from "../../api/call-ticket.ts";

/** What the `calls` subresource of a workload needs beside its object. */
export interface CallServices {
  /** Throws ServiceUnavailable while nothing is scheduled here. */
  endpoints(workloadUid: string): readonly CallEndpoint[];
  /** By which clients know gateways: PEM. */
  readonly caBundle: string;
}
