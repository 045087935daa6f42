/**
 * What the daemon and a gateway say to each other, over a Unix socket on which the gateway listens (frames of JSON, as between
 * daemon and shim).
 *
 *   daemon                                        gateway
 *     │ ◀──────────── hello ──────────────────────── │
 *     │ ── snapshotBegin, parts …, snapshotEnd ────▶ │   replaces what the daemon before has said
 *     │ ◀──────────── listening ──────────────────── │   after the first snapshot: nobody is answered from half of it
 *     │ ── route, workload, endpoint, … (changes) ─▶ │
 *     │ ── drain(uid) ─────────────────────────────▶ │   for endpoints that cannot refuse what comes late
 *     │ ◀─ drained(uid), wake, figures ───────────── │
 *     │ ── spawn(program), exit ───────────────────▶ │
 *
 * There may be several processes that serve the same addresses, each with a folder, a control socket and a connection of its own:
 * workers, and for a while one that goes and one that takes its place. All are told the same. A second connection replaces the first.
 *
 * The gateway keeps what it knows when the daemon is gone. Each message can be repeated.
 */
import type { RouteEntry } from "../../api/route-table.ts";
import type { TracerFigures } from "../../kit/tracing/tracer.ts";

/** Raised when a message changes in a way that the other side cannot ignore. */
export const controlVersion = 1;

export const socketName = "gateway.sock";
/** Written by the daemon before the process is started: {@link GatewayConfig}. */
export const configName = "config.json";
/** Written by the gateway before it listens: how to find the process when it does not answer. */
export const processName = "process.json";
export const ownLogName = "gateway.log";

/** `functions`: gRPC (proto/wherry/v1/functions.proto) over TLS with the node's certificate. */
export type ListenerKind = "http" | "https" | "peer" | "functions";

/** An address to listen at. */
export interface ListenAddress {
  readonly kind: ListenerKind;
  readonly host: string;
  /** The first of them that is free; 0: any. */
  readonly port: number;
  readonly portMax: number;
  /** Of a process before, where the others of the range are known already. 0: none. */
  readonly preferredPort: number;
}

/** One at which it does listen. */
export interface BoundAddress {
  readonly kind: ListenerKind;
  /** As in {@link ListenAddress}. */
  readonly host: string;
  readonly wantedPort: number;
  readonly port: number;
}

export interface GatewayConfig {
  readonly gatewayId: string;
  /** Of the program and of everything below: a process of another build is replaced. */
  readonly buildId: string;
  readonly nodeName: string;
  readonly listen: readonly ListenAddress[];
  readonly debugHeaders: boolean;
  readonly trustForwarded: boolean;
  /** At each process of the gateway; 0: no bound. */
  readonly connectionsPerClientMax: number;
  /** Where each request is noted; undefined: nowhere. */
  readonly accessLog: string | undefined;
  /** Without a daemon for so long the process ends; undefined: never. */
  readonly orphanMs: number | undefined;
  /** Absent: there are no traces. */
  readonly tracing?: {
    /** Of the collector. */
    readonly url: string;
    readonly sampleRatio: number;
    /** A file beside which OpenTelemetry's packages are found: this program has none. */
    readonly packagesFrom: string;
  };
}

/** A listening socket that the process is started with. */
export interface InheritedSocket {
  readonly address: BoundAddress;
  readonly fd: number;
}

