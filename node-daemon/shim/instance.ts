import type { Timer } from "../../kit/clock.ts";
import { errorCode, errorMessage, WherryError } from "../../kit/errors.ts";
import type { Log } from "../../kit/log.ts";
import { type InstanceLog, type LogSink, openInstanceLog } from "../logs/instance-log.ts";
import type { LogStream } from "../logs/log-record.ts";
import type { RunEnd, RunId, RunSpec, RunUsage } from "../runtimes/runtime-driver.ts";
import type { InputSource, OutputSink } from "../wasi/host.ts";
import { openNetwork } from "../wasi/sockets/host-network.ts";
import type { Network, SocketAddress } from "../wasi/sockets/network.ts";
import type { SpareSockets } from "../wasi/sockets/spare-sockets.ts";
import { Account } from "./account.ts";
import type { CpuQuota } from "./cpu-quota.ts";
import { Attachment } from "./attachment.ts";
import type { Reservation, ShimBudget } from "./budget.ts";
import { engine } from "./engine.ts";
import { HostedComponent } from "./hosted-component.ts";
import type { HostedEvents, HostedGuest, HostedParts } from "./hosted-guest.ts";
import { HostedModule } from "./hosted-module.ts";
import type { SharedHost } from "./instance-host.ts";
import { openMounts } from "./instance-mounts.ts";
import { drainMs, logCost } from "./limits.ts";
import { LogOutput, type OpensSink } from "./log-output.ts";
import type { Loaded, MemoryOrigin, ModuleStore } from "./module-store.ts";
import type { MountTable } from "./mount-table.ts";
import { emptyInput, NoticeInput } from "./notice-input.ts";
import type { BoundListener } from "./protocol.ts";
import { checkDeterminism, memoryLimitTooSmall, Refusal } from "./refusal.ts";
import type { RunQueue } from "./run-queue.ts";
import { HostedService } from "./serving/hosted-service.ts";
import type { RequestDoor } from "./serving/request-door.ts";
import type { DirectPorts } from "./direct/direct-port.ts";
import { describeTrap } from "./trap.ts";

/** What all instances of a shim share. */
export interface InstanceParts extends SharedHost {
  readonly modules: ModuleStore;
  readonly mounts: MountTable;
  readonly budget: ShimBudget;
  readonly doors: RequestDoor;
  readonly direct: DirectPorts;
  /** What the one guest of this process keeps in the engine's heap; 0 where there may be several. */
  readonly ownHeapBytes: () => number;
  readonly queue: RunQueue;
  /** Connections that guests keep for later. */
  readonly spares: SpareSockets;
  readonly log: Log;
}

/** One object for all instances. */
export interface InstanceEvents {
  /** About to run its first instruction. */
  started(id: RunId): void;
  /** Used CPU time, for the first time since its usage was taken. */
  used(id: RunId): void;
  logsDropped(id: RunId): void;
  /** At a port that its template leaves open. */
  listening(id: RunId, listener: BoundListener): void;
}

/** One run: preparing, running, closing. `host` is called once and goes through all of it. */
export class Instance implements HostedEvents, OpensSink {
  readonly #parts: InstanceParts;
  readonly #spec: RunSpec;
  readonly #events: InstanceEvents;
  readonly #account: Account;
  /** Its end tells the guest to stop. */
  readonly #notice: { end(): void } | undefined;
  readonly #stdin: InputSource;
  readonly #attachment: Attachment | undefined;
  /** Once it is loaded. */
  #guest: HostedGuest | undefined;
  #reservation: Reservation | undefined;
  /** Before it was loaded. */
  #stopped = false;
  /** Once something was written. */
  #log: InstanceLog | undefined;
  #memoryBytesLast = 0;
  /** Listeners whose ports have been told. */
  readonly #claimed = new Set<string>();
  #killAtMs = Number.POSITIVE_INFINITY;
  #killTimer: Timer | undefined;
  #running = false;
  #stopDraining: (() => void) | undefined;
  /** The first bug of ours that hit this instance. */
  #bug: unknown;

