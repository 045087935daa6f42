/**
 * Routes as gateways use them: what a WasmRoute says, checked, with names resolved and times in milliseconds. Plain JSON; made by
 * the scheduler, kept by daemons, looked up by gateways.
 */

export interface RouteEntry {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  readonly createdMs: number;
  /** In lower case; `*.example.com` is every name below it, `*` every host that nobody names. */
  readonly hostnames: readonly string[];
  readonly tls?: {
    /** NAMESPACE/NAME of the certificate. */
    readonly certificate: string;
    /** Whether plain requests are sent on to HTTPS. */
    readonly redirect: boolean;
  };
  readonly rules: readonly RuleEntry[];
}

export interface RuleEntry {
  /** One of them has to hold. Never empty. */
  readonly matches: readonly RequestMatch[];
  readonly requestHeaders?: HeaderChange;
  readonly responseHeaders?: HeaderChange;
  readonly rewrite?: { readonly hostname?: string; readonly path?: PathChange };
  /** Instead of backends. */
  readonly redirect?: {
    readonly scheme?: "http" | "https";
    readonly hostname?: string;
    readonly port?: number;
    readonly path?: PathChange;
    readonly status: number;
  };
  readonly backends: readonly BackendEntry[];
  /** 0: no limit. */
  readonly requestTimeoutMs: number;
  readonly attemptTimeoutMs: number;
  readonly retry: { readonly attempts: number; readonly codes: readonly number[] };
}

export interface RequestMatch {
  readonly path: { readonly kind: "exact" | "prefix"; readonly value: string };
  readonly method?: string;
  /** Names in lower case. */
  readonly headers: readonly (readonly [name: string, value: string])[];
}

export interface HeaderChange {
  readonly set: readonly (readonly [name: string, value: string])[];
  readonly add: readonly (readonly [name: string, value: string])[];
  /** Names in lower case. */
  readonly remove: readonly string[];
}

export type PathChange =
  | { readonly kind: "full"; readonly value: string }
  /** In place of the prefix that was matched. */
  | { readonly kind: "prefix"; readonly value: string };

export interface BackendEntry {
  /** Uid of the workload. Undefined: there is none of that name; such requests are answered with 500, as HTTPRoute has it. */
  readonly workload: string | undefined;
  readonly name: string;
  /** Only instances of this template. Absent: all. */
  readonly templateHash?: string;
  readonly weight: number;
}
