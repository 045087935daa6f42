/**
 * A gateway as a process: what it knows, where it listens, and when it goes.
 *
 *   untaught ── first snapshot ─▶ listening ── exit, signal, no daemon for too long ─▶ finishing ── answered, or grace over ─▶ gone
 *       └──────────── nobody teaches it ──────────────────────────────────────────────────────────▶ gone
 *
 * Invariants:
 * - Nothing is accepted before the first snapshot is complete: nobody is told that there is no route because nobody has said so yet.
 * - A daemon that goes takes nothing away. The next one's snapshot is compared with what is known.
 * - What finishes goes on hearing of endpoints and routes, for the requests that it still has.
 */
import { type Clock, type Timer } from "../../../kit/clock.ts";
import { assertNever, errorMessage } from "../../../kit/errors.ts";
import type { Log } from "../../../kit/log.ts";
import {
  controlVersion,
  type GatewayConfig,
  type InheritedSocket,
  type Teaching,
  type ToGateway,
} from "../control.ts";
import type { ProcessFigures, WorkloadFigures } from "../control.ts";
import { ControlSocket } from "./control-socket.ts";
import { Knowledge } from "./knowledge.ts";
import { type Listen, Listening } from "./listening.ts";
import { processLimits } from "./limits.ts";

/** What answers the requests. */
export interface RequestServer {
  /** Each says something new. */
  apply(change: Teaching): void;
  readonly listen: Listen;
  /** Accepts nothing any more (the listening sockets are closed), and resolves once all is answered, or cut off after the grace. */
  finish(graceMs: number): Promise<void>;
  /** Of workloads whose figures have changed since the last call. */
  figures(): readonly WorkloadFigures[];
  counts(): Omit<ProcessFigures, keyof ProcessUse>;
}

/** What the process uses of its machine. */
export type ProcessUse = Pick<
  ProcessFigures,
  "cpuSeconds" | "residentBytes" | "loopDelayMs" | "loopUtilization"
>;

export interface RequestServerEvents {
  wake(workloads: readonly string[]): void;
  drained(uid: string): void;
}

export interface ProcessParts {
  readonly config: GatewayConfig;
  readonly inherited: readonly InheritedSocket[];
  readonly server: (events: RequestServerEvents) => RequestServer;
  /** Starts another process with these sockets, in the folder, by the command. */
  readonly spawn: (folder: string, command: readonly string[], sockets: readonly InheritedSocket[]) => void;
  readonly leave: () => void;
  /** The part of the time since the last call that the event loop was busy is this process' alone to know. */
  readonly use: () => Omit<ProcessUse, "loopDelayMs">;
  readonly pid: number;
  readonly clock: Clock;
  readonly log: Log;
}

export class GatewayProcess {
  readonly #parts: ProcessParts;
  readonly #knowledge = new Knowledge();
  readonly #control: ControlSocket;
  readonly #server: RequestServer;
  readonly #listening: Listening;
  /** The last of each workload, and which of them the daemon has not been told. */
  readonly #figures = new Map<string, WorkloadFigures>();
  readonly #untold = new Set<string>();
  /** What the daemon has been told of connections; empty: nothing yet. */
  #taught = false;
  #finishing: { readonly untilMs: number; readonly timer: Timer } | undefined;
  #aloneTimer: Timer | undefined;
  #figuresTimer: Timer | undefined;
  #figuresDueMs = 0;
  #loopDelayMs = 0;
  #rounds = 0;

