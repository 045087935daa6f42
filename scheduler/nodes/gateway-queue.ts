/**
 * What waits to be told to a node's gateway: of each route, workload and certificate the newest only, so it is bounded by how many
 * there are. Leaves in messages of a bounded size; the gateway takes in a change as a whole, when its last part is there.
 *
 *   put ─▶ waiting ──nothing is leaving──▶ leaving ─take, part by part─▶ (sent)
 *
 * What is put while the parts of a change leave is another change after it: so each one ends, and none says of one key two things.
 * Within a change, workloads and certificates come before the routes that need them, and go after them.
 */
import type { UpdateGateway } from "../../proto/gen/wherry/v1/UpdateGateway.ts";
import type { GatewayCertificate, GatewayRoute, GatewayUpdate, GatewayWorkload } from "./node-port.ts";
import { bufferOf } from "./wire.ts";

/** As gRPC likes it; a part of its own for what is larger. */
const partBytesMax = 1024 * 1024;

/** undefined: it is gone. */
type News<T> = Map<string, T | undefined>;

class Change {
  readonly routes: News<GatewayRoute> = new Map();
  readonly workloads: News<GatewayWorkload> = new Map();
  readonly certificates: News<GatewayCertificate> = new Map();
  /** Until its first part has left. */
  complete = false;
  /** All that hold, until its first part has left; empty: as they were. */
  ticketKeys: readonly string[] = [];

  get isEmpty(): boolean {
    const news = this.routes.size + this.workloads.size + this.certificates.size;
    return !this.complete && this.ticketKeys.length + news === 0;
  }

  clear(): void {
    for (const news of [this.routes, this.workloads, this.certificates]) news.clear();
  }
}

export class GatewayQueue {
  #waiting = new Change();
  #leaving = new Change();

  get isDue(): boolean {
    return !this.#leaving.isEmpty || !this.#waiting.isEmpty;
  }

  /** Answers with the bytes of the update, about. */
  put(update: GatewayUpdate): number {
    const { routes, workloads, certificates } = this.#waiting;
    if (update.complete) {
      this.#waiting.clear();
      this.#waiting.complete = true;
    }
    if (update.complete || update.ticketKeys.length > 0) this.#waiting.ticketKeys = update.ticketKeys;
    let bytes = 0;
    const note = <T>(news: News<T>, key: string, value: T | undefined, size: number) => {
      news.set(key, value);
      bytes += size;
    };
    for (const one of update.routes) note(routes, one.uid, one, routeBytes(one));
    for (const one of update.workloads) note(workloads, one.uid, one, workloadBytes(one));
    for (const one of update.certificates) note(certificates, one.name, one, certificateBytes(one));
    for (const uid of update.removedRoutes) note(routes, uid, undefined, uid.length);
    for (const uid of update.removedWorkloads) note(workloads, uid, undefined, uid.length);
    for (const name of update.removedCertificates) note(certificates, name, undefined, name.length);
    return bytes;
  }

  /** The next message. */
  take(): UpdateGateway {
    if (this.#leaving.isEmpty) [this.#leaving, this.#waiting] = [this.#waiting, this.#leaving];
    const { complete, ticketKeys, routes, workloads, certificates } = this.#leaving;
    this.#leaving.complete = false;
    this.#leaving.ticketKeys = [];
    let bytes = 0;
    const takeFrom = <T>(news: News<T>, sizeOf: (one: T) => number, isWanted: "there" | "gone") => {
      const taken: [key: string, value: T][] = [];
      for (const [key, value] of news) {
        if (bytes >= partBytesMax) break;
        if ((value === undefined) !== (isWanted === "gone")) continue;
        news.delete(key);
        // Nobody looks at the value of what is gone.
        taken.push([key, value as T]);
        bytes += value === undefined ? key.length + 8 : sizeOf(value);
      }
      return taken;
    };
    const values = <T>(taken: readonly (readonly [string, T])[]) => taken.map(([, value]) => value);
    const keys = (taken: readonly (readonly [string, unknown])[]) => taken.map(([key]) => key);
    return {
      complete,
      ticketKeys: [...ticketKeys],
      workloads: values(takeFrom(workloads, workloadBytes, "there")).map(writeWorkload),
      certificates: values(takeFrom(certificates, certificateBytes, "there")).map(writeCertificate),
      routes: values(takeFrom(routes, routeBytes, "there")).map(writeRoute),
      removedRoutes: keys(takeFrom(routes, routeBytes, "gone")),
      removedWorkloads: keys(takeFrom(workloads, workloadBytes, "gone")),
      removedCertificates: keys(takeFrom(certificates, certificateBytes, "gone")),
      more: !this.#leaving.isEmpty,
    };
  }
}

function routeBytes({ uid, entryJson }: GatewayRoute): number {
  return uid.length + entryJson.byteLength + 8;
}

function workloadBytes({ uid, namespace, name, nodes }: GatewayWorkload): number {
  let bytes = uid.length + namespace.length + name.length + 32;
  for (const node of nodes) {
    bytes += node.name.length + node.address.length + 8;
    for (const { templateHash } of node.ready) bytes += templateHash.length + 8;
  }
  return bytes;
}

function certificateBytes({ name, chainPem, keyPem }: GatewayCertificate): number {
  return name.length + chainPem.byteLength + keyPem.byteLength + 8;
}

function writeRoute({ uid, entryJson }: GatewayRoute) {
  return { uid, entryJson: bufferOf(entryJson) };
}

function writeCertificate({ name, chainPem, keyPem }: GatewayCertificate) {
  return { name, chainPem: bufferOf(chainPem), keyPem: bufferOf(keyPem) };
}

function writeWorkload({ nodes, ...workload }: GatewayWorkload) {
  return { ...workload, nodes: nodes.map(({ ready, ...node }) => ({ ...node, ready: [...ready] })) };
}
