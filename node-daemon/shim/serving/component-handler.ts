/** `handler: wasi-http`: components that export `wasi:http/incoming-handler` of WASI 0.2. */
import { interfacesFor } from "../../components/offer.ts";
import { httpContext } from "../../wasi/preview2/http-context.ts";
import { IncomingRequest } from "../../wasi/preview2/http-incoming.ts";
import { ResponseOutparam } from "../../wasi/preview2/http-outparam.ts";
import { limits } from "../../wasi/limits.ts";
import type { InterfaceMembers } from "../../wasi/component-interfaces.ts";
import { emptyInput } from "../notice-input.ts";
import type { Needs } from "../budget.ts";
import { describeFault, isOurBug } from "../component-fault.ts";
import { drainMs } from "../limits.ts";
import type { SharedHost } from "../instance-host.ts";
import type { Network } from "../../wasi/sockets/network.ts";
import { ComponentGuest } from "../component-guest.ts";
import { GuestTrap } from "../../wasi/component-resources.ts";
import { HostOfComponent } from "../component-host.ts";
import { componentMemoryMin, componentNeeds } from "../component-needs.ts";
import { MemoryUnavailable } from "../core-instances.ts";
import type { LoadedComponent } from "../module-store.ts";
import { noHandler } from "../refusal.ts";
import { ComponentExchange } from "./component-exchange.ts";
import type { Handler, HandlerParts, Servant, Served, ServantEvents, ServedRequest } from "./handler.ts";

export class ComponentHandler implements Handler {
  readonly #parts: HandlerParts;
  readonly #loaded: LoadedComponent;
  readonly #handler: string;
  /** It was found that an instance of it answers one request only, as those do that listen for a FetchEvent. */
  #once = false;

  constructor(parts: HandlerParts, loaded: LoadedComponent) {
    const { handler } = loaded.facts;
    if (handler === undefined) throw noHandler();
    this.#handler = handler;
    this.#parts = parts;
    this.#loaded = loaded;
  }

