import type { ComponentExports } from "../../components/bindings.ts";
import { interfacesFor } from "../../components/offer.ts";
import type { InterfaceMembers } from "../../wasi/component-interfaces.ts";
import { limits } from "../../wasi/limits.ts";
import type { Network } from "../../wasi/sockets/network.ts";
import { ComponentGuest } from "../component-guest.ts";
import { HostOfComponent } from "../component-host.ts";
import type { WasmMemory } from "../engine.ts";
import type { GuestImports } from "../guest-imports.ts";
import type { HostedEvents } from "../hosted-guest.ts";
import type { SharedHost } from "../instance-host.ts";
import { drainMs } from "../limits.ts";
import type { LoadedComponent } from "../module-store.ts";
import { emptyInput } from "../notice-input.ts";
import type { HandlerParts, ServantEvents } from "./handler.ts";
import type { PotMember } from "./memory-pot.ts";

/** One instance of a component that serves, with all of the host that is its own. */
export class ComponentInstance {
  readonly #loaded: LoadedComponent;
  readonly #shared: SharedHost;
  readonly #network: Network;
  readonly #interfaces: Readonly<Record<string, InterfaceMembers>>;
  readonly guest: ComponentGuest;
  readonly host: HostOfComponent;
  #exports: ComponentExports | undefined;
  #didWell = false;
  /** Requests. */
  answered = 0;
  /** It has more of the heap than each has from the start. */
  tookHeap = false;

  constructor(
    parts: HandlerParts,
    loaded: LoadedComponent,
    imports: GuestImports,
    events: ServantEvents,
    member: PotMember,
  ) {
    const { shared, queue, account, spec, preopens, network, stdout, stderr } = parts;
    this.#loaded = loaded;
    this.#shared = shared;
    this.#network = network.share();
    const heap: Pick<HostedEvents, "needHeap"> = {
      needHeap: (bytes) => {
        this.tookHeap = true;
        return events.needHeap(bytes);
      },
    };
    this.guest = new ComponentGuest(
      queue,
      account,
      heap,
      shared.timers,
      spec.memoryBytesMax,
      undefined,
      member,
      imports,
    );
    const streams = { stdin: emptyInput, stdout, stderr };
    const bug = (error: unknown) => events.bug(error);
    this.host = new HostOfComponent(shared, spec, this.guest, preopens, this.#network, streams, bug);
    this.#interfaces = interfacesFor(loaded.facts, this.host);
  }

  /** What it leaves open, as guests with a garbage collector do, would break it some day. */
  get leaks(): boolean {
    return this.host.resources.open > limits.resourcesMax / 2;
  }

  get isMade(): boolean {
    return this.#exports !== undefined;
  }

  /** Made with the first call; undefined when it was killed meanwhile, or could not be made. */
  async exports(takeMemory: (() => WasmMemory) | undefined): Promise<ComponentExports | undefined> {
    return (this.#exports ??= await this.guest.instantiate(this.#loaded, this.#interfaces, takeMemory));
  }

  /** It has done well, and answers nothing more. Nothing of it runs when this resolves. */
  end(): Promise<void> {
    this.#didWell = !this.guest.killed;
    return this.guest.end();
  }

  /** What a guest that did well has sent still goes out. */
  close(): void {
    const broken = !this.#didWell && this.guest.killed;
    this.guest.close();
    this.host.close();
    if (broken || !this.#network.available) return this.#network.close();
    const late = new AbortController();
    const timer = this.#shared.clock.setTimer(drainMs, () => late.abort());
    void this.#network.drain(late.signal).then(() => timer.cancel());
  }
}
