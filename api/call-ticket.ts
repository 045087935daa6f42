/** What lets somebody call functions of one workload for a while: issued by the API server, checked by gateways. */

/** In the header, so that no other token that the same key signs is taken for one (RFC 8725 3.11). */
export const ticketType = "wherry-call+jwt";
export const ticketAudience = "wherry.dev/functions";
/** The claim with {@link CalledWorkload}. */
export const ticketClaim = "wherry.dev";

export const ticketLimits = {
  /** It cannot be taken back, so it is short. */
  secondsDefault: 600,
  secondsMin: 60,
  secondsMax: 3_600,
  endpointsMax: 8,
} as const;

/** The workloads that have functions, by their plural. */
export const callableKinds: Readonly<Record<string, string>> = {
  wasmdeployments: "WasmDeployment",
  wasmdaemonsets: "WasmDaemonSet",
};

export interface CalledWorkload {
  readonly namespace: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
}

/** What the subresource `calls` of a workload answers. */
export interface CallTicket {
  readonly apiVersion: string;
  readonly kind: "CallTicket";
  readonly status: {
    readonly token: string;
    /** RFC 3339. */
    readonly expirationTimestamp: string;
    /** Gateways that take calls, in the order in which to try them. */
    readonly endpoints: readonly CallEndpoint[];
    /** PEM; empty if the client has to know it. */
    readonly caBundle: string;
  };
}

export interface CallEndpoint {
  /** The certificate there has the common name system:node:NODE. */
  readonly node: string;
  /** HOST:PORT */
  readonly address: string;
}
