/** What all servants are that have an instance of a component: what it may have, how it fails, and who comes after it. */
import type { ComponentExports } from "../../components/bindings.ts";
import { GuestTrap } from "../../wasi/component-resources.ts";
import { describeFault, isOurBug } from "../component-fault.ts";
import type { ComponentGuest } from "../component-guest.ts";
import { componentMemoryMin } from "../component-needs.ts";
import { MemoryUnavailable } from "../core-instances.ts";
import type { WasmMemory } from "../engine.ts";
import { GuestImports } from "../guest-imports.ts";
import type { LoadedComponent } from "../module-store.ts";
import { InvalidOutput } from "../script-limits.ts";
import { ComponentInstance } from "./component-instance.ts";
import type { HandlerParts, Servant, Served, ServedRequest, ServantEvents } from "./handler.ts";
import { RecycledMemory } from "./recycled-memory.ts";

/** How long an instance is used. */
export interface InstanceLife {
  readonly requestsPerInstance: number;
}

/**
 * An instance of the component, and the next one where that can have the memory of the one before:
 *
 *   none ── request ─▶ made ─▶ serving ─▶ idle ─▶ serving … ── fault, kill ─▶ ended
 *    ▲                            └─ it has answered all that it may ─┐
 *    └────── nothing of it is left that reads or writes its memory ───┴─▶ ended
 */
export abstract class ComponentServant implements Servant {
  readonly #parts: HandlerParts;
  readonly #loaded: LoadedComponent;
  readonly #events: ServantEvents;
  readonly #life: InstanceLife;
  readonly #memoryBytesMin: number;
  readonly #recycled: RecycledMemory | undefined;
  readonly #takeMemory: (() => WasmMemory) | undefined;
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
  #closed = false;

  constructor(parts: HandlerParts, loaded: LoadedComponent, events: ServantEvents, life: InstanceLife) {
    this.#parts = parts;
    this.#loaded = loaded;
    this.#events = events;
    this.#life = life;
    this.#memoryBytesMin = componentMemoryMin(loaded.facts);
    const recycled = recycledFor(parts, loaded);
    this.#recycled = recycled;
    this.#takeMemory = recycled && (() => (this.#given = recycled.take()));
  }

  /** In the first turn of the request. */
  protected abstract answer(instance: ComponentInstance, request: ServedRequest): Promise<Served>;

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

  /** Its instance may answer less than it was to, as was found of another one. */
  get worn(): boolean {
    return (this.#instance?.answered ?? 0) >= this.#life.requestsPerInstance;
  }

  allow(roomBytes: number): void {
    this.#roomBytes = roomBytes;
    this.#instance?.guest.allowMemory(this.#memoryBytesMax);
  }

  exceeded(): void {
    this.#instance?.guest.failed(new GuestTrap("the memory limit is passed"));
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
    instance.guest.beginTurn();
    const served = await this.answer(instance, request);
    if (served.kind === "failed" || !served.reusable) return served;
    const worn = ++instance.answered >= this.#life.requestsPerInstance || instance.leaks;
    if (!worn) return served;
    return (await this.#leave(instance)) ? served : { ...served, reusable: false };
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

  kill(): void {
    this.#instance?.guest.kill();
  }

  rest(): void {
    this.#recycled?.drop();
  }

  close(): void {
    this.#closed = true;
    this.#recycled?.drop();
    this.#instance?.close();
  }

  /** What all its memories together may grow to, for the request in hand. */
  protected limitMemory(bytesMax: number): void {
    this.#requestBytes = bytesMax;
    this.allow(this.#roomBytes);
  }

  /** Undefined when it has failed, or was killed. */
  protected exportsOf(instance: ComponentInstance): Promise<ComponentExports | undefined> {
    return instance.exports(this.#takeMemory);
  }

  /** Why there will be no answer from it. */
  protected failure({ exhausted, fault, memoryBytes, exitCode }: ComponentGuest): Served {
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

  /** Before it is instantiated it has what it was promised, or what is kept for it. */
  get #memoryBytesMax(): number {
    const guestBytes = this.#instance?.guest.memoryBytes ?? 0;
    const bytes = Math.max(guestBytes, this.#memoryBytesMin, this.#recycled?.bytes ?? 0);
    return Math.min(bytes + this.#roomBytes, this.#requestBytes);
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

type Failed = Served & { readonly kind: "failed" };

export function failed(reason: Failed["reason"], message: string): Failed {
  return { kind: "failed", reason, message, reusable: false };
}