export interface GatewayHello {
  readonly protocol: number;
  readonly gatewayId: string;
  readonly buildId: string;
  readonly pid: number;
  /** Empty as long as it does not listen. */
  readonly addresses: readonly BoundAddress[];
  readonly finishing: boolean;
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
  /** Until the head of the answer. */
  readonly timeoutMs: number;
  /** Of an answer that has begun: for how long nothing may come or go. Absent: a daemon before had none. */
  readonly idleTimeoutMs?: number;
  readonly bodyBytesMax: number;
  readonly functions: boolean;
  /** A server that is told when to stop, and may end its tunnels itself: they are not waited for. Absent: they are. */
  readonly endsTunnels?: boolean;
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

/** What requests are answered by. */
export type Teaching =
  | { readonly kind: "route"; readonly route: RouteEntry }
  | { readonly kind: "routeGone"; readonly uid: string }
  | { readonly kind: "workload"; readonly workload: GatewayWorkload }
  | { readonly kind: "workloadGone"; readonly uid: string }
  | { readonly kind: "certificate"; readonly certificate: GatewayCertificate }
  | { readonly kind: "certificateGone"; readonly name: string }
  /** A public key (PEM) of those who sign tickets for calls. */
  | { readonly kind: "ticketKey"; readonly pem: string }
  | { readonly kind: "ticketKeyGone"; readonly pem: string }
  /** Ready: requests may go there. */
  | { readonly kind: "endpoint"; readonly endpoint: Endpoint }
  /** No more requests; those under way go on. */
  | { readonly kind: "endpointGone"; readonly uid: string }
  /** The same, and `drained` follows once none is under way any more that is waited for; at once if it is not known. */
  | { readonly kind: "drain"; readonly uid: string }
  /** This node's certificate, key and the cluster's CA, for links with other nodes and for calls. */
  | { readonly kind: "identity"; readonly caPem: string; readonly certPem: string; readonly keyPem: string };

export type ToGateway =
  | Teaching
  | { readonly kind: "snapshotBegin" }
  | { readonly kind: "snapshotEnd" }
  /** Starts another process with the listening sockets, in a folder that has its configuration. It is heard of at its own socket. */
  | { readonly kind: "spawn"; readonly folder: string; readonly command: readonly string[] }
  /** Accepts nothing any more, finishes what it has, and goes, also with what is not finished by then. */
  | { readonly kind: "exit"; readonly graceMs: number }
  /** Answered by `pong`: one that hangs is replaced. */
  | { readonly kind: "ping" };

export type FromGateway =
  | ({ readonly kind: "hello" } & GatewayHello)
  | { readonly kind: "listening"; readonly addresses: readonly BoundAddress[] }
  /** An address could not be had; it goes on trying. */
  | { readonly kind: "notListening"; readonly message: string }
  | { readonly kind: "pong" }
  | { readonly kind: "drained"; readonly uid: string }
  /** Requests wait for them and nobody can answer. Repeated every second as long as it is so. */
  | { readonly kind: "wake"; readonly workloads: readonly string[] }
  | { readonly kind: "figures"; readonly workloads: readonly SaidFigures[] }
  | { readonly kind: "process"; readonly figures: ProcessFigures };

/** Of clients. */
export interface ConnectionFigures {
  readonly open: number;
  /** Since the gateway began: too many from one address, or from all. */
  readonly refused: Readonly<Record<"perClient" | "inAll", number>>;
}

/**
 * Of one workload, since the gateway began. Told once a second for those that have changed, and of all when a daemon connects.
 * What comes from another node's gateway is counted there, so that sums over nodes have each request once; but for `instances`.
 */
export interface WorkloadFigures {
  readonly uid: string;
  /** Whatever became of them. */
  readonly arrived: number;
  readonly inFlight: number;
  /** Those of this node that this process has requests with, whoever has sent them: how many wait there only the daemon knows. */
  readonly instances: readonly InstanceLoad[];
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

/** What one process has sent to an instance and is not answered. */
export interface InstanceLoad {
  readonly uid: string;
  readonly inFlight: number;
  /** As in {@link Endpoint}. */
  readonly concurrency: number;
}

/** Of one instance that is asked directly: see shim/direct. */
export type RequestFigures = Omit<WorkloadFigures, "uid" | "instances">;

/** A gateway of a version before says less; instead of `instances`, how many are held or wait with one, of those that it has sent itself. */
export type SaidFigures = Omit<WorkloadFigures, "arrived" | "instances"> &
  Partial<Pick<WorkloadFigures, "arrived" | "instances">> & { readonly queued?: number };

/** Of the gateway process itself. Told every few seconds; counters are since it began. */
export interface ProcessFigures {
  /** Open, by the kind of address that they came to. */
  readonly connections: Readonly<Record<ListenerKind, number>>;
  readonly accepted: Readonly<Record<ListenerKind, number>>;
  /** Of clients: too many from one address, or from all. */
  readonly connectionsRefused: ConnectionFigures["refused"];
  readonly handshakesFailed: number;
  /** Requests that were brought to no workload, by the reason that they were told (docs/HTTP.md). */
  readonly refusals: Readonly<Record<string, number>>;
  readonly droppedLogLines: number;
  /** Absent: a gateway of a version before does not say. */
  readonly traceSpans?: TracerFigures;
  readonly cpuSeconds: number;
  readonly residentBytes: number;
  /** Since it was last told: by how much the event loop was late at most, and which part of the time it was busy. */
  readonly loopDelayMs: number;
  readonly loopUtilization: number;
}

export const durationBoundsMs = [1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000] as const;
