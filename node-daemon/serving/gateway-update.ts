/** What the scheduler says to a node's gateway, as values. */
import type { RouteEntry } from "../../api/route-table.ts";
import type { GatewayCertificate, GatewayWorkload } from "../gateway/control.ts";

export interface GatewayUpdate {
  /** It takes the place of all that was said before. */
  readonly complete: boolean;
  readonly routes: readonly RouteEntry[];
  readonly removedRoutes: readonly string[];
  readonly workloads: readonly GatewayWorkload[];
  readonly removedWorkloads: readonly string[];
  readonly certificates: readonly GatewayCertificate[];
  readonly removedCertificates: readonly string[];
  /** All that hold, as PEM texts. */
  readonly ticketKeys: readonly string[];
}

/** The next part of the same update. */
export function joined(update: GatewayUpdate, part: GatewayUpdate): GatewayUpdate {
  return {
    complete: update.complete,
    routes: [...update.routes, ...part.routes],
    removedRoutes: [...update.removedRoutes, ...part.removedRoutes],
    workloads: [...update.workloads, ...part.workloads],
    removedWorkloads: [...update.removedWorkloads, ...part.removedWorkloads],
    certificates: [...update.certificates, ...part.certificates],
    removedCertificates: [...update.removedCertificates, ...part.removedCertificates],
    ticketKeys: [...update.ticketKeys, ...part.ticketKeys],
  };
}
