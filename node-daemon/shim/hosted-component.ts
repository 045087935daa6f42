import type { RunEnd, RunSpec } from "../runtimes/runtime-driver.ts";
import { componentBytesMin, ownOf, sumOf } from "../components/component-facts.ts";
import { offer } from "../components/offer.ts";
import type { InterfaceMembers } from "../wasi/component-interfaces.ts";
import type { Preopen } from "../wasi/host.ts";
import type { Network } from "../wasi/sockets/network.ts";
import type { Needs } from "./budget.ts";
import { ComponentGuest } from "./component-guest.ts";
import { HostOfComponent } from "./component-host.ts";
import { componentHeapBytes, tableElementsMin } from "./footprint.ts";
import type { HostedEvents, HostedGuest, HostedParts } from "./hosted-guest.ts";
import type { InstanceStreams, SharedHost } from "./instance-host.ts";
import { heap } from "./limits.ts";
import type { LoadedComponent } from "./module-store.ts";
import { describeFault, isOurBug } from "./component-fault.ts";
import { fuelExhausted } from "./trap.ts";
import { MemoryUnavailable } from "./core-instances.ts";

/** A component that is a command of WASI 0.2 or 0.3. */
export class HostedComponent implements HostedGuest {
  readonly #loaded: LoadedComponent;
  readonly #shared: SharedHost;
  readonly #spec: RunSpec;
  readonly #events: HostedEvents;
  readonly #guest: ComponentGuest;
  #interfaces: Readonly<Record<string, InterfaceMembers>> = {};
  #finish: () => Promise<void> = () => Promise.resolve();
  #closed = false;

  constructor({ shared, queue, account, spec, events }: HostedParts, loaded: LoadedComponent) {
    this.#loaded = loaded;
    this.#shared = shared;
    this.#spec = spec;
    this.#events = events;
    this.#guest = new ComponentGuest(
      queue,
      account,
      events,
      shared.timers,
      spec.memoryBytesMax,
      spec.fuelMax,
    );
  }

  get fuelUsed(): number {
    return this.#guest.fuelUsed;
  }

  get memoryBytes(): number {
    return this.#closed ? 0 : this.#guest.memoryBytes;
  }

  get killed(): boolean {
    return this.#guest.killed;
  }

  get needs(): Needs {
    const { facts } = this.#loaded;
    return {
      memories: sumOf(facts, ({ memories }) => ownOf(memories).length),
      memories64: sumOf(facts, ({ memories }) => ownOf(memories).filter(({ memory64 }) => memory64).length),
      heapBytes: componentHeapBytes(facts, this.#spec),
    };
  }

  get memoryBytesMin(): number {
    const { facts } = this.#loaded;
    const elements = sumOf(facts, ({ tables }) => tableElementsMin({ tables: ownOf(tables) }));
    return componentBytesMin(facts) + elements * heap.perTableElement;
  }

  get mapped(): object | undefined {
    return this.#guest.firstMemory;
  }

  turn(): Promise<void> {
    return this.#guest.turn();
  }

  wait<T>(begin: (wake: (value: T) => void) => () => void, whenKilled: T): Promise<T> {
    return this.#guest.wait(begin, whenKilled);
  }

  /** The core instances are made by the generated code, when it runs. */
  instantiate(
    held: DisposableStack,
    preopens: readonly Preopen[],
    network: Network,
    streams: InstanceStreams,
  ): void {
    const host = new HostOfComponent(
      this.#shared,
      this.#spec,
      this.#guest,
      preopens,
      network,
      streams,
      (error) => this.#events.bug(error),
    );
    held.defer(() => host.close());
    const interfaces: Record<string, InterfaceMembers> = {};
    for (const name of this.#loaded.facts.imports) {
      const offered = offer.get(name);
      if (offered) interfaces[name] = offered.make(host);
    }
    this.#interfaces = interfaces;
    this.#finish = () => host.finish();
  }

  async run(): Promise<RunEnd> {
    const outcome = await this.#guest.run(this.#loaded, this.#interfaces, this.#finish);
    const { exitCode, fault } = this.#guest;
    if (exitCode !== undefined) return { kind: "exited", exitCode };
    if (this.#guest.exhausted) return fuelExhausted(this.fuelUsed, this.#spec.fuelMax ?? 0);
    if (outcome.kind === "returned") return { kind: "exited", exitCode: outcome.ok ? 0 : 1 };
    if (!fault) return { kind: "stopped" };
    if (fault.thrown instanceof MemoryUnavailable) throw fault.thrown;
    if (isOurBug(fault.thrown)) this.#events.bug(fault.thrown);
    return describeFault(fault.thrown, this.#guest.memoryBytes, this.#spec.memoryBytesMax);
  }

  kill(): void {
    this.#guest.kill();
  }

  close(): void {
    this.#closed = true;
    this.#guest.close();
    this.#interfaces = {};
  }
}
