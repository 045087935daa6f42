/** The flags that are about the gateway: parsed and complete. */
import { isIP } from "node:net";
import { networkInterfaces } from "node:os";
import { resolve } from "node:path";
import { WherryError } from "../../kit/errors.ts";
import { helloLimits, hostPortForm } from "../../proto/node-service.ts";
import type { BoundAddress, ListenAddress, ListenerKind } from "../gateway/control.ts";
import { processLimits } from "../gateway/process/limits.ts";
import { servingLimits } from "./limits.ts";

export interface ServingOptions {
  /** Empty: this node has no gateway. */
  readonly listen: readonly ListenAddress[];
  /** A host name or address by which clients and other nodes reach this one; undefined: by where it listens. */
  readonly advertise: string | undefined;
  readonly debugHeaders: boolean;
  readonly trustForwarded: boolean;
  /** From one address; 0: no bound. */
  readonly connectionsPerClientMax: number;
  readonly workers: number;
  /** A file for a line per request. */
  readonly accessLog: string | undefined;
}

export const noServing: ServingOptions = {
  listen: [],
  advertise: undefined,
  debugHeaders: false,
  trustForwarded: false,
  connectionsPerClientMax: servingLimits.connectionsPerClient,
  workers: 1,
  accessLog: undefined,
};

export const servingUsage = `  --gateway-http ADDRESS:PORT[-PORT]
                           accept HTTP there and bring requests to instances, as WasmRoutes have it; of several ports the first
                           that is free (repeatable; default: no gateway)
  --gateway-https ADDRESS:PORT[-PORT]
                           the same over TLS, with the certificates that WasmRoutes name (repeatable)
  --gateway-peer ADDRESS:PORT[-PORT]
                           where gateways of other nodes reach this one, over mutual TLS (default: any port at the first of those)
  --gateway-functions ADDRESS:PORT[-PORT]
                           accept calls of functions there: gRPC over TLS with the node's certificate (repeatable)
  --gateway-advertise HOST a name or address of this machine for clients, other nodes and Prometheus (default: where the gateway listens)
  --gateway-debug-headers  tell requests that have "wherry-debug: timing" how long what took
  --gateway-trust-forwarded
                           keep the x-forwarded-* headers that requests come with: there is a proxy before this gateway
  --gateway-connections-per-client N
                           of one address at a time, at each process of the gateway; 0: no bound (default: ${servingLimits.connectionsPerClient}; 0 with
                           --gateway-trust-forwarded, as all come from the proxy then)
  --gateway-workers N      processes that accept requests (default: one less than there are cores, at most 4)
  --gateway-access-log FILE
                           a line of JSON for each request (default: none)`;

export interface ServingFlags {
  readonly "gateway-http"?: readonly string[] | undefined;
  readonly "gateway-https"?: readonly string[] | undefined;
  readonly "gateway-functions"?: readonly string[] | undefined;
  readonly "gateway-peer"?: string | undefined;
  readonly "gateway-advertise"?: string | undefined;
  readonly "gateway-debug-headers"?: boolean | undefined;
  readonly "gateway-trust-forwarded"?: boolean | undefined;
  readonly "gateway-connections-per-client"?: string | undefined;
  readonly "gateway-workers"?: string | undefined;
  readonly "gateway-access-log"?: string | undefined;
}

export const servingFlags = {
  "gateway-http": { type: "string", multiple: true },
  "gateway-https": { type: "string", multiple: true },
  "gateway-functions": { type: "string", multiple: true },
  "gateway-peer": { type: "string" },
  "gateway-advertise": { type: "string" },
  "gateway-debug-headers": { type: "boolean" },
  "gateway-trust-forwarded": { type: "boolean" },
  "gateway-connections-per-client": { type: "string" },
  "gateway-workers": { type: "string" },
  "gateway-access-log": { type: "string" },
} as const;

/** Throws a `WherryError` InvalidFlag that names the flag. */
export function parseServingFlags(values: ServingFlags, cores: number): ServingOptions {
  const clients = [
    ...(values["gateway-http"] ?? []).map((text) => address("http", "gateway-http", text)),
    ...(values["gateway-https"] ?? []).map((text) => address("https", "gateway-https", text)),
    ...(values["gateway-functions"] ?? []).map((text) => address("functions", "gateway-functions", text)),
  ];
  const peerText = values["gateway-peer"];
  const first = clients[0];
  const anyPort = { port: 0, portMax: 0, preferredPort: 0 };
  const peer =
    peerText === undefined
      ? first && { kind: "peer" as const, host: first.host, ...anyPort }
      : address("peer", "gateway-peer", peerText);
  const listen = [...clients, ...(peer ? [peer] : [])];
  requireDistinct(clients);
  const accessLog = values["gateway-access-log"];
  if (accessLog === "") throw invalid("gateway-access-log", accessLog, "a file");
  const trustForwarded = values["gateway-trust-forwarded"] ?? false;
  return {
    listen,
    advertise: advertised(values["gateway-advertise"]),
    debugHeaders: values["gateway-debug-headers"] ?? false,
    trustForwarded,
    connectionsPerClientMax:
      connectionsPerClient(values["gateway-connections-per-client"]) ??
      (trustForwarded ? 0 : servingLimits.connectionsPerClient),
    workers: workers(values["gateway-workers"]) ?? servingLimits.workersDefault(cores),
    accessLog: accessLog === undefined ? undefined : resolve(accessLog),
  };
}

