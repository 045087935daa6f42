/** A workload as requests see it: where they can go, who waits, and what is counted. */
import type { Endpoint, GatewayWorkload } from "./control.ts";
import { Deadline } from "./core/deadline-wheel.ts";
import type { HoldQueue } from "./core/hold-queue.ts";
import { type Place, type Wanted, WorkloadPool } from "./core/workload-pool.ts";
import { Figures } from "./figures.ts";
import type { ExchangeClient } from "./ports.ts";

/** Takes a place back that was set aside. */
export class ComeBack extends Deadline {
  readonly #back: () => void;

  constructor(back: () => void) {
    super();
    this.#back = back;
  }

  onDeadline(): void {
    this.#back();
  }
}

export interface LocalTarget {
  readonly endpoint: Endpoint;
  readonly client: ExchangeClient;
  readonly comeBack: ComeBack;
}

export interface RemoteTarget {
  readonly address: string;
  readonly client: ExchangeClient;
  readonly comeBack: ComeBack;
}

export type Backend = Place<LocalTarget, RemoteTarget>;

/** A request that waits. */
export interface Holder {
  /** A place has been found for it; it is to take it now. */
  released(place: Backend): void;
  /** Nobody waits here any more: it is to say so to its client. */
  givenUp(): void;
}

export class Workload {
  readonly uid: string;
  readonly pool = new WorkloadPool<LocalTarget, RemoteTarget>();
  readonly figures = new Figures();
  /** By what they wait for. */
  readonly held = new Map<Wanted, HoldQueue<Holder>>();
  facts: GatewayWorkload | undefined;
  heldCount = 0;
  /** When something was last said of its answers. */
  warnedMs = Number.NEGATIVE_INFINITY;
  isReleasing = false;

  constructor(uid: string) {
    this.uid = uid;
  }
}
