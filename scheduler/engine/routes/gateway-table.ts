/** All that gateways have to know, with the version of each change; makes of it what one gateway has to be told. */
import { isDeepStrictEqual } from "node:util";
import type { ChangeLog } from "../../core/routes/change-log.ts";
import { assertNever } from "../../../kit/errors.ts";
import type {
  GatewayCertificate,
  GatewayRoute,
  GatewayUpdate,
  GatewayWorkload,
  NodeGateway,
} from "../../nodes/node-port.ts";
import type { WorkloadBoard } from "./workload-board.ts";

export type WorkloadFacts = Omit<GatewayWorkload, "nodes">;

export interface GatewayTableOptions {
  readonly log: ChangeLog;
  readonly board: () => WorkloadBoard;
  readonly gateway: (nodeName: string) => NodeGateway | undefined;
  /** Whether all instances of the workload are known. */
  readonly isKnown: (workloadUid: string) => boolean;
  readonly ticketKeys: readonly string[];
}

/** Of how many other nodes a gateway is told that have a workload: enough to spread load over, and connections to few. */
const nodesPerWorkloadMax = 64;

type Kind = "route" | "workload" | "certificate";

interface TableWorkload {
  readonly facts: WorkloadFacts;
  /** Since when they are so. */
  readonly version: number;
}

export class GatewayTable {
  readonly #options: GatewayTableOptions;
  readonly #routes = new Map<string, GatewayRoute>();
  readonly #workloads = new Map<string, TableWorkload>();
  readonly #certificates = new Map<string, GatewayCertificate>();

  constructor(options: GatewayTableOptions) {
    this.#options = options;
  }

  putRoute(route: GatewayRoute): void {
    this.#routes.set(route.uid, route);
    this.#options.log.changed(keyOf("route", route.uid));
  }

  deleteRoute(uid: string): void {
    if (this.#routes.delete(uid)) this.#options.log.gone(keyOf("route", uid));
  }

  putWorkload(facts: WorkloadFacts): void {
    const before = this.#workloads.get(facts.uid)?.facts;
    if (isDeepStrictEqual(before, facts)) return;
    this.#workloads.set(facts.uid, { facts, version: this.workloadChanged(facts.uid) });
  }

  deleteWorkload(uid: string): void {
    if (this.#workloads.delete(uid)) this.#options.log.gone(keyOf("workload", uid));
  }

  /** Where its instances are is another; answers with the version. */
  workloadChanged(uid: string): number {
    return this.#options.log.changed(keyOf("workload", uid));
  }

  putCertificate(certificate: GatewayCertificate): void {
    const before = this.#certificates.get(certificate.name);
    if (isDeepStrictEqual(before, certificate)) return;
    this.#certificates.set(certificate.name, certificate);
    this.#options.log.changed(keyOf("certificate", certificate.name));
  }

  deleteCertificate(name: string): void {
    if (this.#certificates.delete(name)) this.#options.log.gone(keyOf("certificate", name));
  }

  /** Only the keys. */
  keys(): GatewayUpdate {
    const update = new UpdateDraft(false);
    update.ticketKeys.push(...this.#options.ticketKeys);
    return update;
  }

  /** All of it, or what is new to the gateway after a version; undefined: nothing is. */
  updateFor(nodeName: string, since: number | undefined): GatewayUpdate | undefined {
    const update = new UpdateDraft(since === undefined);
    if (since === undefined) {
      update.ticketKeys.push(...this.#options.ticketKeys);
      update.routes.push(...this.#routes.values());
      update.certificates.push(...this.#certificates.values());
      for (const { facts } of this.#workloads.values())
        update.workloads.push(this.#workloadFor(nodeName, facts));
      return update;
    }
    for (const key of this.#options.log.since(since)) this.#addNews(update, nodeName, key, since);
    return update.isEmpty ? undefined : update;
  }

  #addNews(update: UpdateDraft, nodeName: string, key: string, since: number): void {
    const { kind, name } = readKey(key);
    if (this.#options.log.isGone(key)) {
      update.removed(kind).push(name);
      return;
    }
    switch (kind) {
      case "route":
        pushIf(update.routes, this.#routes.get(name));
        return;
      case "certificate":
        pushIf(update.certificates, this.#certificates.get(name));
        return;
      case "workload": {
        const workload = this.#workloads.get(name);
        if (workload !== undefined && this.#hasNews(nodeName, workload, since))
          update.workloads.push(this.#workloadFor(nodeName, workload.facts));
        return;
      }
      default:
        assertNever(kind, "kind of news");
    }
  }

  /** What has changed of it may be about nodes of which this gateway is not told. */
  #hasNews(nodeName: string, { facts: { uid }, version }: TableWorkload, since: number): boolean {
    const { board, isKnown } = this.#options;
    if (!isKnown(uid)) return false;
    return version > since || (board().ring(uid)?.hasNews(nodeName, nodesPerWorkloadMax, since) ?? false);
  }

  #workloadFor(nodeName: string, facts: WorkloadFacts): GatewayWorkload {
    const { board, gateway } = this.#options;
    const nodes = board().ring(facts.uid)?.nodesFor(nodeName, nodesPerWorkloadMax) ?? [];
    return {
      ...facts,
      nodes: nodes.flatMap(({ name, ready }) => {
        const address = gateway(name)?.address;
        if (address === undefined) return [];
        const counts = [...ready].map(([templateHash, count]) => ({ templateHash, count }));
        return [{ name, address, ready: counts }];
      }),
    };
  }
}

class UpdateDraft implements GatewayUpdate {
  readonly complete: boolean;
  readonly routes: GatewayRoute[] = [];
  readonly removedRoutes: string[] = [];
  readonly workloads: GatewayWorkload[] = [];
  readonly removedWorkloads: string[] = [];
  readonly certificates: GatewayCertificate[] = [];
  readonly removedCertificates: string[] = [];
  readonly ticketKeys: string[] = [];

  constructor(complete: boolean) {
    this.complete = complete;
  }

  get isEmpty(): boolean {
    return [
      this.routes,
      this.removedRoutes,
      this.workloads,
      this.removedWorkloads,
      this.certificates,
      this.removedCertificates,
    ].every(({ length }) => length === 0);
  }

  removed(kind: Kind): string[] {
    if (kind === "route") return this.removedRoutes;
    return kind === "workload" ? this.removedWorkloads : this.removedCertificates;
  }
}

function pushIf<T>(list: T[], value: T | undefined): void {
  if (value !== undefined) list.push(value);
}

function keyOf(kind: Kind, name: string): string {
  return `${kind} ${name}`;
}

function readKey(key: string): { readonly kind: Kind; readonly name: string } {
  const blank = key.indexOf(" ");
  // Keys are made by keyOf only.
  return { kind: key.slice(0, blank) as Kind, name: key.slice(blank + 1) };
}
