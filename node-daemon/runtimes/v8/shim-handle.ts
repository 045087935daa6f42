/**
 * One shim as the daemon sees it: a process, and a connection that may come and go.
 *
 *   connecting ── hello, inventory ─▶ ready ── socket closed ─▶ connecting
 *       └────────────── process gone ─────────────┴──▶ dead          (closed: by us, from any state)
 *
 * Invariants:
 * - `ready` is told after each inventory, `died` once and last. Nothing is told after `close`.
 * - A claim reaches the shim before anything else does, however often the connection is lost; only a shim that nobody has
 *   claimed is told it.
 * - A shim that says nothing is killed, unless it hosts a single run: that one may keep it from speaking for as long as it
 *   likes, and harms nobody (`silent` is told instead).
 */
import type { ChildProcess } from "node:child_process";
import type { Socket } from "node:net";
import { backoffMs } from "../../../kit/backoff.ts";
import { type Clock, sleep, type Timer } from "../../../kit/clock.ts";
import { errorMessage } from "../../../kit/errors.ts";
import type { Log } from "../../../kit/log.ts";
import { FrameReader, MessageWriter } from "../../shim/frames.ts";
import { type ProcessIdentity, processStartTicks } from "../../shim/process-identity.ts";
import {
  asFromShim,
  type Claim,
  commonProtocol,
  type FromShim,
  type Hello,
  type OwnRunRecord,
  protocolVersion,
  protocolVersionMin,
  type RunReport,
  type ShimIdentity,
  type ToShim,
} from "../../shim/protocol.ts";
import type { RunId } from "../runtime-driver.ts";
import { findBreach, findReportBreach } from "./believable.ts";
import { driverLimits } from "./limits.ts";
import { isShimAlive, readSandbox, signalShim } from "./sandbox-process.ts";
import { connectTo, readLogTail, readOwnRun, readProcess, removeShimFolder } from "./shim-folder.ts";

export interface ShimDeath {
  /** For whoever loses a run by it. */
  readonly why: string;
  /** `us`: this daemon killed it. */
  readonly killedBy: "us" | undefined;
  /** What the system ended it for, where it says so. */
  readonly endedFor: "memory" | undefined;
  /** The last that it wrote about itself. */
  readonly tail: string;
  readonly heapMb: number | undefined;
}

export type RunMessage = Exclude<FromShim, { readonly kind: "hello" | "run" | "inventoryEnd" }>;

export interface ShimHandleEvents {
  ready(shim: ShimHandle, reports: readonly RunReport[]): void;
  message(shim: ShimHandle, message: RunMessage): void;
  /** There is a connection, but no word: of a shim that hosts one run by its own account. */
  silent(shim: ShimHandle, record: OwnRunRecord): void;
  died(shim: ShimHandle, death: ShimDeath): void;
}

export interface ShimHandleOptions {
  readonly folder: string;
  readonly identity: ShimIdentity;
  readonly heapMb: number | undefined;
  /** Of a confined shim: the one run that it may speak of. */
  readonly onlyRun: RunId | undefined;
  readonly clock: Clock;
  readonly log: Log;
  readonly events: ShimHandleEvents;
}

export class ShimHandle {
  readonly folder: string;
  readonly #heapMb: number | undefined;
  readonly #onlyRun: RunId | undefined;
  readonly #clock: Clock;
  #log: Log;
  readonly #events: ShimHandleEvents;
  readonly #closing = new AbortController();
  #state: "connecting" | "ready" | "dead" | "closed" = "connecting";
  #identity: ShimIdentity;
  #claim: Claim | undefined;
  #startedAtMs: number;
  #killed: { readonly signal: "SIGKILL" | "SIGTERM"; readonly why: string } | undefined;
  #process: ProcessIdentity | undefined;
  #exit: string | undefined;
  #socket: Socket | undefined;
  #writer: MessageWriter | undefined;
  #helloTimer: Timer | undefined;

