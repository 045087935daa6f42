/**
 * What the daemon and a gateway say to each other, over a Unix socket on which the gateway listens (frames of JSON, as between
 * daemon and shim).
 *
 *   daemon                                        gateway
 *     │ ◀──────────── hello ──────────────────────── │
 *     │ ── snapshot parts …, snapshotEnd ──────────▶ │   from then on this replaces what the daemon before has said
 *     │ ── route, workload, endpoint, … (changes) ─▶ │
 *     │ ── drain(uid) ─────────────────────────────▶ │   for endpoints that cannot refuse what comes late
 *     │ ◀─ drained(uid), wake, figures ───────────── │
 *     │ ── handOver(program) / exit ───────────────▶ │
 *
 * The gateway keeps what it knows when the daemon is gone. Each message can be repeated.
 */
import type { RouteEntry } from "../../api/route-table.ts";

export const controlVersion = 1;

export interface GatewayHello {
  readonly protocol: number;
  readonly buildId: string;
  readonly pid: number;
  /** Where it listens, as bound. */
  readonly addresses: readonly string[];
}

/** An instance on this node that answers requests. */
export interface Endpoint {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  /** Of its workload. */
  readonly workload: string;
  readonly templateHash: string;
  readonly reach:
    /** A shim, by its folder, whose request socket speaks node-daemon/link. */
    | { readonly kind: "shim"; readonly folder: string }
    /** A server of its own, HTTP/1.1. */
    | { readonly kind: "listener"; readonly address: string; readonly port: number };
  /** Requests that it handles at once; more wait with it. */
  readonly concurrency: number;
  readonly timeoutMs: number;
  readonly bodyBytesMax: number;
  readonly functions: boolean;
}

/** A workload as far as this gateway has to know it. */
export interface GatewayWorkload {
  readonly uid: string;
  readonly namespace: string;
  readonly kind: string;
  readonly name: string;
  readonly wakes: boolean;
  /** Other nodes that have ready instances of it. */
  readonly nodes: readonly {
    readonly name: string;
    readonly address: string;
    readonly ready: readonly { readonly templateHash: string; readonly count: number }[];
  }[];
}

export interface GatewayCertificate {
  /** NAMESPACE/NAME. */
  readonly name: string;
  readonly chainPem: string;
  readonly keyPem: string;
}

export type ToGateway =
  | { readonly kind: "snapshotBegin" }
  | { readonly kind: "snapshotEnd" }
  | { readonly kind: "route"; readonly route: RouteEntry }
  | { readonly kind: "routeGone"; readonly uid: string }
  | { readonly kind: "workload"; readonly workload: GatewayWorkload }
  | { readonly kind: "workloadGone"; readonly uid: string }
  | { readonly kind: "certificate"; readonly certificate: GatewayCertificate }
  | { readonly kind: "certificateGone"; readonly name: string }
  /** Ready: requests may go there. */
  | { readonly kind: "endpoint"; readonly endpoint: Endpoint }
  /** No more requests; those under way go on. */
  | { readonly kind: "endpointGone"; readonly uid: string }
  /** The same, and `drained` follows once none is under way any more. */
  | { readonly kind: "drain"; readonly uid: string }
  /** This node's certificate, key and the cluster's CA for links with other nodes. */
  | { readonly kind: "identity"; readonly caPem: string; readonly certPem: string; readonly keyPem: string }
  /** Starts this program in its place with its listening sockets, and goes once everything under way is answered. */
  | { readonly kind: "handOver"; readonly program: string; readonly folder: string }
  | { readonly kind: "exit"; readonly graceMs: number };

export type FromGateway =
  | ({ readonly kind: "hello" } & GatewayHello)
  | { readonly kind: "drained"; readonly uid: string }
  /** Requests wait for them and nobody can answer. Repeated every second as long as it is so. */
  | { readonly kind: "wake"; readonly workloads: readonly string[] }
  | { readonly kind: "figures"; readonly workloads: readonly WorkloadFigures[] }
  /** The new process has taken over the sockets; this one only finishes what it has begun. */
  | { readonly kind: "handedOver"; readonly pid: number };

/** Since the gateway began. Told once a second for those that have changed. */
export interface WorkloadFigures {
  readonly uid: string;
  readonly inFlight: number;
  /** Held because there was no instance that could take them. */
  readonly waiting: number;
  readonly requests: Readonly<Record<"1xx" | "2xx" | "3xx" | "4xx" | "5xx", number>>;
  /** Counts of durations, for the upper bounds of `durationBoundsMs` and one beyond. */
  readonly durations: readonly number[];
  readonly durationSumMs: number;
  readonly wakeUps: number;
  readonly wakeUpSumMs: number;
  readonly retries: number;
}

export const durationBoundsMs = [1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000] as const;
