import type { RouteEntry } from "../../api/route-table.ts";
import type { GatewayCertificate, GatewayUpdate, GatewayWorkload } from "../nodes/node-port.ts";

/** What a gateway would know of what its node's session was told. */
export class FakeGateway {
  readonly routes = new Map<string, RouteEntry>();
  readonly workloads = new Map<string, GatewayWorkload>();
  readonly certificates = new Map<string, GatewayCertificate>();
  readonly updates: GatewayUpdate[] = [];

  take(update: GatewayUpdate): void {
    this.updates.push(update);
    if (update.complete) for (const known of [this.routes, this.workloads, this.certificates]) known.clear();
    for (const { uid, entryJson } of update.routes)
      this.routes.set(uid, JSON.parse(Buffer.from(entryJson).toString()) as RouteEntry);
    for (const workload of update.workloads) this.workloads.set(workload.uid, workload);
    for (const certificate of update.certificates) this.certificates.set(certificate.name, certificate);
    for (const uid of update.removedRoutes) this.routes.delete(uid);
    for (const uid of update.removedWorkloads) this.workloads.delete(uid);
    for (const name of update.removedCertificates) this.certificates.delete(name);
  }

  /** By name. */
  route(name: string): RouteEntry | undefined {
    return [...this.routes.values()].find((entry) => entry.name === name);
  }

  /** Of a workload by name, the ready instances it knows of, by node. */
  ready(name: string): Readonly<Record<string, number>> | undefined {
    const workload = [...this.workloads.values()].find((one) => one.name === name);
    if (workload === undefined) return undefined;
    return Object.fromEntries(
      workload.nodes.map((node) => [node.name, node.ready.reduce((sum, { count }) => sum + count, 0)]),
    );
  }
}
