/** Which instances of this node answer requests, as gateways are to know it: those that run, are ready, and can be reached. */
import type { Endpoint } from "../gateway/control.ts";
import { configOf, type HeldInstance } from "../held-instance.ts";

export interface EndpointBoardOptions {
  /** The folder of the process that hosts the instance's serving run. */
  readonly requestFolderOf: (held: HeldInstance) => string | undefined;
  /** Where a listener of an instance is bound, if it has said so. */
  readonly boundPortOf: (held: HeldInstance, listener: string) => number | undefined;
  readonly told: (endpoint: Endpoint) => void;
  /** Requests go there no more. `drains`: it cannot refuse what comes late itself. */
  readonly gone: (uid: string, drains: boolean) => void;
}

export class EndpointBoard {
  readonly #options: EndpointBoardOptions;
  readonly #endpoints = new Map<string, { readonly endpoint: Endpoint; readonly text: string }>();

  constructor(options: EndpointBoardOptions) {
    this.#options = options;
  }

  *all(): Iterable<Endpoint> {
    for (const { endpoint } of this.#endpoints.values()) yield endpoint;
  }

  /** After each change of an instance, and before anything is done about it. */
  follow(held: HeldInstance): void {
    const { uid } = held.assignment;
    const endpoint = this.#endpointOf(held);
    const before = this.#endpoints.get(uid);
    if (!endpoint) {
      if (!before) return;
      this.#endpoints.delete(uid);
      this.#options.gone(uid, before.endpoint.reach.kind === "listener");
      return;
    }
    const text = JSON.stringify(endpoint);
    if (before?.text === text) return;
    this.#endpoints.set(uid, { endpoint, text });
    this.#options.told(endpoint);
  }

  #endpointOf(held: HeldInstance): Endpoint | undefined {
    const { state } = held.lifecycle;
    if (state.kind !== "running" || !state.health.ready) return undefined;
    const { serving, server, stopNotice } = configOf(held) ?? {};
    if (!serving && !server) return undefined;
    const { uid, namespace, name, owner, templateHash } = held.assignment;
    const limits = serving ?? server;
    const reach = serving ? this.#shimOf(held) : server && this.#listenerOf(held, server);
    if (!reach || !limits) return undefined;
    const { concurrency, timeoutMs, idleTimeoutMs, bodyBytesMax } = limits;
    const functions = serving?.handler === "functions";
    const endsTunnels = server !== undefined && stopNotice !== "none";
    const whose = { uid, namespace, name, workload: owner.uid, templateHash };
    return { ...whose, reach, concurrency, timeoutMs, idleTimeoutMs, bodyBytesMax, functions, endsTunnels };
  }

  #shimOf(held: HeldInstance): Endpoint["reach"] | undefined {
    const folder = this.#options.requestFolderOf(held);
    return folder === undefined ? undefined : { kind: "shim", folder };
  }

  #listenerOf(
    held: HeldInstance,
    server: { readonly listener: string; readonly address: string; readonly port: number },
  ): Endpoint["reach"] | undefined {
    const { listener, address } = server;
    const port = server.port === 0 ? this.#options.boundPortOf(held, listener) : server.port;
    return port === undefined ? undefined : { kind: "listener", address, port };
  }
}
