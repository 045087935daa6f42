/**
 * One gateway process as the daemon sees it, and a connection that may come and go.
 *
 *   connecting ── hello ─▶ ready ── connection lost ─▶ connecting
 *       └─────── process gone ──┴──▶ dead                (closed: by us, from any state)
 *
 * Invariants:
 * - `died` is told once and last; nothing is told after `close`.
 * - Each connection begins with a snapshot, so nothing has to be remembered for one that is away.
 * - A process that does not answer a ping is killed: whoever hangs serves nobody.
 */
import type { Socket } from "node:net";
import { backoffMs } from "../../kit/backoff.ts";
import { type Clock, sleep, type Timer } from "../../kit/clock.ts";
import { errorCode, errorMessage } from "../../kit/errors.ts";
import type { Log } from "../../kit/log.ts";
import {
  type BoundAddress,
  controlVersion,
  type FromGateway,
  type GatewayConfig,
  type ToGateway,
} from "../gateway/control.ts";
import { FrameReader, MessageWriter } from "../shim/frames.ts";
import { isProcessAlive, type ProcessIdentity } from "../shim/process-identity.ts";
import { connectToGateway, readGatewayProcess, removeGatewayFolder } from "./gateway-folder.ts";
import { servingLimits } from "./limits.ts";

export type GatewayMessage = Extract<
  FromGateway,
  { readonly kind: "drained" | "wake" | "figures" | "process" }
>;

export interface GatewayHandleEvents {
  /** After each hello: the snapshot. */
  teach(gateway: GatewayHandle): Iterable<ToGateway>;
  /** It is told everything; or where it listens has changed. */
  changed(gateway: GatewayHandle): void;
  message(gateway: GatewayHandle, message: GatewayMessage): void;
  died(gateway: GatewayHandle): void;
}

export interface GatewayHandleOptions {
  readonly folder: string;
  readonly config: GatewayConfig;
  /** Of an earlier daemon. */
  readonly isFound?: boolean;
  readonly clock: Clock;
  readonly log: Log;
  readonly events: GatewayHandleEvents;
}

export class GatewayHandle {
  readonly folder: string;
  readonly config: GatewayConfig;
  readonly isFound: boolean;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #events: GatewayHandleEvents;
  readonly #closing = new AbortController();
  #state: "connecting" | "ready" | "dead" | "closed" = "connecting";
  #process: ProcessIdentity | undefined;
  #killed = false;
  #socket: Socket | undefined;
  #writer: MessageWriter | undefined;
  #addresses: readonly BoundAddress[] = [];
  #trouble = "";
  #finishing = false;
  #wasReady = false;
  /** How much of the snapshot did not fit at once: told anew it would not be less. */
  #snapshotBytes = 0;
  #listeningSinceMs: number | undefined;
  /** By when it is to be gone; told again with each connection. */
  #exitAtMs: number | undefined;
  readonly #known = Promise.withResolvers<void>();
  #pinged = false;
  #pingTimer: Timer | undefined;
  #overdue: Timer | undefined;

  constructor({ folder, config, isFound = false, clock, log, events }: GatewayHandleOptions) {
    this.isFound = isFound;
    this.folder = folder;
    this.config = config;
    this.#clock = clock;
    this.#log = log.bind({ gateway: config.gatewayId });
    this.#events = events;
  }

  get isReady(): boolean {
    return this.#state === "ready";
  }

  /** Where it accepts connections; empty as long as there is anything that it has not got yet. */
  get addresses(): readonly BoundAddress[] {
    return this.#addresses;
  }

  /** Why it does not listen; empty if nothing is wrong. */
  get trouble(): string {
    return this.#trouble;
  }

  /** On its way out. */
  get finishing(): boolean {
    return this.#finishing;
  }

  /** It has been told something. */
  get wasReady(): boolean {
    return this.#wasReady;
  }

  get pid(): number | undefined {
    return this.#process?.pid;
  }

  /** By this process' monotonic clock. */
  get listeningSinceMs(): number | undefined {
    return this.#listeningSinceMs;
  }

  /** Once it is started, by whomever. Resolves when it has been told everything, is dead, or is let go of. */
  async connect(withinMs: number = servingLimits.startMs): Promise<void> {
    void this.#connect(withinMs);
    await this.#known.promise;
  }