  constructor(parts: ProcessParts) {
    this.#parts = parts;
    const { config, inherited, clock, log } = parts;
    this.#control = new ControlSocket(
      {
        hello: () => ({
          protocol: controlVersion,
          gatewayId: config.gatewayId,
          buildId: config.buildId,
          pid: parts.pid,
          addresses: this.#listening.addresses,
          finishing: this.#finishing !== undefined,
        }),
        receive: (message) => this.#receive(message),
        connectedChanged: (connected) => this.#onConnected(connected),
      },
      log,
    );
    this.#server = parts.server({
      wake: (workloads) => this.#control.tellWake(workloads),
      drained: (uid) => this.#control.tellDrained(uid),
    });
    this.#listening = new Listening({
      wanted: config.listen,
      inherited,
      listen: this.#server.listen,
      clock,
      log,
      onListening: () => this.#control.tell({ kind: "listening", addresses: this.#listening.addresses }),
      onTrouble: (message) => this.#control.tell({ kind: "notListening", message }),
    });
  }

  async start(socketPath: string): Promise<void> {
    await this.#control.listen(socketPath);
    this.#watchAlone();
    this.#figuresDueMs = this.#parts.clock.monotonic();
    this.#gatherFigures();
  }

  /** Goes once everything under way is answered, at most after the grace. A second call can only shorten it. */
  finish(graceMs: number, why: string): void {
    const { clock, log, leave } = this.#parts;
    const untilMs = clock.monotonic() + graceMs;
    if (this.#finishing && this.#finishing.untilMs <= untilMs) return;
    log.info("finishing", { why, graceMs });
    const first = this.#finishing === undefined;
    this.#finishing?.timer.cancel();
    // One that was to have longer cuts off what is left by going.
    this.#finishing = { untilMs, timer: clock.setTimer(first ? graceMs + lastWordsMs : graceMs, leave) };
    if (!first) return;
    this.#aloneTimer?.cancel();
    this.#listening.stop();
    this.#server
      .finish(graceMs)
      .catch((thrown: unknown) => log.error("bug while finishing", { err: errorMessage(thrown) }))
      .then(() => this.#control.close())
      .then(() => {
        log.info("finished");
        leave();
      }, leave);
  }

  #receive(message: ToGateway): void {
    switch (message.kind) {
      case "snapshotBegin":
        return this.#knowledge.begin();
      case "snapshotEnd":
        for (const change of this.#knowledge.end()) this.#apply(change);
        this.#taught = true;
        if (!this.#finishing) this.#listening.start();
        return;
      case "spawn":
        return this.#spawn(message.folder, message.command);
      case "exit":
        return this.finish(message.graceMs, "told to by its daemon");
      case "ping":
        return this.#control.tell({ kind: "pong" });
      case "route":
      case "routeGone":
      case "workload":
      case "workloadGone":
      case "certificate":
      case "certificateGone":
      case "ticketKey":
      case "ticketKeyGone":
      case "endpoint":
      case "endpointGone":
      case "drain":
      case "identity":
        for (const change of this.#knowledge.take(message)) this.#apply(change);
        return;
      default:
        return assertNever(message, "message to a gateway");
    }
  }

  #apply(change: Teaching): void {
    this.#server.apply(change);
    if (change.kind === "workloadGone") this.#figures.delete(change.uid);
  }

  #spawn(folder: string, command: readonly string[]): void {
    const { spawn, log } = this.#parts;
    // A socket that is closed already would be somebody else's descriptor by now.
    const sockets = this.#finishing ? [] : this.#listening.sockets;
    try {
      spawn(folder, command, sockets);
    } catch (thrown) {
      // The daemon sees that nobody listens there.
      log.error("another gateway cannot be started", { err: errorMessage(thrown) });
    }
  }

  #onConnected(connected: boolean): void {
    this.#parts.log.info(connected ? "a daemon is there" : "the daemon is gone");
    this.#knowledge.abandon();
    for (const uid of this.#figures.keys()) this.#untold.add(uid);
    if (connected) {
      this.#tellFigures();
      this.#tellProcess();
    }
    this.#watchAlone();
  }

  #watchAlone(): void {
    const { config, clock } = this.#parts;
    this.#aloneTimer?.cancel();
    this.#aloneTimer = undefined;
    if (this.#control.connected || this.#finishing) return;
    const afterMs = this.#taught ? config.orphanMs : processLimits.untaughtMs;
    if (afterMs === undefined) return;
    this.#aloneTimer = clock.setTimer(afterMs, () =>
      this.finish(processLimits.signalGraceMs, "without a daemon for too long"),
    );
  }

  #gatherFigures(): void {
    for (const figures of this.#server.figures()) {
      this.#figures.set(figures.uid, figures);
      this.#untold.add(figures.uid);
    }
    this.#tellFigures();
    const { clock } = this.#parts;
    const nowMs = clock.monotonic();
    // What is due by this clock and comes late says how late everything else comes.
    this.#loopDelayMs = Math.max(this.#loopDelayMs, nowMs - this.#figuresDueMs);
    if (this.#rounds++ % processLimits.processEvery === 0) this.#tellProcess();
    this.#figuresDueMs = nowMs + processLimits.figuresMs;
    this.#figuresTimer = clock.setTimer(processLimits.figuresMs, () => this.#gatherFigures());
  }

  #tellProcess(): void {
    if (!this.#control.hasRoom) return;
    const figures = { ...this.#server.counts(), ...this.#parts.use(), loopDelayMs: this.#loopDelayMs };
    this.#loopDelayMs = 0;
    this.#control.tell({ kind: "process", figures });
  }

  /** A daemon that is slow is told the newest of each, later. */
  #tellFigures(): void {
    if (this.#untold.size === 0 || !this.#control.hasRoom) return;
    const workloads = [...this.#untold].flatMap((uid) => this.#figures.get(uid) ?? []);
    this.#untold.clear();
    this.#control.tell({ kind: "figures", workloads });
  }

  /** For tests, which end no process. */
  async close(): Promise<void> {
    this.#aloneTimer?.cancel();
    this.#figuresTimer?.cancel();
    this.#finishing?.timer.cancel();
    this.#listening.stop();
    await this.#control.close();
  }
}

/** After the grace, for what is still to be said. */
const lastWordsMs = 2_000;
