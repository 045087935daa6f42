import type { RunSpec } from "../runtimes/runtime-driver.ts";
import { ResourceCount } from "../wasi/component-resources.ts";
import type { ListingCache } from "../wasi/file-system/listing-cache.ts";
import type { ComponentHost, InputSource, OutputSink, Preopen, WasiClock, WasiHost } from "../wasi/host.ts";
import { limits } from "../wasi/limits.ts";
import type { Network } from "../wasi/sockets/network.ts";
import type { ComponentGuest } from "./component-guest.ts";
import type { InstanceStreams, SharedHost } from "./instance-host.ts";
import { componentFinishMsMax } from "./limits.ts";

/** The host of one component, for every interface that it imports. */
export class HostOfComponent implements ComponentHost {
  readonly #shared: SharedHost;
  readonly #spec: RunSpec;
  readonly #guest: ComponentGuest;
  readonly #onBug: (error: unknown) => void;
  readonly #finishes = new Set<() => Promise<void>>();
  readonly #closes: (() => void)[] = [];
  readonly kept = new Map<object, unknown>();
  readonly resources = new ResourceCount(limits.resourcesMax);
  readonly preopens: readonly Preopen[];
  readonly network: Network;
  readonly stdin: InputSource;
  readonly stdout: OutputSink;
  readonly stderr: OutputSink;

  constructor(
    shared: SharedHost,
    spec: RunSpec,
    guest: ComponentGuest,
    preopens: readonly Preopen[],
    network: Network,
    streams: InstanceStreams,
    onBug: (error: unknown) => void,
  ) {
    this.#shared = shared;
    this.#spec = spec;
    this.#guest = guest;
    this.#onBug = onBug;
    this.preopens = preopens;
    this.network = network;
    this.stdin = streams.stdin;
    this.stdout = streams.stdout;
    this.stderr = streams.stderr;
  }

  get args(): WasiHost["args"] {
    return this.#spec.args;
  }

  get env(): WasiHost["env"] {
    return this.#spec.env;
  }

  get clock(): WasiClock {
    return this.#shared.wasiClock;
  }

  get random(): WasiHost["random"] {
    return this.#shared.random;
  }

  get limits(): WasiHost["limits"] {
    return this.#shared.wasiLimits;
  }

  get listings(): ListingCache {
    return this.#shared.listings;
  }

  get ended(): boolean {
    return this.#guest.killed;
  }

  cpuNs(): bigint {
    return BigInt(Math.round(this.#guest.cpuMs * 1e6));
  }

  exit(code: number): never {
    return this.#guest.exit(code);
  }

  wait<T>(begin: (wake: (value: T) => void) => () => void, whenKilled: T): Promise<T> {
    return this.#guest.wait(begin, whenKilled);
  }

  setTimer(delayMs: number, fire: () => void): () => void {
    const timer = this.#shared.timers.setTimer(delayMs, fire);
    return () => timer.cancel();
  }

  yield(): Promise<void> {
    return this.#guest.yield();
  }

  onReturn(finish: () => Promise<void>): () => void {
    this.#finishes.add(finish);
    return () => this.#finishes.delete(finish);
  }

  /** Resolves once what a guest that returned had handed over is where it was to go, or after a while. */
  async finish(): Promise<void> {
    if (this.#finishes.size === 0) return;
    const late = Promise.withResolvers<void>();
    const cancel = this.setTimer(componentFinishMsMax, late.resolve);
    await Promise.race([Promise.all([...this.#finishes].map((finish) => finish())), late.promise]);
    cancel();
  }

  onEnd(close: () => void): void {
    this.#closes.push(close);
  }

  /** Once nothing of the guest runs any more, and no wait of it is left. */
  close(): void {
    for (const close of this.#closes.splice(0)) {
      try {
        close();
      } catch (thrown) {
        this.#onBug(thrown);
      }
    }
  }

  onBug(error: unknown): void {
    this.#onBug(error);
  }
}
