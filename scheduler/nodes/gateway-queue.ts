/**
 * What waits to be told to a node's gateway: of each route, workload and certificate the newest only, so it is bounded by how many
 * there are. Leaves in messages of a bounded size; the gateway takes in a change as a whole, when its last part is there. What is
 * put while the parts of a change leave, belongs to it.
 *
 * Workloads and certificates come before the routes that need them, and go after them.
 */
import type { UpdateGateway } from "../../proto/gen/wherry/v1/UpdateGateway.ts";
import type { GatewayCertificate, GatewayRoute, GatewayUpdate, GatewayWorkload } from "./node-port.ts";
import { bufferOf } from "./wire.ts";

/** As gRPC likes it; a part of its own for what is larger. */
const partBytesMax = 1024 * 1024;

/** undefined: it is gone. */
type News<T> = Map<string, T | undefined>;

export class GatewayQueue {
  readonly #routes: News<GatewayRoute> = new Map();
  readonly #workloads: News<GatewayWorkload> = new Map();
  readonly #certificates: News<GatewayCertificate> = new Map();
  #complete = false;
  #ticketKeys: readonly string[] = [];

  get isDue(): boolean {
    return this.#complete || this.#ticketKeys.length > 0 || this.#routes.size + this.#workloads.size + this.#certificates.size > 0;
  }

  /** Answers with the bytes of the update, about. */
  put(update: GatewayUpdate): number {
    if (update.complete) {
      this.#complete = true;
      for (const news of [this.#routes, this.#workloads, this.#certificates]) news.clear();
    }
    if (update.complete || update.ticketKeys.length > 0) this.#ticketKeys = update.ticketKeys;
    let bytes = 0;
    const note = <T>(news: News<T>, key: string, value: T | undefined, size: number) => {
      news.set(key, value);
      bytes += size;
    };
    for (const one of update.routes) note(this.#routes, one.uid, one, routeBytes(one));
    for (const one of update.workloads) note(this.#workloads, one.uid, one, workloadBytes(one));
    for (const one of update.certificates) note(this.#certificates, one.name, one, certificateBytes(one));
    for (const uid of update.removedRoutes) note(this.#routes, uid, undefined, uid.length);
    for (const uid of update.removedWorkloads) note(this.#workloads, uid, undefined, uid.length);
    for (const name of update.removedCertificates) note(this.#certificates, name, undefined, name.length);
    return bytes;
  }

  /** The next message. */
  take(): UpdateGateway {
    let bytes = 0;
    const takeFrom = <T>(news: News<T>, sizeOf: (one: T) => number, isWanted: "there" | "gone") => {
      const taken: [key: string, value: T][] = [];
      for (const [key, value] of news) {
        if (bytes >= partBytesMax) break;
        if ((value === undefined) !== (isWanted === "gone")) continue;
        news.delete(key);
        taken.push([key, value as T]);
        bytes += value === undefined ? key.length + 8 : sizeOf(value);
      }
      return taken;
    };
    const values = <T>(taken: readonly (readonly [string, T])[]) => taken.map(([, value]) => value);
    const keys = (taken: readonly (readonly [string, unknown])[]) => taken.map(([key]) => key);
    const complete = this.#complete;
    this.#complete = false;
    const ticketKeys = [...this.#ticketKeys];
    this.#ticketKeys = [];
    return {
      complete,
      ticketKeys,
      workloads: values(takeFrom(this.#workloads, workloadBytes, "there")).map(writeWorkload),
      certificates: values(takeFrom(this.#certificates, certificateBytes, "there")).map(writeCertificate),
      routes: values(takeFrom(this.#routes, routeBytes, "there")).map(writeRoute),
      removedRoutes: keys(takeFrom(this.#routes, routeBytes, "gone")),
      removedWorkloads: keys(takeFrom(this.#workloads, workloadBytes, "gone")),
      removedCertificates: keys(takeFrom(this.#certificates, certificateBytes, "gone")),
      more: this.isDue,
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
