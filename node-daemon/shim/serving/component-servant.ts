/** What all servants are that have an instance of a component: its guest, its host, and what they may have. */
import type { ComponentExports } from "../../components/bindings.ts";
import { interfacesFor } from "../../components/offer.ts";
import { limits } from "../../wasi/limits.ts";
import type { InterfaceMembers } from "../../wasi/component-interfaces.ts";
import { GuestTrap } from "../../wasi/component-resources.ts";
import type { Network } from "../../wasi/sockets/network.ts";
import { describeFault, isOurBug } from "../component-fault.ts";
import { ComponentGuest } from "../component-guest.ts";
import { HostOfComponent } from "../component-host.ts";
import { componentMemoryMin } from "../component-needs.ts";
import { MemoryUnavailable } from "../core-instances.ts";
import type { SharedHost } from "../instance-host.ts";
import { drainMs } from "../limits.ts";
import type { LoadedComponent } from "../module-store.ts";
import { emptyInput } from "../notice-input.ts";
import { InvalidOutput } from "../script-limits.ts";
import type { HandlerParts, Servant, Served, ServedRequest, ServantEvents } from "./handler.ts";

/**
 * One instance of the component:
 *
 *   new ── first request ─▶ made ─▶ serving ─▶ idle ─▶ serving … ── fault, kill ─▶ ended
 */
export abstract class ComponentServant implements Servant {
  readonly #loaded: LoadedComponent;
  readonly #events: ServantEvents;
  readonly #shared: SharedHost;
  readonly #network: Network;
  readonly #interfaces: Readonly<Record<string, InterfaceMembers>>;
  readonly #memoryBytesMin: number;
  protected readonly guest: ComponentGuest;
  protected readonly host: HostOfComponent;
  /** By how much its memories may grow in this turn. */
  #roomBytes = 0;
  /** What the request in hand may have. */
  #requestBytes = Number.POSITIVE_INFINITY;
  #closed = false;

  constructor(parts: HandlerParts, loaded: LoadedComponent, events: ServantEvents) {
    const { shared, queue, account, spec, preopens, network, stdout, stderr } = parts;
    this.#loaded = loaded;
    this.#events = events;
    this.#shared = shared;
    this.#network = network.share();
    this.#memoryBytesMin = componentMemoryMin(loaded.facts);
    this.guest = new ComponentGuest(
      queue,
      account,
      events,
      shared.timers,
      spec.memoryBytesMax,
      undefined,
      this,
    );
    this.host = new HostOfComponent(
      shared,
      spec,
      this.guest,
      preopens,
      this.#network,
      { stdin: emptyInput, stdout, stderr },
      (error) => events.bug(error),
    );
    this.#interfaces = interfacesFor(loaded.facts, this.host);
  }

  /** In the first turn of the request. */
  protected abstract answer(request: ServedRequest): Promise<Served>;

  get fuelUsed(): number {
    return this.guest.fuelUsed;
  }

  get memoryBytes(): number {
    return this.#closed ? 0 : this.guest.memoryBytes + this.guest.stackBytes;
  }

  get mapped(): object | undefined {
    return this.guest.firstMemory;
  }

  allow(roomBytes: number): void {
    this.#roomBytes = roomBytes;
    this.guest.allowMemory(this.#memoryBytesMax);
  }

  exceeded(): void {
    this.guest.failed(new GuestTrap("the memory limit is passed"));
  }

  turnOver(): void {
    this.guest.endTurn();
  }

  async serve(request: ServedRequest): Promise<Served> {
    try {
      this.guest.beginTurn();
      return await this.answer(request);
    } catch (thrown) {
      this.#events.bug(thrown);
      return failed("trapped", "a bug in the runtime, not in the component");
    }
  }

  kill(): void {
    this.guest.kill();
  }

  /** What a guest that did well has sent still goes out. */
  close(): void {
    this.#closed = true;
    const { killed } = this.guest;
    this.guest.close();
    this.host.close();
    if (killed || !this.#network.available) return this.#network.close();
    const late = new AbortController();
    const timer = this.#shared.clock.setTimer(drainMs, () => late.abort());
    void this.#network.drain(late.signal).then(() => timer.cancel());
  }

  /** What all its memories together may grow to, for the request in hand. */
  protected limitMemory(bytesMax: number): void {
    this.#requestBytes = bytesMax;
    this.allow(this.#roomBytes);
  }

  /** Undefined when it has failed, or was killed. */
  protected instantiate(): Promise<ComponentExports | undefined> {
    return this.guest.instantiate(this.#loaded, this.#interfaces);
  }

  /** What it leaves open, as guests with a garbage collector do, would break it some day. */
  protected get isWorn(): boolean {
    return this.host.resources.open > limits.resourcesMax / 2;
  }

  /** Why there will be no answer from it. */
  protected failure(): Served {
    const { exhausted, fault, memoryBytes, exitCode } = this.guest;
    if (exhausted) return failed("exhausted", "it has used all the fuel that one request may use");
    if (exitCode !== undefined) return failed("trapped", `it has ended itself with code ${exitCode}`);
    if (!fault) return failed("trapped", "it was stopped");
    if (fault.thrown instanceof InvalidOutput) return failed("invalid", fault.thrown.message);
    if (fault.thrown instanceof MemoryUnavailable) {
      return failed("exhausted", `instantiate the component: ${fault.thrown.message}`);
    }
    if (isOurBug(fault.thrown)) this.#events.bug(fault.thrown);
    const { message } = describeFault(fault.thrown, memoryBytes, this.#memoryBytesMax);
    const [what = ""] = message.split("\n", 1);
    return { ...failed("trapped", what), detail: message };
  }

  /** Before it is instantiated it has what it was promised. */
  get #memoryBytesMax(): number {
    const bytes = Math.max(this.guest.memoryBytes, this.#memoryBytesMin);
    return Math.min(bytes + this.#roomBytes, this.#requestBytes);
  }
}

type Failed = Served & { readonly kind: "failed" };

export function failed(reason: Failed["reason"], message: string): Failed {
  return { kind: "failed", reason, message, reusable: false };
}