  /** `quota`: of the instance that it runs beside. */
  constructor(parts: InstanceParts, spec: RunSpec, events: InstanceEvents, quota?: CpuQuota) {
    this.#parts = parts;
    this.#spec = spec;
    this.#events = events;
    const share = { requestMillis: spec.cpuRequestMillis, limitMillis: spec.cpuLimitMillis };
    this.#account = new Account(share, parts.queue.now(), this, quota);
    this.#attachment = spec.attachment === undefined ? undefined : new Attachment(spec.attachment);
    const silent = spec.stopNotice === "stdin" ? (this.#attachment ?? new NoticeInput()) : undefined;
    this.#notice = spec.serving ? { end: () => this.#guest?.drain?.() } : silent;
    this.#stdin = silent ?? this.#attachment ?? emptyInput;
  }

  get quota(): CpuQuota | undefined {
    return this.#account.quota;
  }

  /** Since it began. Whoever takes it is told when there is more. */
  takeUsage(): Omit<RunUsage, "id"> {
    const requests = this.#guest?.requests;
    return {
      ...(requests && { requests }),
      cpuUs: Math.round(this.#account.takeUsedMs() * 1000),
      memoryBytes: this.memoryBytes,
      fuel: this.#guest?.fuelUsed ?? 0,
      throttledUs: Math.round((this.#account.hold?.heldMs(this.#parts.queue.now()) ?? 0) * 1000),
    };
  }

  /** It takes requests at a listener of its own. */
  get isDirect(): boolean {
    return this.#spec.serving !== undefined && this.#spec.network.listeners.length > 0;
  }

  get memoryBytes(): number {
    const bytes = this.#guest?.memoryBytes;
    return bytes ? bytes + this.#parts.ownHeapBytes() : this.#memoryBytesLast;
  }

  /** With the shorter of all graces that were asked for. */
  stop(graceMs: number): void {
    this.#notice?.end();
    if (!this.#notice || !this.#running || graceMs <= 0) {
      this.#killTimer?.cancel();
      this.#kill();
      return;
    }
    const killAtMs = this.#parts.clock.monotonic() + graceMs;
    if (killAtMs >= this.#killAtMs) return;
    this.#killAtMs = killAtMs;
    this.#killTimer?.cancel();
    this.#killTimer = this.#parts.clock.setTimer(graceMs, () => this.#kill());
  }

  /** Never rejects. When it resolves everything is released, and what the guest wrote is on disk. */
  async host(): Promise<RunEnd> {
    const { modules } = this.#parts;
    const { module } = this.#spec;
    const held = new DisposableStack();
    held.defer(() => modules.release(module.file, memoryOrigin(this.#spec)));
    try {
      const end = await this.#run(held);
      return this.#bug === undefined ? end : bugEnd(this.#bug);
    } catch (thrown) {
      return this.#refusalOf(thrown);
    } finally {
      this.#killTimer?.cancel();
      this.#memoryBytesLast = this.memoryBytes;
      this.#guest?.close();
      try {
        held.dispose();
      } catch (thrown) {
        this.bug(thrown);
      }
      this.#attachment?.close();
      await this.#log?.close();
    }
  }

  async #run(held: DisposableStack): Promise<RunEnd> {
    const loaded = await loadModule(this.#parts.modules, this.#spec, (ms) => this.#pay(ms));
    if (this.#stopped) return { kind: "stopped" };
    checkDeterminism(this.#spec, loaded);
    const guest = hostedGuest(this.#hostedParts, loaded);
    this.#guest = guest;
    if (guest.memoryBytesMin > this.#spec.memoryBytesMax) {
      throw memoryLimitTooSmall(guest.memoryBytesMin, this.#spec.memoryBytesMax);
    }
    const reservation = await this.#parts.budget.reserve(guest.needs);
    if (!reservation)
      throw new Refusal("ShimFull", "the hosting process has no room for another instance", true);
    held.defer(() => reservation.close());
    this.#reservation = reservation;
    await guest.turn();
    if (guest.killed) return { kind: "stopped" };
    let preopens = openMounts(this.#parts.mounts, this.#spec.mounts, guest, held);
    if (preopens instanceof Promise) {
      const opened = await preopens;
      if (opened === undefined) return { kind: "stopped" };
      await guest.turn();
      if (guest.killed) return { kind: "stopped" };
      preopens = opened;
    }
    const network = this.#openNetwork(held, loaded);
    const streams = { stdin: this.#stdin, stdout: this.#output("stdout"), stderr: this.#output("stderr") };
    guest.instantiate(held, preopens, network, streams);
    if (guest.open) {
      await guest.open();
      if (guest.killed) return { kind: "stopped" };
    }
    this.#running = true;
    this.#events.started(this.#spec.id);
    const end = await guest.run();
    const { mapped } = guest;
    if (mapped) reservation.hold(mapped);
    if (end.kind === "exited" && network.available) await this.#drain(network);
    return end;
  }

  /** What the guest has sent before it ended still goes out, unless someone wants the instance gone. */
  async #drain(network: Network): Promise<void> {
    const over = new AbortController();
    this.#stopDraining = () => over.abort();
    const timer = this.#parts.clock.setTimer(drainMs, this.#stopDraining);
    await network.drain(over.signal);
    timer.cancel();
  }

  get #hostedParts(): HostedParts {
    const { queue, budget, doors, direct } = this.#parts;
    return {
      shared: this.#parts,
      queue,
      account: this.#account,
      spec: this.#spec,
      events: this,
      budget,
      doors,
      direct,
    };
  }

  #kill(): void {
    this.#stopped = true;
    this.#guest?.kill();
    this.#stopDraining?.();
  }

  /** For CPU time that was used for it outside its turns. */
  #pay(ms: number): void {
    this.#parts.queue.charge(this.#account, ms);
  }

  /** Whether the guest can wait on a memory, which is waiting on this thread. */
  get #mayBlock(): boolean {
    return this.#spec.module.needsProcess.includes("threads");
  }

  #openLog(): InstanceLog {
    this.#log ??= openInstanceLog({
      folder: this.#spec.logFolder,
      limits: this.#spec.logLimits,
      clock: this.#parts.clock,
      onDropped: () => this.#events.logsDropped(this.#spec.id),
      onWritten: (bytes) => this.#pay(logCost.perWriteMs + bytes * logCost.perByteMs),
      atOnce: this.#mayBlock,
    });
    return this.#log;
  }

  openSink(stream: LogStream): LogSink {
    return this.#openLog().sink(stream);
  }

  #output(stream: LogStream): OutputSink {
    const log = new LogOutput(this, stream);
    return this.#attachment?.copying(stream, log) ?? log;
  }

  /** Of several listeners with the same address and no port, the first that nobody has claimed. */
  #onListening({ address, port }: SocketAddress): void {
    const { id, network } = this.#spec;
    if (network.listeners.some((one) => one.port === port && one.address === address)) return;
    const listener = network.listeners.find(
      (one) => one.port === 0 && one.address === address && !this.#claimed.has(one.name),
    );
    if (!listener) return;
    this.#claimed.add(listener.name);
    this.#events.listening(id, { name: listener.name, port });
  }

  /** A module gets its listeners as descriptors; a component makes its own. */
  #openNetwork(held: DisposableStack, { kind }: Loaded): Network {
    const { clock, wasiLimits, queue, spares } = this.#parts;
    const { network: granted, serving } = this.#spec;
    // The listener of what serves is its process', not the guest's.
    const grant = serving ? { ...granted, listeners: [] } : granted;
    const onEvent = () => queue.caused(this.#account);
    try {
      const { hostDescriptorsMax } = wasiLimits;
      const network = openNetwork(grant, kind === "module", {
        clock,
        hostDescriptorsMax,
        onEvent,
        spares,
        onListening: (local) => this.#onListening(local),
      });
      held.defer(() => network.close());
      return network;
    } catch (thrown) {
      if (!(thrown instanceof WherryError)) throw thrown;
      const reason = thrown.code === "address-in-use" ? "AddressInUse" : "AddressUnavailable";
      throw new Refusal(reason, thrown.message, thrown.retryable);
    }
  }

  /** What kept the run from starting. */
  #refusalOf(thrown: unknown): RunEnd {
    const refused = (reason: string, message: string, retryable: boolean): RunEnd => ({
      kind: "refused",
      reason,
      message,
      retryable,
    });
    if (thrown instanceof Refusal) return refused(thrown.reason, thrown.message, thrown.retryable);
    if (errorCode(thrown) === "wasi-start-invalid")
      return refused("ArgumentsInvalid", errorMessage(thrown), false);
    // The engine's word for memory that the machine did not give.
    if (thrown instanceof RangeError) {
      // Another process may have what this one lacks, unless this is its only instance.
      const shared = this.#parts.budget.instances > 1;
      if (shared) this.#parts.budget.exhausted();
      return refused(shared ? "ShimFull" : "OutOfMemory", `instantiate the module: ${thrown.message}`, true);
    }
    // An active segment out of bounds.
    if (thrown instanceof engine.RuntimeError) return describeTrap(thrown, 0);
    this.bug(thrown);
    return bugEnd(thrown);
  }

  // As its guest sees it.

  used(): void {
    this.#events.used(this.#spec.id);
  }

  needHeap(bytes: number): boolean {
    return this.#reservation?.grow(bytes) ?? false;
  }

  mishap(error: unknown): void {
    this.#parts.log.error("bug while hosting an instance", { ...this.#spec.id, err: String(error) });
  }

  bug(error: unknown): void {
    this.mishap(error);
    this.#bug ??= error;
    this.#kill();
  }
}

/** Where instances come one after another they can have the same memory. */
function memoryOrigin({ serving }: RunSpec): MemoryOrigin {
  return serving?.handler === "wagi" || serving?.handler === "wasi-http" ? "given" : "own";
}

async function loadModule(modules: ModuleStore, spec: RunSpec, pay: (ms: number) => void): Promise<Loaded> {
  try {
    return await modules.acquire(spec.module.file, pay, memoryOrigin(spec));
  } catch (thrown) {
    const invalid = thrown instanceof engine.CompileError;
    const message = `load the prepared module: ${errorMessage(thrown)}`;
    throw new Refusal(invalid ? "ModuleInvalid" : "ModuleUnavailable", message, !invalid);
  }
}

function hostedGuest(parts: HostedParts, loaded: Loaded): HostedGuest {
  const { serving } = parts.spec;
  if (serving) return new HostedService(parts, loaded, serving);
  return loaded.kind === "module" ? new HostedModule(parts, loaded) : new HostedComponent(parts, loaded);
}

function bugEnd(error: unknown): RunEnd {
  return {
    kind: "trapped",
    reason: "InternalError",
    message: `a bug in the runtime, not in the module: ${errorMessage(error)}`,
  };
}