  get needs(): Needs {
    return componentNeeds(this.#loaded.facts, this.#parts.spec);
  }

  get memoryBytesMin(): number {
    return componentMemoryMin(this.#loaded.facts);
  }

  get requestsPerServant(): number {
    return this.#once ? 1 : this.#parts.serving.requestsPerInstance;
  }

  servant(events: ServantEvents): Servant {
    return new ComponentServant(this.#parts, this.#loaded, this.#handler, events, () => (this.#once = true));
  }
}

type Handle = ((...args: unknown[]) => unknown) | undefined;

/**
 * One instance of the component:
 *
 *   new ── first request ─▶ made ─▶ serving ─▶ idle ─▶ serving … ── fault, kill ─▶ ended
 */
class ComponentServant implements Servant {
  readonly #loaded: LoadedComponent;
  readonly #handler: string;
  readonly #events: ServantEvents;
  readonly #onlyOnce: () => void;
  #answered = 0;
  readonly #shared: SharedHost;
  readonly #network: Network;
  readonly #guest: ComponentGuest;
  readonly #host: HostOfComponent;
  readonly #interfaces: Readonly<Record<string, InterfaceMembers>>;
  #handle: Handle;
  readonly #memoryBytesMin: number;
  /** By how much its memories may grow in this turn. */
  #roomBytes = 0;
  /** What the request in hand may have. */
  #requestBytes = Number.POSITIVE_INFINITY;
  #exchange: ComponentExchange | undefined;
  #closed = false;

  constructor(
    parts: HandlerParts,
    loaded: LoadedComponent,
    handler: string,
    events: ServantEvents,
    onlyOnce: () => void,
  ) {
    const { shared, queue, account, spec, preopens, network, stdout, stderr } = parts;
    this.#loaded = loaded;
    this.#handler = handler;
    this.#events = events;
    this.#onlyOnce = onlyOnce;
    this.#shared = shared;
    this.#network = network.share();
    this.#memoryBytesMin = componentMemoryMin(loaded.facts);
    this.#guest = new ComponentGuest(
      queue,
      account,
      events,
      shared.timers,
      spec.memoryBytesMax,
      undefined,
      this,
    );
    this.#host = new HostOfComponent(
      shared,
      spec,
      this.#guest,
      preopens,
      this.#network,
      { stdin: emptyInput, stdout, stderr },
      (error) => events.bug(error),
    );
    this.#interfaces = interfacesFor(loaded.facts, this.#host);
  }

  get fuelUsed(): number {
    return this.#guest.fuelUsed;
  }

  get memoryBytes(): number {
    return this.#closed ? 0 : this.#guest.memoryBytes + this.#guest.stackBytes;
  }

  get mapped(): object | undefined {
    return this.#guest.firstMemory;
  }

  allow(roomBytes: number): void {
    this.#roomBytes = roomBytes;
    this.#guest.allowMemory(this.#memoryBytesMax);
  }

  exceeded(): void {
    this.#guest.failed(new GuestTrap("the memory limit is passed"));
  }

  /** Before it is instantiated it has what it was promised. */
  get #memoryBytesMax(): number {
    const bytes = Math.max(this.#guest.memoryBytes, this.#memoryBytesMin);
    return Math.min(bytes + this.#roomBytes, this.#requestBytes);
  }

  turnOver(): void {
    this.#guest.endTurn();
  }

  async serve(request: ServedRequest): Promise<Served> {
    try {
      return await this.#serve(request);
    } catch (thrown) {
      this.#events.bug(thrown);
      return failed("trapped", "a bug in the runtime, not in the component");
    }
  }

  async #serve(request: ServedRequest): Promise<Served> {
    const guest = this.#guest;
    guest.beginTurn();
    this.#requestBytes = request.memoryBytesMax;
    this.allow(this.#roomBytes);
    guest.allowFuel(request.fuelMax);
    this.#handle ??= await this.#make();
    if (guest.killed) return this.#failed();
    const exchange = new ComponentExchange(request);
    this.#exchange = exchange;
    const context = httpContext(this.#host);
    const answer = new ResponseOutparam(context, exchange);
    const outcome = await guest.call(this.#handle, [new IncomingRequest(context, exchange), answer]);
    if (outcome.kind === "ended") {
      await guest.end();
      return this.#failed();
    }
    answer.returned();
    const served = await exchange.over;
    this.#exchange = undefined;
    if (guest.killed) return this.#failed();
    if (served.kind === "failed" && !request.answer.began && this.#answered === 1) {
      this.#onlyOnce();
      return {
        ...served,
        message: `${served.message}: its instances may answer one request only; from now on each has a fresh one`,
      };
    }
    this.#answered++;
    // What it leaves open, as guests with a garbage collector do, would break it some day.
    const worn = this.#host.resources.open > limits.resourcesMax / 2;
    return worn && served.reusable ? { ...served, reusable: false } : served;
  }

  async #make(): Promise<Handle> {
    const exports = await this.#guest.instantiate(this.#loaded, this.#interfaces);
    return exports?.[this.#handler]?.["handle"];
  }

  /** Why there will be no answer from it. */
  #failed(): Served {
    const { exhausted, fault, memoryBytes, exitCode } = this.#guest;
    if (exhausted) return failed("exhausted", "it has used all the fuel that one request may use");
    if (exitCode !== undefined)
      return failed("trapped", `the handler has ended itself with code ${exitCode}`);
    if (!fault) return failed("trapped", "it was stopped");
    if (fault.thrown instanceof MemoryUnavailable) {
      return failed("exhausted", `instantiate the component: ${fault.thrown.message}`);
    }
    if (isOurBug(fault.thrown)) this.#events.bug(fault.thrown);
    const { message } = describeFault(fault.thrown, memoryBytes, this.#memoryBytesMax);
    const [what = ""] = message.split("\n", 1);
    return { ...failed("trapped", what), detail: message };
  }

  kill(): void {
    this.#guest.kill();
    this.#exchange?.stop();
  }

  /** What a guest that did well has sent still goes out. */
  close(): void {
    this.#closed = true;
    const { killed } = this.#guest;
    this.#guest.close();
    this.#host.close();
    if (killed || !this.#network.available) return this.#network.close();
    const late = new AbortController();
    const timer = this.#shared.clock.setTimer(drainMs, () => late.abort());
    void this.#network.drain(late.signal).then(() => timer.cancel());
  }
}

function failed(reason: "trapped" | "exhausted", message: string): Served & { readonly kind: "failed" } {
  return { kind: "failed", reason, message, reusable: false };
}
