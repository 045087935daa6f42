import type { ServerDuplexStream } from "@grpc/grpc-js";
import type { Clock, Timer } from "../../kit/clock.ts";
import type { Log } from "../../kit/log.ts";
import type { NodeMessage__Output } from "../../proto/gen/wherry/v1/NodeMessage.ts";
import type { SchedulerMessage } from "../../proto/gen/wherry/v1/SchedulerMessage.ts";
import type { AssignmentProofs } from "./assignment-proofs.ts";
import { LogRelay } from "./log-relay.ts";
import { SessionFigures } from "./session-figures.ts";
import type { NodeListener } from "./node-port.ts";
import { ServerSession } from "./server-session.ts";

export interface SessionTableOptions {
  /** The leadership in whose name commands are sent. */
  readonly epoch: number;
  /** See DESIGN.md, rules of failure: a cut-off node stops what must not run twice before it counts as lost. */
  readonly lostAfterMs: number;
  readonly listener: NodeListener;
  readonly proofs: AssignmentProofs;
  readonly clock: Clock;
  readonly log: Log;
}

/** At most; see `accept`. */
export const heartbeatIntervalMs = 5_000;
/** A session that stays silent for this long is closed; the node then counts as suspect. */
const silenceMsMax = 3 * heartbeatIntervalMs;

/** The open sessions of one leadership, whatever brings their calls. Closes those that have gone silent. */
export class SessionTable {
  readonly logs = new LogRelay();
  readonly figures = new SessionFigures();
  readonly #options: SessionTableOptions;
  readonly #sessions = new Set<ServerSession>();
  #sweep: Timer;

  constructor(options: SessionTableOptions) {
    this.#options = options;
    this.#sweep = this.#armSweep();
  }

  /** `certifiedName` is from the client's certificate. */
  accept(call: ServerDuplexStream<NodeMessage__Output, SchedulerMessage>, certifiedName: string): void {
    const { epoch, listener, proofs, clock, log, lostAfterMs } = this.#options;
    const stopDisconnectedAfterMs = Math.max(1_000, Math.floor(lostAfterMs * 0.6));
    const session = new ServerSession({
      call,
      certifiedName,
      epoch,
      // A node may miss the answers to two before it stops what must not run twice.
      heartbeatIntervalMs: Math.min(heartbeatIntervalMs, Math.floor(stopDisconnectedAfterMs / 3)),
      stopDisconnectedAfterMs,
      listener,
      proofs,
      logs: this.logs,
      figures: this.figures,
      log: log.bind({ node: certifiedName }),
      now: () => clock.monotonic(),
      wallNow: () => clock.now(),
    });
    this.#sessions.add(session);
    call.once("close", () => this.#sessions.delete(session));
  }

  close(reason: string): void {
    this.#sweep.cancel();
    for (const session of this.#sessions) session.close(reason);
  }

  #armSweep(): Timer {
    return this.#options.clock.setTimer(heartbeatIntervalMs, () => {
      this.#closeSilent();
      this.#sweep = this.#armSweep();
    });
  }

  #closeSilent(): void {
    const now = this.#options.clock.monotonic();
    for (const session of this.#sessions) {
      if (now - session.lastHeardMs <= silenceMsMax) continue;
      this.figures.closedForSilence++;
      session.close(`nothing heard for ${silenceMsMax / 1000} s`);
    }
  }
}
