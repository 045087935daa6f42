import type { RunEnd, RunSpec } from "../runtimes/runtime-driver.ts";
import { interfacesFor } from "../components/offer.ts";
import type { InterfaceMembers } from "../wasi/component-interfaces.ts";
import type { Preopen } from "../wasi/host.ts";
import type { Network } from "../wasi/sockets/network.ts";
import type { Needs } from "./budget.ts";
import { ComponentGuest } from "./component-guest.ts";
import type { ComponentOutcome } from "./component-script.ts";
import { HostOfComponent } from "./component-host.ts";
import { componentMemoryMin, componentNeeds } from "./component-needs.ts";
import type { HostedEvents, HostedGuest, HostedParts } from "./hosted-guest.ts";
import type { InstanceStreams, SharedHost } from "./instance-host.ts";
import type { LoadedComponent } from "./module-store.ts";
import { describeFault, isOurBug } from "./component-fault.ts";
import { noCommand } from "./refusal.ts";
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
    if (loaded.facts.run === undefined) throw noCommand(loaded.facts);
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
    return componentNeeds(this.#loaded.facts, this.#spec);
  }

  get memoryBytesMin(): number {
    return componentMemoryMin(this.#loaded.facts);
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
    this.#interfaces = interfacesFor(this.#loaded.facts, host);
    this.#finish = () => host.finish();
  }

  async run(): Promise<RunEnd> {
    const outcome = await this.#outcome();
    const { exitCode, fault } = this.#guest;
    if (exitCode !== undefined) return { kind: "exited", exitCode };
    if (this.#guest.exhausted) return fuelExhausted(this.fuelUsed, this.#spec.fuelMax ?? 0);
    if (outcome.kind === "returned") return { kind: "exited", exitCode: outcome.ok ? 0 : 1 };
    if (!fault) return { kind: "stopped" };
    if (fault.thrown instanceof MemoryUnavailable) throw fault.thrown;
    if (isOurBug(fault.thrown)) this.#events.bug(fault.thrown);
    return describeFault(fault.thrown, this.#guest.memoryBytes, this.#spec.memoryBytesMax);
  }

  /** Once no stack of it is left. */
  async #outcome(): Promise<ComponentOutcome> {
    const guest = this.#guest;
    const exports = await guest.instantiate(this.#loaded, this.#interfaces);
    const command = exports?.[this.#loaded.facts.run ?? ""];
    const outcome = command ? await guest.call(command["run"], []) : ({ kind: "ended" } as const);
    if (outcome.kind === "returned" && !guest.killed) await this.#finish();
    await guest.end();
    return outcome;
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
