import type { Clock } from "../../kit/clock.ts";
import type { RunSpec } from "../runtimes/runtime-driver.ts";
import type { ListingCache } from "../wasi/file-system/listing-cache.ts";
import type { FileView, InputSource, OutputSink, Preopen, WasiClock, WasiHost } from "../wasi/host.ts";
import type { Network } from "../wasi/sockets/network.ts";
import { withListeners } from "../wasi/sockets/listen-environment.ts";
import type { DeterministicRun } from "./deterministic-run.ts";
import type { Guest } from "./guest.ts";
import type { GuestTimers } from "./guest-timers.ts";

/** What the guests of a shim have in common. */
export interface SharedHost {
  readonly clock: Clock;
  /** For what guests wait for. */
  readonly timers: GuestTimers;
  readonly wasiClock: WasiClock;
  readonly random: (target: Uint8Array) => void;
  readonly listings: ListingCache;
  readonly wasiLimits: WasiHost["limits"];
}

export interface InstanceStreams {
  readonly stdin: InputSource;
  readonly stdout: OutputSink;
  readonly stderr: OutputSink;
}

/** Preview 1's host for one instance. A class, as closures would be a good part of what a sleeping instance takes. */
export class InstanceHost implements WasiHost {
  readonly #shared: SharedHost;
  readonly #strings: Pick<RunSpec, "args" | "env">;
  readonly #guest: Guest;
  /** Of a deterministic run. */
  readonly #fixed: DeterministicRun | undefined;
  readonly preopens: readonly Preopen[];
  readonly stdin: InputSource;
  readonly stdout: OutputSink;
  readonly stderr: OutputSink;
  readonly network: Network;

  constructor(
    shared: SharedHost,
    strings: Pick<RunSpec, "args" | "env">,
    guest: Guest,
    preopens: readonly Preopen[],
    network: Network,
    streams: InstanceStreams,
    fixed: DeterministicRun | undefined,
  ) {
    this.#shared = shared;
    this.#strings = strings;
    this.#guest = guest;
    this.preopens = preopens;
    this.network = network;
    this.stdin = streams.stdin;
    this.#fixed = fixed;
    this.stdout = fixed?.output(streams.stdout) ?? streams.stdout;
    this.stderr = fixed?.output(streams.stderr) ?? streams.stderr;
  }

  get args(): WasiHost["args"] {
    return this.#strings.args;
  }

  get env(): WasiHost["env"] {
    return withListeners(this.#strings.env, this.preopens.length, this.network.listeners);
  }

  get clock(): WasiClock {
    return this.#fixed?.clock ?? this.#shared.wasiClock;
  }

  get random(): WasiHost["random"] {
    return this.#fixed?.random ?? this.#shared.random;
  }

  get limits(): WasiHost["limits"] {
    return this.#shared.wasiLimits;
  }

  get listings(): ListingCache {
    return this.#shared.listings;
  }

  get fileView(): FileView | undefined {
    return this.#fixed;
  }

  cpuNs(): bigint {
    if (this.#fixed) return 0n;
    return BigInt(Math.round(this.#guest.cpuMs * 1e6));
  }

  exit(code: number): void {
    this.#guest.exit(code);
  }

  wait<T>(begin: (wake: (value: T) => void) => () => void, whenKilled: T): Promise<T> {
    return this.#guest.wait(begin, whenKilled);
  }

  setTimer(delayMs: number, fire: () => void): () => void {
    if (this.#fixed) return this.#fixed.setTimer(delayMs, fire);
    const timer = this.#shared.timers.setTimer(delayMs, fire);
    return () => timer.cancel();
  }

  yield(): Promise<void> {
    return this.#guest.yield();
  }

  onBug(error: unknown): void {
    this.#guest.bug(error);
  }
}
