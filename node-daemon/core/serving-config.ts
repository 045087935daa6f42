/** What a template says about answering requests, as runs and gateways are to know it. Pure. */
import type { InstanceSpec } from "../../api/gen/kinds.gen.ts";
import { reachable } from "./probe-config.ts";

/**
 * A run that answers instead of running once: it lives until it is stopped, and what reaches it through the shim's request socket
 * (see node-daemon/link) is given to WebAssembly instances of its module, each with one activation at a time.
 */
export interface Serving {
  readonly handler: "wagi" | "wasi-http" | "functions";
  /** Activations at once. */
  readonly concurrency: number;
  /** Requests that may wait for one of them; more are refused. */
  readonly queueMax: number;
  /** After so many requests a WebAssembly instance is replaced; 1: fresh for each. Always 1 for wagi. */
  readonly requestsPerInstance: number;
  /** From the arrival of a request at the shim to the head of its answer. A caller may ask for less, and for an end. */
  readonly timeoutMs: number;
  /** Then: for how long nothing may come or go. */
  readonly idleTimeoutMs: number;
  readonly bodyBytesMax: number;
}

/** An instance that is a server itself. */
export interface ServerConfig {
  /** Of one of its listeners. */
  readonly listener: string;
  /** Where it is reached from this machine. */
  readonly address: string;
  /** 0: any, which the instance alone knows. */
  readonly port: number;
  readonly concurrency: number;
  readonly timeoutMs: number;
  readonly idleTimeoutMs: number;
  readonly bodyBytesMax: number;
}

export interface ServingConfig {
  /** Undefined: its runs are commands. */
  readonly serving: Serving | undefined;
  readonly server: ServerConfig | undefined;
}

const idleSecondsDefault = 60;

/** Throws an error whose message names the field. */
export function configureServing({ http, functions, listeners }: InstanceSpec): ServingConfig {
  if (functions) {
    const { concurrency, queueLength: queueMax, callsPerInstance, timeoutSeconds, maxBytes } = functions;
    const timeoutMs = timeoutSeconds * 1000;
    const limits = { timeoutMs, idleTimeoutMs: timeoutMs, bodyBytesMax: maxBytes };
    const serving = { concurrency, queueMax, requestsPerInstance: callsPerInstance, ...limits } as const;
    return { serving: { handler: "functions", ...serving }, server: undefined };
  }
  if (!http) return { serving: undefined, server: undefined };
  const { handler, concurrency, queueLength: queueMax, requestsPerInstance } = http;
  const limits = {
    timeoutMs: http.requestTimeoutSeconds * 1000,
    idleTimeoutMs: (http.idleTimeoutSeconds ?? idleSecondsDefault) * 1000,
    bodyBytesMax: http.maxRequestBodyBytes,
  };
  if (handler !== "listener") {
    const reuse = handler === "wagi" ? 1 : requestsPerInstance;
    const serving = { handler, concurrency, queueMax, requestsPerInstance: reuse, ...limits };
    return { serving, server: undefined };
  }
  const all = listeners ?? [];
  const listener = http.listener === undefined ? all[0] : all.find(({ name }) => name === http.listener);
  if (!listener || (http.listener === undefined && all.length > 1))
    throw new Error(
      `spec.http.listener: names none of spec.listeners; give the name of the one that answers`,
    );
  const { name, address, port } = listener;
  const server = { listener: name, address: reachable(address), port, concurrency, ...limits };
  return { serving: undefined, server };
}
