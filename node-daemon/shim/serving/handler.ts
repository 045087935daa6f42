/**
 * The port between a serving run and what answers its requests: WAGI commands, components with an incoming handler, functions.
 *
 *   intake ── ServedRequest ─▶ Servant (one WebAssembly instance, one request at a time) ── body, answer ─▶ the caller
 *
 * The intake (see serving-run.ts) queues, bounds, times and cancels; a servant only answers. All servants of a run have one account,
 * and the memory of one pot (see memory-pot.ts).
 */
import type { HeaderList, RequestHead, ResponseHead } from "../../link/exchange.ts";
import type { RunSpec, Serving } from "../../runtimes/runtime-driver.ts";
import type { InputSource, OutputSink, Preopen } from "../../wasi/host.ts";
import type { Network } from "../../wasi/sockets/network.ts";
import type { Account } from "../account.ts";
import type { Needs } from "../budget.ts";
import type { SharedHost } from "../instance-host.ts";
import type { RunQueue } from "../run-queue.ts";
import type { MemoryPot, PotMember } from "./memory-pot.ts";

/** What the servants of a run have in common; there as long as the run is. */
export interface HandlerParts {
  readonly shared: SharedHost;
  readonly queue: RunQueue;
  readonly account: Account;
  readonly pot: MemoryPot;
  readonly spec: RunSpec;
  readonly serving: Serving;
  readonly preopens: readonly Preopen[];
  readonly network: Network;
  /** The log of the run. */
  readonly stdout: OutputSink;
  readonly stderr: OutputSink;
}

/** One for each run, once its module is loaded. Its constructor throws a `Refusal` where the module or the template will not do. */
export interface Handler {
  /** What one servant takes of the process, beside its memory. */
  readonly needs: Needs;
  /** The least linear memory that one starts with. */
  readonly memoryBytesMin: number;
  /** After so many requests a servant is replaced. */
  readonly requestsPerServant: number;
  /** A request has its servant as soon as one is free, not when its turn comes. For servants that cost nothing while they wait. */
  readonly allAtOnce?: boolean;
  /** Nothing is instantiated yet: the first request does it, in its turn. Does not throw. */
  servant(events: ServantEvents): Servant;
  /** Memory is short, or nobody asks for anything: what is only kept for the next requests it lets go. */
  spare?(): void;
}

export interface ServantEvents {
  /** A bug of ours: the request is answered as failed, the servant is not used again. */
  bug(error: unknown): void;
  /** Takes more of the heap of the process, beyond `needs`; false when there is none. */
  needHeap(bytes: number): boolean;
}

/** One WebAssembly instance, or for wagi one after another. Whatever runs in a turn has it as `member` (see Runnable). */
export interface Servant extends PotMember {
  /** Units of work since it was made; also once it is closed. */
  readonly fuelUsed: number;
  /** What keeps its memory mappings as long as it is reachable, asked before `close`; undefined if nothing was instantiated. */
  readonly mapped: object | undefined;
  /** It can take no other request, which may have been found while it was idle. */
  readonly worn?: boolean;
  /**
   * Called in a turn of the account: what it does at once is charged to it, and the pot has been entered. Settles when nothing of the
   * request runs any more. Never rejects: our own bug goes to the events and is answered with `trapped`.
   */
  serve(request: ServedRequest): Promise<Served>;
  /** The turn in which `serve` was called is over; it took so long by the clock on the wall. */
  turnOver?(wallMs: number): void;
  /** `serve` settles soon; what it answers then does not matter. */
  kill(): void;
  /** Nobody has needed it for a while: what it can make again at its next request it lets go. Not while it serves. */
  rest?(): void;
  /** Lets go of the instance. Not while it serves. */
  close(): void;
}

/** How a request ended, as far as its servant knows. The intake tells the caller of everything but `answered`. */
export type Served =
  /** `Answer.end` was called. `reusable`: the servant can take another request. */
  | { readonly kind: "answered"; readonly reusable: boolean }
  /** The caller is told, and the log gets a line. `reason` is of link/exchange.ts; `detail`, a stack for example, is for the log only. */
  | {
      readonly kind: "failed";
      readonly reason: "trapped" | "invalid" | "exhausted";
      readonly message: string;
      readonly detail?: string;
      readonly reusable: boolean;
    };

/** One request and its answer, as a servant sees them. After a cancellation or a fault everything here does nothing. */
export interface ServedRequest {
  readonly head: RequestHead;
  readonly body: RequestBody;
  readonly answer: Answer;
  /** Units of work for this request: the template's, or less if the caller asks for less. */
  readonly fuelMax: number | undefined;
  /** What the servant's memories may grow to: the run's, or less if the caller asks for less. */
  readonly memoryBytesMax: number;
}

/** What the caller sends, with back-pressure: it is sent more as it is read. The run's limit of bytes is kept by the intake. */
export interface RequestBody extends InputSource {
  /** Once `read` has answered `end`. */
  readonly trailers: HeaderList;
}

/** `write` accepts what the link's window has room for, and 0 when it is full. Not before `respond`. */
export interface Answer extends OutputSink {
  readonly began: boolean;
  readonly ended: boolean;
  /** Once. Names in lower case; neither names nor values are checked any more on the way. */
  respond(head: ResponseHead): void;
  end(trailers: HeaderList): void;
}
