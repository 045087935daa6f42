/** `handler: wasi-http`: components that export `wasi:http/incoming-handler` of WASI 0.2. */
import { interfacesFor } from "../../components/offer.ts";
import { httpContext } from "../../wasi/preview2/http-context.ts";
import { IncomingRequest } from "../../wasi/preview2/http-incoming.ts";
import { ResponseOutparam } from "../../wasi/preview2/http-outparam.ts";
import type { InterfaceMembers } from "../../wasi/component-interfaces.ts";
import { emptyInput } from "../notice-input.ts";
import type { Needs } from "../budget.ts";
import { describeFault, isOurBug } from "../component-fault.ts";
import { ComponentGuest } from "../component-guest.ts";
import { HostOfComponent } from "../component-host.ts";
import { componentMemoryMin, componentNeeds } from "../component-needs.ts";
import { MemoryUnavailable } from "../core-instances.ts";
import type { LoadedComponent } from "../module-store.ts";
import { noHandler } from "../refusal.ts";
import { fuelExhausted } from "../trap.ts";
import { ComponentExchange } from "./component-exchange.ts";
import type { Handler, HandlerParts, Servant, Served, ServantEvents, ServedRequest } from "./handler.ts";

export class ComponentHandler implements Handler {
  readonly #parts: HandlerParts;
  readonly #loaded: LoadedComponent;
  readonly #handler: string;

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

  servant(events: ServantEvents): Servant {
    return new ComponentServant(this.#parts, this.#loaded, this.#handler, events);
  }
}

type Handle = ((...args: unknown[]) => unknown) | undefined;

/**
 * One instance of the component:
 *
 *   new ── first request ─▶ made ─▶ serving ─▶ idle ─▶ serving … ── fault, kill ─▶ ended
 */
class ComponentServant implements Servant {
  readonly #parts: HandlerParts;
  readonly #loaded: LoadedComponent;
  readonly #handler: string;
  readonly #events: ServantEvents;
  readonly #guest: ComponentGuest;
  readonly #host: HostOfComponent;
  readonly #interfaces: Readonly<Record<string, InterfaceMembers>>;
  #handle: Handle;
  #potBytes: number;
  /** What the request in hand may have. */
  #requestBytes = Number.POSITIVE_INFINITY;
  #exchange: ComponentExchange | undefined;
  #closed = false;

  constructor(parts: HandlerParts, loaded: LoadedComponent, handler: string, events: ServantEvents) {
    const { shared, queue, account, spec, preopens, network, stdout, stderr } = parts;
    this.#parts = parts;
    this.#loaded = loaded;
    this.#handler = handler;
    this.#events = events;
    this.#potBytes = spec.memoryBytesMax;
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
      network,
      { stdin: emptyInput, stdout, stderr },
      (error) => events.bug(error),
    );
    this.#interfaces = interfacesFor(loaded.facts, this.#host);
  }

  get fuelUsed(): number {
    return this.#guest.fuelUsed;
  }

  get memoryBytes(): number {
    return this.#closed ? 0 : this.#guest.memoryBytes;
  }

  get mapped(): object | undefined {
    return this.#guest.firstMemory;
  }

  allow(bytesMax: number): void {
    this.#potBytes = bytesMax;
    this.#guest.allowMemory(Math.min(bytesMax, this.#requestBytes));
  }

  async serve(request: ServedRequest): Promise<Served> {
    try {
      return await this.#serve(request);
    } catch (thrown) {
      this.#events.bug(thrown);
      return { kind: "failed", reason: "trapped", message: "a bug in the runtime, not in the component" };
    }
  }

  async #serve(request: ServedRequest): Promise<Served> {
    const guest = this.#guest;
    // In a turn of its own, as the guest measures its slices.
    await guest.turn();
    this.#requestBytes = request.memoryBytesMax;
    this.allow(this.#potBytes);
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
    return served;
  }

  async #make(): Promise<Handle> {
    const exports = await this.#guest.instantiate(this.#loaded, this.#interfaces);
    return exports?.[this.#handler]?.["handle"];
  }

  /** Why there will be no answer from it. */
  #failed(): Served {
    const { exhausted, fault, memoryBytes, exitCode } = this.#guest;
    if (exhausted) {
      const { message } = fuelExhausted(this.fuelUsed, this.#parts.spec.fuelMax ?? 0);
      return { kind: "failed", reason: "exhausted", message };
    }
    if (exitCode !== undefined) {
      return {
        kind: "failed",
        reason: "trapped",
        message: `the handler has ended itself with code ${exitCode}`,
      };
    }
    if (!fault) return { kind: "failed", reason: "trapped", message: "it was stopped" };
    if (fault.thrown instanceof MemoryUnavailable) {
      return {
        kind: "failed",
        reason: "exhausted",
        message: `instantiate the component: ${fault.thrown.message}`,
      };
    }
    if (isOurBug(fault.thrown)) this.#events.bug(fault.thrown);
    const { message } = describeFault(
      fault.thrown,
      memoryBytes,
      Math.min(this.#potBytes, this.#requestBytes),
    );
    return { kind: "failed", reason: "trapped", message };
  }

  kill(): void {
    this.#guest.kill();
    this.#exchange?.stop();
  }

  close(): void {
    this.#closed = true;
    this.#guest.close();
    this.#host.close();
  }
}
