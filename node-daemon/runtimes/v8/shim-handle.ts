/**
 * One shim as the daemon sees it: a process, and a connection that may come and go.
 *
 *   connecting ── hello, inventory ─▶ ready ── socket closed ─▶ connecting
 *       └────────────── process gone ─────────────┴──▶ dead          (closed: by us, from any state)
 *
 * Invariants: `ready` is told after each inventory, `died` once and last. Nothing is told after `close`.
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
  type FromShim,
  protocolVersion,
  type RunReport,
  type ShimIdentity,
  type ToShim,
} from "../../shim/protocol.ts";
import { driverLimits } from "./limits.ts";
import { isShimAlive, readSandbox, signalShim } from "./sandbox-process.ts";
import { connectTo, readLogTail, readProcess, removeShimFolder } from "./shim-folder.ts";

export type RunMessage = Exclude<FromShim, { readonly kind: "hello" | "run" | "inventoryEnd" }>;

export interface ShimHandleEvents {
  ready(shim: ShimHandle, reports: readonly RunReport[]): void;
  message(shim: ShimHandle, message: RunMessage): void;
  died(shim: ShimHandle, why: string): void;
}

export interface ShimHandleOptions {
  readonly folder: string;
  readonly identity: ShimIdentity;
  readonly clock: Clock;
  readonly log: Log;
  readonly events: ShimHandleEvents;
}

export class ShimHandle {
  readonly folder: string;
  readonly identity: ShimIdentity;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #events: ShimHandleEvents;
  readonly #closing = new AbortController();
  #state: "connecting" | "ready" | "dead" | "closed" = "connecting";
  #process: ProcessIdentity | undefined;
  #exit: string | undefined;
  #socket: Socket | undefined;
  #writer: MessageWriter | undefined;
  #helloTimer: Timer | undefined;

  constructor(options: ShimHandleOptions) {
    this.folder = options.folder;
    this.identity = options.identity;
    this.#clock = options.clock;
    this.#log = options.log.bind({ shim: options.identity.shimId, namespace: options.identity.namespace });
    this.#events = options.events;
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
    this.#log.warn("killing a shim", { signal, why, pid: this.#process?.pid });
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
    this.#helloTimer = this.#clock.setTimer(driverLimits.helloMs, () => {
      this.kill("SIGKILL", "it does not say what it runs");
    });
    socket.on("error", (error) => this.#log.warn("connection to a shim failed", { err: error.message }));
    socket.on("close", () => this.#onDisconnect(socket));
    socket.on("data", (chunk: Buffer) => {
      if (this.#socket !== socket) return;
      try {
        for (const message of reader.push(chunk)) this.#receive(reports, asFromShim(message));
      } catch (thrown) {
        this.#log.error("a shim sent what is no frame", { err: errorMessage(thrown) });
        socket.destroy();
      }
    });
  }

  #receive(reports: RunReport[], message: FromShim | undefined): void {
    if (!message || this.#over) return;
    switch (message.kind) {
      case "hello":
        if (message.protocol !== protocolVersion) {
          const why = `it speaks protocol ${message.protocol}, this daemon ${protocolVersion}`;
          this.kill("SIGTERM", why);
        }
        return;
      case "run":
        reports.push(message);
        return;
      case "inventoryEnd":
        this.#helloTimer?.cancel();
        this.#state = "ready";
        this.#events.ready(this, reports.splice(0));
        return;
      default:
        if (this.#state === "ready") this.#events.message(this, message);
    }
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
    this.#events.died(this, `the process that hosted it ${this.#exit}`);
  }
}