  /** Its process has ended, or could not be started: what it had said before is still to be read. */
  exited(how: string): void {
    if (!this.#socket) this.#die(how);
  }

  /** Only when ready: what a snapshot does not say, the caller says again after `changed`. */
  send(message: ToGateway): void {
    const socket = this.#socket;
    if (this.#state !== "ready" || !socket) return;
    if (socket.writableLength > servingLimits.unreadBytesMax + this.#snapshotBytes) {
      this.#log.warn("a gateway does not read; it is told everything anew", { bytes: socket.writableLength });
      socket.destroy();
      return;
    }
    this.#writer?.send(message);
  }

  /** Stops accepting, finishes within the grace, goes. */
  finish(graceMs: number): void {
    this.#finishing = true;
    this.#exitAtMs = this.#clock.monotonic() + graceMs;
    this.send({ kind: "exit", graceMs });
    this.#overdue?.cancel();
    this.#overdue = this.#clock.setTimer(graceMs + servingLimits.overdueMs, () =>
      this.kill("it does not end"),
    );
  }

  kill(why: string): void {
    if (this.#killed) return;
    this.#killed = true;
    this.#signal("SIGKILL", why);
  }

  #signal(signal: "SIGKILL" | "SIGTERM", why: string): void {
    if (!this.#process || !isProcessAlive(this.#process)) return;
    this.#log.warn("ending a gateway", { signal, why, pid: this.#process.pid });
    try {
      process.kill(this.#process.pid, signal);
    } catch (thrown) {
      if (errorCode(thrown) !== "ESRCH") this.#log.warn("signal failed", { err: errorMessage(thrown) });
    }
  }

  /** Lets go of it; the process stays. */
  close(): void {
    if (this.#state !== "dead") this.#state = "closed";
    this.#closing.abort();
    this.#known.resolve();
    this.#pingTimer?.cancel();
    this.#overdue?.cancel();
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
      this.#process ??= await readGatewayProcess(this.folder);
      const socket = await connectToGateway(this.folder);
      if (this.#over) {
        socket?.destroy();
        return;
      }
      if (socket) return this.#attach(socket);
      if (this.#process && !isProcessAlive(this.#process)) return this.#die("its process is gone");
      if (this.#clock.monotonic() >= giveUpAt) {
        // Without an identity there is no process, as far as anyone can know.
        if (!this.#process) return this.#die("it did not start");
        this.kill("it does not accept a connection");
      }
      await sleep(this.#clock, backoffMs(attempt, servingLimits.connectRetry), signal).catch(() => {});
    }
  }

  #attach(socket: Socket): void {
    const reader = new FrameReader();
    this.#socket = socket;
    this.#writer = new MessageWriter(socket);
    socket.on("error", (error) => this.#log.warn("connection to a gateway failed", { err: error.message }));
    socket.on("close", () => this.#onDisconnect(socket));
    socket.on("data", (chunk: Buffer) => {
      if (this.#socket !== socket) return;
      try {
        // The gateway is of the same user, and says what control.ts has.
        for (const message of reader.push(chunk)) this.#receive(message as FromGateway);
      } catch (thrown) {
        this.#log.error("a gateway sent what is no frame", { err: errorMessage(thrown) });
        socket.destroy();
      }
    });
    this.#pinged = false;
    this.#pingTimer?.cancel();
    this.#pingTimer = this.#clock.setTimer(servingLimits.helloMs, () => {
      if (this.#socket === socket) this.kill("it does not say who it is");
    });
  }

  #receive(message: FromGateway): void {
    if (this.#over) return;
    switch (message.kind) {
      case "hello":
        return this.#onHello(message);
      case "listening":
        this.#setAddresses(message.addresses);
        this.#trouble = "";
        return this.#events.changed(this);
      case "notListening":
        this.#trouble = message.message;
        return this.#events.changed(this);
      case "pong":
        this.#pinged = false;
        return;
      default:
        // What this version does not know is not told: a newer gateway may say more.
        if (this.#state === "ready" && known.has(message.kind)) this.#events.message(this, message);
    }
  }

  #onHello(hello: Extract<FromGateway, { readonly kind: "hello" }>): void {
    if (hello.protocol !== controlVersion) {
      // It knows a signal, if nothing else, and finishes what it has.
      this.#finishing = true;
      this.#signal("SIGTERM", `it speaks protocol ${hello.protocol}, this daemon ${controlVersion}`);
      this.#known.resolve();
      this.#events.changed(this);
      return;
    }
    this.#state = "ready";
    this.#wasReady = true;
    this.#setAddresses(hello.addresses);
    this.#finishing ||= hello.finishing;
    for (const message of this.#events.teach(this)) this.#writer?.send(message);
    this.#writer?.flush();
    this.#snapshotBytes = this.#socket?.writableLength ?? 0;
    if (this.#exitAtMs !== undefined)
      this.send({ kind: "exit", graceMs: Math.max(0, this.#exitAtMs - this.#clock.monotonic()) });
    if (this.#socket) this.#watch(this.#socket);
    this.#known.resolve();
    this.#events.changed(this);
  }

  #setAddresses(addresses: readonly BoundAddress[]): void {
    this.#addresses = addresses;
    if (addresses.length > 0) this.#listeningSinceMs ??= this.#clock.monotonic();
  }

  /** A ping is sent when nothing was heard since the one before was answered. */
  #watch(socket: Socket): void {
    this.#pingTimer?.cancel();
    this.#pingTimer = this.#clock.setTimer(servingLimits.pingMs, () => {
      if (this.#socket !== socket) return;
      if (this.#pinged) return this.kill("it does not answer");
      this.#pinged = true;
      this.#writer?.send({ kind: "ping" });
      this.#watch(socket);
    });
  }

  #onDisconnect(socket: Socket): void {
    if (this.#socket !== socket || this.#over) return;
    this.#socket = undefined;
    this.#writer = undefined;
    this.#pingTimer?.cancel();
    this.#state = "connecting";
    this.#addresses = this.#process && isProcessAlive(this.#process) ? this.#addresses : [];
    void this.#connect(servingLimits.startMs);
  }

  #die(how: string): void {
    if (this.#over) return;
    this.#state = "dead";
    this.#addresses = [];
    this.#closing.abort();
    this.#overdue?.cancel();
    this.#pingTimer?.cancel();
    this.#log.info("a gateway is gone", { how, finishing: this.#finishing });
    this.#known.resolve();
    void removeGatewayFolder(this.folder)
      .catch((thrown: unknown) => {
        this.#log.warn("the folder of a gateway could not be removed", { err: errorMessage(thrown) });
      })
      .then(() => this.#events.died(this));
  }
}

const known: ReadonlySet<string> = new Set<GatewayMessage["kind"]>(["drained", "wake", "figures", "process"]);
