/** Where the instances of a hosting process take requests themselves (docs/adr/0044-direct-connections-to-shims.md). */
import type { Clock } from "../../../kit/clock.ts";
import type { Log } from "../../../kit/log.ts";
import type { Random } from "../../../kit/random.ts";
import type { RequestFigures } from "../../gateway/control.ts";
import type { CalleeExchange } from "../../link/exchange.ts";
import type { ListenerGrant, Serving } from "../../runtimes/runtime-driver.ts";

export interface DirectPorts {
  /** Rejects with the system's error when it cannot listen there. */
  open(options: DirectOptions): Promise<DirectPort>;
}

export interface DirectOptions {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  readonly listener: ListenerGrant;
  readonly serving: Serving;
  /** Must not throw. */
  readonly accept: (exchange: CalleeExchange) => void;
  /** The thread has done something for it. */
  readonly caused: () => void;
}

/** One instance's. */
export interface DirectPort {
  /** What was asked here since it was opened; undefined: nothing. */
  readonly requests: RequestFigures | undefined;
  /** Accepts no more connections, and resolves once those that there are have ended by themselves. */
  finish(): Promise<void>;
  /** At once. */
  close(): void;
}

/** Connections of one process. */
export class Connections {
  readonly #max: number;
  #count = 0;

  constructor(max: number) {
    this.#max = max;
  }

  /** False: there are too many. */
  add(): boolean {
    if (this.#count >= this.#max) return false;
    this.#count++;
    return true;
  }

  remove(): void {
    this.#count--;
  }
}

export interface DirectParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly connections: Connections;
}