  constructor(options: ShimHandleOptions) {
    this.folder = options.folder;
    this.#identity = options.identity;
    this.#heapMb = options.heapMb;
    this.#onlyRun = options.onlyRun;
    this.#clock = options.clock;
    this.#startedAtMs = options.clock.monotonic();
    this.#log = options.log.bind({ shim: options.identity.shimId, namespace: options.identity.namespace });
    this.#events = options.events;
  }

  /** Whose it is, by its own account or our claim. */
  get identity(): ShimIdentity {
    return this.#identity;
  }

  /** By this process' monotonic clock; may lie before its origin. */
  get startedAtMs(): number {
    return this.#startedAtMs;
  }

  /** For a shim that is nobody's. */
  claim(claim: Claim): void {
    this.#claim = claim;
    this.#identity = { ...this.#identity, ...claim };
    this.#log = this.#log.bind({ namespace: claim.namespace });
    this.send({ kind: "claim", ...claim });
  }

  get isReady(): boolean {
    return this.#state === "ready";
  }

  get pid(): number | undefined {
    return this.#process?.pid;
  }

  /** For a process of our own. */
  watch(child: ChildProcess): void {
    if (child.pid !== undefined) {
      this.#process = { pid: child.pid, startTicks: processStartTicks(child.pid) };
    }
    child.once("error", (error) => void this.#onExit(`could not be started: ${error.message}`));
    child.once("exit", (code, signal) => {
      // Somebody killed what stands before a confined shim, which goes on.
      if (readSandbox(this.folder).kind === "running") return;
      void this.#onExit(signal === null ? `exited with code ${code}` : `was ended by ${signal}`);
    });
    void this.#connect(driverLimits.spawnMs);
  }

  /** For one that an earlier daemon has left. */
  async find(): Promise<void> {
    const giveUpAt = this.#clock.monotonic() + driverLimits.connectRetryMsMax;
    for (;;) {
      this.#process = await readProcess(this.folder);
      if (this.#process || this.#clock.monotonic() >= giveUpAt) break;
      await sleep(this.#clock, driverLimits.connectRetryMs);
    }
    await this.#connect(driverLimits.spawnMs);
  }

  /** Only when ready; whoever reconnects sends again what matters. */
  send(message: ToShim): boolean {
    if (this.#state !== "ready") return true;
    return this.#writer?.send(message) ?? true;
  }

  /** For a shim that does not answer. `died` follows. */
  kill(signal: "SIGKILL" | "SIGTERM", why: string): void {
    if (this.#killed?.signal === "SIGKILL") return;
    this.#log.warn("killing a shim", { signal, why, pid: this.#process?.pid });
    if (!isShimAlive(this.folder, this.#process)) return;
    this.#killed = { signal, why };
    try {
      signalShim(this.folder, this.#process, signal);
    } catch (thrown) {
      this.#log.warn("kill failed", { err: errorMessage(thrown) });
    }
  }

  /** Lets go of it; the process stays. */
  close(): void {
    if (this.#state !== "dead") this.#state = "closed";
    this.#closing.abort();
    this.#helloTimer?.cancel();
    this.#writer?.flush();
    this.#socket?.end();
    this.#socket = undefined;
    this.#writer = undefined;
  }

  get #over(): boolean {
    return this.#state === "dead" || this.#state === "closed";
  }

  async #connect(withinMs: number): Promise<void> {
    const { signal } = this.#closing;
    const giveUpAt = this.#clock.monotonic() + withinMs;
    for (let attempt = 0; !this.#over; attempt++) {
      const socket = await connectTo(this.folder);
      if (this.#over) {
        socket?.destroy();
        return;
      }
      if (socket) {
        this.#attach(socket);
        return;
      }
      if (!isShimAlive(this.folder, this.#process)) {
        await this.#onExit("is gone");
        return;
      }
      if (this.#clock.monotonic() >= giveUpAt) this.kill("SIGKILL", "it does not accept a connection");
      const limits = {
        initialMs: driverLimits.connectRetryMs,
        factor: 1.2,
        maxMs: driverLimits.connectRetryMsMax,
      };
      await sleep(this.#clock, backoffMs(attempt, limits), signal).catch(() => {});
    }
  }

  #attach(socket: Socket): void {
    const reader = new FrameReader();
    const reports: RunReport[] = [];
    this.#socket = socket;
    this.#writer = new MessageWriter(socket);
    this.#helloTimer = this.#clock.setTimer(driverLimits.ownSilentMs, () => void this.#onSilent(socket));
    socket.on("error", (error) => this.#log.warn("connection to a shim failed", { err: error.message }));
    socket.on("close", () => this.#onDisconnect(socket));
    socket.on("data", (chunk: Buffer) => {
      if (this.#socket !== socket) return;
      try {
        for (const message of reader.push(chunk)) this.#receive(reports, asFromShim(message));
      } catch (thrown) {
        this.#log.error("a shim sent what is no frame", { err: errorMessage(thrown) });
        socket.destroy();
        if (this.#onlyRun) this.kill("SIGKILL", "it breaks the protocol");
      }
    });
  }

  #receive(reports: RunReport[], message: FromShim | undefined): void {
    if (!message || this.#over) return;
    const breach = this.#onlyRun && findBreach(message, this.#onlyRun);
    if (breach !== undefined) return this.kill("SIGKILL", breach);
    switch (message.kind) {
      case "hello":
        return this.#onHello(message);
      case "run":
        reports.push(message);
        return;
      case "inventoryEnd":
        this.#helloTimer?.cancel();
        this.#state = "ready";
        if (this.#claim) this.send({ kind: "claim", ...this.#claim });
        this.#events.ready(this, reports.splice(0));
        return;
      default:
        if (this.#state === "ready") this.#events.message(this, message);
    }
  }

  #onHello(hello: Hello): void {
    if (commonProtocol(hello) === undefined) {
      const theirs = `${hello.protocolMin} to ${hello.protocol}`;
      const ours = `${protocolVersionMin} to ${protocolVersion}`;
      return this.kill("SIGTERM", `it speaks protocol ${theirs}, this daemon ${ours}`);
    }
    const { shimId, namespace, buildId, isolation } = hello;
    this.#startedAtMs = this.#clock.monotonic() - hello.ageMs;
    if (this.#onlyRun) return;
    // Claimed by us while it could not be told.
    this.#identity =
      namespace === undefined && this.#claim
        ? { shimId, buildId, ...this.#claim }
        : { shimId, namespace, buildId, isolation };
    this.#log = this.#log.bind({ namespace: this.#identity.namespace });
  }

  async #onSilent(socket: Socket): Promise<void> {
    const record = await readOwnRun(this.folder);
    if (this.#over || this.#state === "ready" || this.#socket !== socket) return;
    if (this.#onlyRun && record && findReportBreach(record.report, this.#onlyRun) === undefined) {
      // Who it is, it does not say itself.
      this.#events.silent(this, { ...record, identity: this.#identity });
      return;
    }
    if (record && !this.#onlyRun) {
      this.#identity = record.identity;
      this.#events.silent(this, record);
      return;
    }
    this.#helloTimer = this.#clock.setTimer(driverLimits.helloMs, () => {
      this.kill("SIGKILL", "it does not say what it runs");
    });
  }

  #onDisconnect(socket: Socket): void {
    if (this.#socket !== socket || this.#over) return;
    this.#socket = undefined;
    this.#writer = undefined;
    this.#helloTimer?.cancel();
    this.#state = "connecting";
    void this.#connect(driverLimits.spawnMs);
  }

  async #onExit(how: string): Promise<void> {
    this.#exit ??= how;
    // What it had sent before it ended is still to be read; the end of the connection comes back here.
    if (this.#over || this.#socket) return;
    this.#state = "dead";
    this.#closing.abort();
    const tail = await readLogTail(this.folder);
    this.#log.info("a shim is gone", { how: this.#exit, tail });
    await removeShimFolder(this.folder).catch((thrown: unknown) => {
      this.#log.warn("the folder of a shim could not be removed", { err: errorMessage(thrown) });
    });
    this.#events.died(this, {
      why: `the process that hosted it ${this.#exit}${this.#killed ? `: ${this.#killed.why}` : ""}`,
      killedBy: this.#killed && "us",
      endedFor: undefined,
      tail,
      heapMb: this.#heapMb,
    });
  }
}
