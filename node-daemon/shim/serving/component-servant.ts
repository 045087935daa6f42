import { httpContext } from "../../wasi/preview2/http-context.ts";
import { IncomingRequest } from "../../wasi/preview2/http-incoming.ts";
import { ResponseOutparam } from "../../wasi/preview2/http-outparam.ts";
import { GuestTrap } from "../../wasi/component-resources.ts";
import { describeFault, isOurBug } from "../component-fault.ts";
import type { ComponentGuest } from "../component-guest.ts";
import { componentMemoryMin } from "../component-needs.ts";
import { MemoryUnavailable } from "../core-instances.ts";
import type { WasmMemory } from "../engine.ts";
import { GuestImports } from "../guest-imports.ts";
import type { LoadedComponent } from "../module-store.ts";
import { ComponentExchange } from "./component-exchange.ts";
import { ComponentInstance } from "./component-instance.ts";
import type { HandlerParts, Servant, Served, ServantEvents, ServedRequest } from "./handler.ts";
import { RecycledMemory } from "./recycled-memory.ts";

/** How long an instance is used. */
export interface InstanceLife {
  readonly requestsPerInstance: number;
  /** It was found that one answers one request only. */
  onlyOnce(): void;
}

/**
 * An instance of the component, and the next one where that can have the memory of the one before:
 *
 *   none ── request ─▶ made ─▶ serving ─▶ idle ─▶ serving … ── fault, kill ─▶ ended
 *    ▲                            └─ it has answered all that it may ─┐
 *    └────── nothing of it is left that reads or writes its memory ───┴─▶ ended
 */
export class ComponentServant implements Servant {
  readonly #parts: HandlerParts;
  readonly #loaded: LoadedComponent;
  readonly #handler: string;
  readonly #events: ServantEvents;
  readonly #life: InstanceLife;
  readonly #memoryBytesMin: number;
  readonly #recycled: RecycledMemory | undefined;
  readonly #imports = new GuestImports();
  #instance: ComponentInstance | undefined;
  /** The instance has it from here. */
  #given: WasmMemory | undefined;
  /** Of instances that are gone. */
  #fuelUsed = 0;
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
    life: InstanceLife,
  ) {
    this.#parts = parts;
    this.#loaded = loaded;
    this.#handler = handler;
    this.#events = events;
    this.#life = life;
    this.#memoryBytesMin = componentMemoryMin(loaded.facts);
    this.#recycled = recycledFor(parts, loaded);
  }

  get fuelUsed(): number {
    return this.#fuelUsed + (this.#instance?.guest.fuelUsed ?? 0);
  }

  get memoryBytes(): number {
    return this.#closed ? 0 : this.#instanceBytes + (this.#recycled?.bytes ?? 0);
  }

  get #instanceBytes(): number {
    const guest = this.#instance?.guest;
    return guest ? guest.memoryBytes + guest.stackBytes : 0;
  }

  get mapped(): object | undefined {
    return this.#instance?.guest.firstMemory ?? this.#recycled?.kept;
  }

  allow(roomBytes: number): void {
    this.#roomBytes = roomBytes;
    this.#instance?.guest.allowMemory(this.#memoryBytesMax);
  }

  exceeded(): void {
    this.#instance?.guest.failed(new GuestTrap("the memory limit is passed"));
  }

  /** Before it is instantiated it has what it was promised, or what is kept for it. */
  get #memoryBytesMax(): number {
    const guestBytes = this.#instance?.guest.memoryBytes ?? 0;
    const bytes = Math.max(guestBytes, this.#memoryBytesMin, this.#recycled?.bytes ?? 0);
    return Math.min(bytes + this.#roomBytes, this.#requestBytes);
  }

  turnOver(): void {
    this.#instance?.guest.endTurn();
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
    const instance = (this.#instance ??= new ComponentInstance(
      this.#parts,
      this.#loaded,
      this.#imports,
      this.#events,
      this,
    ));
    const { guest } = instance;
    guest.beginTurn();
    this.#requestBytes = request.memoryBytesMax;
    this.allow(this.#roomBytes);
    guest.allowFuel(request.fuelMax);
    const served = await this.#answer(instance, request);
    if (served.kind === "failed" || !served.reusable) return served;
    const worn = ++instance.answered >= this.#life.requestsPerInstance || instance.leaks;
    if (!worn) return served;
    return (await this.#leave(instance)) ? served : { ...served, reusable: false };
  }

  async #answer(instance: ComponentInstance, request: ServedRequest): Promise<Served> {
    const { guest } = instance;
    const recycled = this.#recycled;
    const handle = await instance.handle(this.#handler, recycled && (() => (this.#given = recycled.take())));
    if (guest.killed) return this.#failed(guest);
    const exchange = new ComponentExchange(request);
    this.#exchange = exchange;
    const context = httpContext(instance.host);
    const answer = new ResponseOutparam(context, exchange);
    const outcome = await guest.call(handle, [new IncomingRequest(context, exchange), answer]);
    if (outcome.kind === "ended") {
      await guest.end();
      return this.#failed(guest);
    }
    answer.returned();
    const served = await exchange.over;
    this.#exchange = undefined;
    if (guest.killed) return this.#failed(guest);
    if (served.kind === "failed" && !request.answer.began && instance.answered === 1) {
      this.#life.onlyOnce();
      return {
        ...served,
        message: `${served.message}: its instances may answer one request only; from now on each has a fresh one`,
      };
    }
    return served;
  }

  /** True: the next request has a fresh instance here. */
  async #leave(instance: ComponentInstance): Promise<boolean> {
    const { guest } = instance;
    await instance.end();
    const given = this.#given;
    if (instance.tookHeap || !guest.settled || !given || this.#recycled?.giveBack(given) !== true)
      return false;
    this.#fuelUsed += guest.fuelUsed;
    this.#instance = undefined;
    this.#given = undefined;
    instance.close();
    return true;
  }

  /** Why there will be no answer from it. */
  #failed({ exhausted, fault, memoryBytes, exitCode }: ComponentGuest): Served {
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
    this.#instance?.guest.kill();
    this.#exchange?.stop();
  }

  rest(): void {
    this.#recycled?.drop();
  }

  close(): void {
    this.#closed = true;
    this.#recycled?.drop();
    this.#instance?.close();
  }
}

function recycledFor(
  { spec, serving }: HandlerParts,
  { givenMemory }: LoadedComponent,
): RecycledMemory | undefined {
  const [memory] = givenMemory?.facts.facts.memories ?? [];
  if (!givenMemory || !memory) return undefined;
  // What each place may keep, so that what is kept by some is not what others lack.
  const keepBytesMax = Math.floor(spec.memoryBytesMax / serving.concurrency);
  const mayHaveGrown = givenMemory.facts.facts.mode === "recyclable-component";
  return new RecycledMemory({ memory, mayHaveGrown, keepBytesMax });
}

function failed(reason: "trapped" | "exhausted", message: string): Served & { readonly kind: "failed" } {
  return { kind: "failed", reason, message, reusable: false };
}
