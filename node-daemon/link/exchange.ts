/**
 * One request and its answer between two processes of Wherry: a gateway and a shim, or two gateways. Many of them share one
 * connection (see link-connection.ts), each with a flow control of its own.
 *
 *   caller                                     callee
 *     │ ── head, body …, end (trailers) ───────▶ │
 *     │ ◀─ head, body …, end (trailers) ──────── │   or refused: it was not begun, and may go elsewhere
 *     │ ── cancel ─────────────────────────────▶ │   or failed: nobody knows what was done
 *
 * Headers are flat lists: name, value, name, value, … in the order of their arrival, names in lower case. What belongs to a
 * connection (hop-by-hop headers, framing) never crosses a link.
 *
 * An upgrade is an exchange as well. Once it is answered with 101 its bodies are what both ends say by the other protocol; before that
 * nothing that the client says has gone to the server, and after any other answer nothing does. It is over when the answer ends.
 */

export type HeaderList = readonly string[];

/** Whom a request is for. */
export type ExchangeTarget =
  /** A serving run of the shim. */
  | { readonly kind: "instance"; readonly uid: string }
  /** Any ready instance of the workload on the callee's node; `templateHash` empty: of any revision. */
  | { readonly kind: "workload"; readonly uid: string; readonly templateHash: string };

export interface RequestHead {
  readonly target: ExchangeTarget;
  /** For handler "functions": CALL, and `path` is the function's name. */
  readonly method: string;
  readonly scheme: "http" | "https";
  /** Host and port, as the guest is to see it. */
  readonly authority: string;
  /** With the query: as the guest is to see it. */
  readonly path: string;
  /** How much of the path the route has matched: CGI's SCRIPT_NAME. */
  readonly matchedPath: string;
  readonly headers: HeaderList;
  readonly clientAddress: string;
  readonly clientPort: number;
  /** What is left for all of it; 0: the callee's own limit alone. */
  readonly timeoutMs: number;
  /** Known length of the body: 0 if there is none, undefined if unknown. */
  readonly bodyLength: number | undefined;
  /** The connection is to speak this protocol from the answer on. */
  readonly upgrade?: "websocket";
  /** For calls of functions: less fuel and memory than the template gives, and a seed that makes the call deterministic. */
  readonly call?: {
    readonly fuelMax?: number;
    readonly memoryBytesMax?: number;
    readonly seed?: string;
  };
}

export interface ResponseHead {
  /** From 200 on; and 101, of upgrades alone. */
  readonly status: number;
  readonly headers: HeaderList;
}

/** Why there is no (whole) answer. */
export type ExchangeFault =
  /** Not begun: it may be sent elsewhere, whatever its method. */
  | {
      readonly kind: "refused";
      /** unknown: no such run or workload here (any more); draining: on its way out; full: its queue is; broken: it cannot start; unsupported: upgrades. */
      readonly reason: "unknown" | "draining" | "full" | "broken" | "unsupported";
      readonly message: string;
      /** When to try again; 0 if unknown. */
      readonly retryAfterMs: number;
    }
  /** Begun and not finished. `trapped`, `timeout` and `invalid` are the guest's doing, `lost` that of a process that is gone. */
  | {
      readonly kind: "failed";
      readonly reason:
        | "trapped"
        | "timeout"
        | "invalid"
        | "tooLarge"
        | "stopped"
        | "lost"
        | "protocol"
        | "exhausted";
      readonly message: string;
    }
  /** The caller has cancelled it. */
  | { readonly kind: "cancelled" };

/** What a call used, told with the end of an answer: see `ExchangeEnd`. */
export interface ExchangeUsage {
  readonly cpuUs: number;
  readonly fuel: number;
}

export interface ExchangeEnd {
  readonly trailers: HeaderList;
  readonly usage?: ExchangeUsage;
}

/**
 * What the caller is told, in order: head once, data, then end or fault once. After a fault nothing follows; no refusal comes after a head.
 * Must not throw.
 */
export interface AnswerListener {
  head(head: ResponseHead): void;
  /** The bytes are the listener's; whoever has taken them says so with {@link CallerExchange.consumed}. */
  data(bytes: Buffer): void;
  end(end: ExchangeEnd): void;
  fault(fault: ExchangeFault): void;
  /** The callee can take more body after `write` answered false. */
  drain(): void;
}

/** The caller's side of one exchange. */
export interface CallerExchange {
  /** False: wait for `drain`. Everything written is sent all the same, so whoever goes on regardless is a bug. */
  write(bytes: Uint8Array): boolean;
  end(trailers: HeaderList): void;
  consumed(bytes: number): void;
  /** No more events follow. */
  cancel(): void;
}

/** What the callee is told about the request. Must not throw. */
export interface RequestListener {
  data(bytes: Buffer): void;
  end(trailers: HeaderList): void;
  /** The caller has gone or has lost interest: nothing that is said any more reaches anyone. */
  cancelled(): void;
  drain(): void;
}

/** The callee's side of one exchange. */
export interface CalleeExchange {
  readonly head: RequestHead;
  /** Before that, what arrives is kept, within the window. To be called once, and not for those that are refused. */
  listen(listener: RequestListener): void;
  consumed(bytes: number): void;
  respond(head: ResponseHead): void;
  write(bytes: Uint8Array): boolean;
  end(end: ExchangeEnd): void;
  fault(fault: ExchangeFault): void;
}