function address(kind: ListenerKind, flag: string, text: string): ListenAddress {
  const match = /^(\[[0-9a-fA-F:.]+\]|[^:\s[\]]+):(\d{1,5})(?:-(\d{1,5}))?$/.exec(text);
  const host = match?.[1]?.replace(/^\[(.*)\]$/, "$1");
  const port = Number(match?.[2]);
  const portMax = Number(match?.[3] ?? match?.[2]);
  const fits = portMax <= 65_535 && port <= portMax && portMax - port < processLimits.portsMax;
  const isRange = match?.[3] !== undefined;
  if (host === undefined || isIP(host) === 0 || !fits || (isRange && port === 0))
    throw invalid(
      flag,
      text,
      "ADDRESS:PORT or ADDRESS:PORT-PORT with a numeric address, such as 0.0.0.0:8080 or [::]:8080-8099",
    );
  return { kind, host, port, portMax, preferredPort: 0 };
}

function requireDistinct(addresses: readonly ListenAddress[]): void {
  const seen = new Set<string>();
  for (const { kind, host, port } of addresses) {
    const text = `${host}:${port}`;
    // Two times "any port" would be two addresses that nobody can tell apart.
    const key = port === 0 ? `${kind} ${text}` : text;
    if (seen.has(key)) throw invalid(`gateway-${kind}`, text, "each address once");
    seen.add(key);
  }
}

function advertised(host: string | undefined): string | undefined {
  if (host === undefined) return undefined;
  const bare = host.replace(/^\[(.*)\]$/, "$1");
  if (/^[A-Za-z0-9]([-A-Za-z0-9.]{0,251}[A-Za-z0-9])?$/.test(bare) || isIP(bare) !== 0) return bare;
  throw invalid("gateway-advertise", host, "a host name or an address, without a port");
}

function workers(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const count = Number(text);
  if (/^\d+$/.test(text) && count >= 1 && count <= servingLimits.workersMax) return count;
  throw invalid("gateway-workers", text, `a whole number from 1 to ${servingLimits.workersMax}`);
}

function connectionsPerClient(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d{1,7}$/.test(text)) return Number(text);
  throw invalid("gateway-connections-per-client", text, "a whole number, 0 for no bound");
}

function invalid(flag: string, value: string, expected: string): WherryError {
  return new WherryError("InvalidFlag", `--${flag}: "${value}" is not valid; expected ${expected}`);
}

/** HOST:PORT for gateways of other nodes; empty if there is none. */
export function peerAddressOf(
  addresses: readonly BoundAddress[],
  { advertise }: Pick<ServingOptions, "advertise">,
): string {
  const peer = addresses.find(({ kind }) => kind === "peer");
  return peer ? `${bracketed(advertise ?? nearestHost(peer.host))}:${peer.port}` : "";
}

/** For clients: the plain ones first, those for calls (grpcs) last. */
export function urlsOf(
  addresses: readonly BoundAddress[],
  { advertise }: Pick<ServingOptions, "advertise">,
): readonly string[] {
  const urls = (scheme: "http" | "https" | "grpcs", portDefault: number, of: ListenerKind) =>
    addresses
      .filter(({ kind }) => kind === of)
      .map(({ host, port }) => {
        const shown = bracketed(advertise ?? nearestHost(host));
        return `${scheme}://${shown}${port === portDefault ? "" : `:${port}`}`;
      });
  return [...urls("http", 80, "http"), ...urls("https", 443, "https"), ...urls("grpcs", 0, "functions")];
}

/** HOST:PORT for Prometheus, of what listens at this address; empty where that cannot be said so (a zone, a name with an underscore). */
export function metricsAddressOf(
  listening: { readonly host: string; readonly port: number },
  { advertise }: Pick<ServingOptions, "advertise">,
): string {
  const { host, port } = listening;
  // Elsewhere it cannot be reached, whatever name the machine has.
  const address = `${bracketed(isEverywhere(host) ? (advertise ?? nearestHost(host)) : host)}:${port}`;
  return hostPortForm.test(address) && address.length <= helloLimits.gatewayTextMax ? address : "";
}

function bracketed(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}

function isEverywhere(host: string): boolean {
  return host === "0.0.0.0" || /^[0:]+$/.test(host);
}

/** Whoever listens everywhere is reached at an address of the machine. */
function nearestHost(host: string): string {
  if (!isEverywhere(host)) return host;
  const family = host === "0.0.0.0" ? "IPv4" : "IPv6";
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  const outside = all.filter((one) => !one.internal && !one.address.startsWith("fe80"));
  const found = outside.find((one) => one.family === "IPv4") ?? outside.find((one) => one.family === family);
  return found?.address ?? (family === "IPv4" ? "127.0.0.1" : "::1");
}
