import type { InstanceSpec } from "../../api/gen/kinds.gen.ts";

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
  /** From the arrival of a request at the shim to the end of its answer. A caller may ask for less. */
  readonly timeoutMs: number;
  readonly bodyBytesMax: number;
}

/** Undefined for a command, and for a server that listens itself. */
export function configureServing({ http, functions }: InstanceSpec): Serving | undefined {
  if (http && http.handler !== "listener") {
    return {
      handler: http.handler,
      concurrency: http.concurrency,
      queueMax: http.queueLength,
      requestsPerInstance: http.handler === "wagi" ? 1 : http.requestsPerInstance,
      timeoutMs: http.requestTimeoutSeconds * 1000,
      bodyBytesMax: http.maxRequestBodyBytes,
    };
  }
  if (!functions) return undefined;
  return {
    handler: "functions",
    concurrency: functions.concurrency,
    queueMax: functions.queueLength,
    requestsPerInstance: functions.callsPerInstance,
    timeoutMs: functions.timeoutSeconds * 1000,
    bodyBytesMax: functions.maxBytes,
  };
}
