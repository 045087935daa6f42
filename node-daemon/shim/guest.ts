/**
 * The execution of one guest: how it suspends, goes on, is metered and is killed.
 *
 *             import suspends              its promise settles
 *   running ─────────────────▶ suspended ─────────────────────▶ runnable ──queue──▶ running
 *      │  └──fuel is spent───────────────────────────────────────▲  │
 *      └──▶ returned, trapped                          kill: at once ┘
 *
 * Invariants:
 * - One activation, so one suspended import at most, and one continuation that waits in the queue at most.
 * - A suspended stack is never dropped. `kill` sets the kill flag, empties the fuel and makes whatever the guest waits
 *   for settle; the guest then traps in its own code, through every handler it may have.
 * - An import does not throw into the guest, which could catch it: the functions of preview 1 answer EIO to a bug.
 */
import { type Account, Runnable } from "./account.ts";
import { errno } from "../wasi/abi.ts";
import { type Preview1, quickFunctions, type WasiAnswer, type WasiFunction } from "../wasi/preview1.ts";
import { wasiFunctions } from "../wasi/unstable.ts";
import type { ModuleFacts } from "../wasm/module-facts.ts";
import { engine, type WasmGlobal, type WasmImports, type WasmInstance } from "./engine.ts";
import { tableElementsCap } from "./footprint.ts";
import { fuelLimits, queueLimits } from "./limits.ts";
import type { LoadedModule } from "./module-store.ts";
import type { RunClass, RunQueue } from "./run-queue.ts";

export interface GuestEvents {
  bug(error: unknown): void;
  /** A turn of its own is over. */
  guestTurnOver?(): void;
}

interface Controls {
  readonly fuel: WasmGlobal;
  readonly kill: WasmGlobal;
  readonly stack: WasmGlobal;
  readonly memoryCap: WasmGlobal;
}

/** Where guests of one module come one after another, so that the imports are made once for all of them. */
export interface GuestSeat {
  readonly guest: Guest;
  readonly preview1: Preview1;
}

export interface GuestLimits {
  readonly memoryPagesMax: number;
  readonly stackBytesMax: number;
  /** Units of work; then it is killed, see `Guest.exhausted`. */
  readonly fuelMax: number | undefined;
}

/** Where a guest's function runs so that it may suspend. */
export interface GuestStack {
  call(exported: unknown): Promise<unknown>;
}

/** A new one for each call. */
const newStacks: GuestStack = { call: (exported) => engine.promising(exported)() };

type HostFunction = (...args: unknown[]) => unknown;

/** Ends the host's part of a call whose guest was killed. Reaches nobody. */
class Killed extends Error {}

export class Guest extends Runnable {
  readonly account: Account;
  readonly #queue: RunQueue;
  readonly #events: GuestEvents;
  #controls: Controls | undefined;
  #ready: (() => void) | undefined;
  #cancelWait: (() => void) | undefined;
  #cancelYield: (() => void) | undefined;
  /** What is to be waited for before the guest goes on after a call that can suspend. */
  afterCall: (() => Promise<void> | undefined) | undefined;
  #killed = false;
  #exitCode: number | undefined;
  #exhausted = false;
  readonly #limits: GuestLimits;
  /** Of `fuelUsed`. */
  #fuelMax: number | undefined;
  /** In its turns so far. */
  #turnsMs = 0;
  /** What `#ranMs` was when the slice began. */
  #sliceSinceMs = 0;
  #grant: number = fuelLimits.first;
  /** Units used up to the last time that the fuel was set, and what it was set to then. */
  #fuelUsed = 0;
  #fuelSet = 0;
  #calls = 0;
  /** The fuel was emptied by the clock, not by the guest. */
  #cutShort = false;

  constructor(queue: RunQueue, account: Account, limits: GuestLimits, events: GuestEvents) {
    super();
    this.#limits = limits;
    this.#fuelMax = limits.fuelMax;
    this.#queue = queue;
    this.account = account;
    this.#events = events;
  }

  get killed(): boolean {
    return this.#killed;
  }

  get exitCode(): number | undefined {
    return this.#exitCode;
  }

  /** It has used more fuel than it may. */
  get exhausted(): boolean {
    return this.#exhausted;
  }

  /** Of its call stack, as of its last call of the host. */
  get stackBytes(): number {
    return this.#controls ? this.#limits.stackBytesMax - this.#controls.stack.value : 0;
  }

  /** As a clock of the guest. */
  get cpuMs(): number {
    return this.account.clockMs(this.#queue.runningMs(this.account));
  }

  /** Units of work so far. While it runs, as of its last call of the host. */
  get fuelUsed(): number {
    return this.#fuelUsed + (this.#controls ? this.#fuelSet - this.#controls.fuel.value : 0);
  }

  /** For the work around the guest: what follows in the same turn is charged to it. */
  turn(): Promise<void> {
    return new Promise((resolve) => this.#continueAs("yielded", resolve));
  }

  /** Throws what the engine throws. Runs no code of the guest. The imports are those of its seat. */
  instantiate({ module, facts }: LoadedModule, imports: WasmImports): WasmInstance {
    const { hooks } = facts;
    const instance = new engine.Instance(module, imports);
    const global = (name: string) => instance.exports[name] as WasmGlobal;
    const memoryCap = global(hooks.memoryCap);
    memoryCap.value = this.#limits.memoryPagesMax;
    global(hooks.tableCap).value = tableElementsCap(facts);
    this.#controls = {
      fuel: global(hooks.fuel),
      kill: global(hooks.kill),
      stack: global(hooks.stack),
      memoryCap,
    };
    this.#fuelSet = this.#controls.fuel.value;
    this.#grantFuel();
    return instance;
  }

  /**
   * Runs the start section, then `_start`, each so that it may suspend, as every export must be called. Rejects with what
   * came out of the guest.
   */
  activate(
    instance: WasmInstance,
    startHook: string | undefined,
    stack: GuestStack = newStacks,
  ): Promise<unknown> {
    if (startHook === undefined) return this.#start(instance, stack);
    return this.#callOn(stack, instance, startHook).then(() => this.#start(instance, stack));
  }

  /** An export, so that it may suspend, on a stack of its own. Rejects with what came out of the guest. */
  call(instance: WasmInstance, name: string, ...args: readonly number[]): Promise<unknown> {
    if (this.#killed) return Promise.reject(new Killed());
    if (this.#controls) this.#controls.stack.value = this.#limits.stackBytesMax;
    return engine.promising(instance.exports[name])(...args);
  }

  /** From now on it may use so many units more. */
  allowFuel(units: number | undefined): void {
    this.#fuelMax = units === undefined ? undefined : this.fuelUsed + units;
    this.#grantFuel();
  }

  /** From now on its memories may reach so much together. */
  set memoryPagesMax(pages: number) {
    if (this.#controls) this.#controls.memoryCap.value = pages;
  }

  /** Drops what keeps the instance's memory alive. */
  close(): void {
    this.#killed = true;
    this.#fuelUsed = this.fuelUsed;
    this.#controls = undefined;
    this.#queue.remove(this);
  }

  #start(instance: WasmInstance, stack: GuestStack): Promise<unknown> {
    // A guest that a start section has ended has nothing more to do.
    return this.#killed ? Promise.resolve() : this.#callOn(stack, instance, "_start");
  }

  #callOn(stack: GuestStack, instance: WasmInstance, name: string): Promise<unknown> {
    if (this.#killed) return Promise.reject(new Killed());
    if (this.#controls) this.#controls.stack.value = this.#limits.stackBytesMax;
    return stack.call(instance.exports[name]);
  }

  // As the run queue sees it.

  resume(): void {
    const ready = this.#ready;
    this.#ready = undefined;
    this.#cancelYield = undefined;
    ready?.();
  }

  override over(wallMs: number): void {
    this.ran(wallMs);
    this.#events.guestTurnOver?.();
  }

  /** In a turn that was not its own. */
  ran(wallMs: number): void {
    this.#turnsMs += wallMs;
  }

  // As its host sees it.

  exit(code: number): void {
    if (this.#killed) return;
    this.#exitCode = code;
    this.kill();
  }

  kill(): void {
    if (this.#killed) return;
    this.#killed = true;
    if (this.#controls) {
      this.#controls.kill.value = 1;
      this.#setFuel(0);
    }
    this.#cancelWait?.();
    this.#cancelYield?.();
    if (this.#ready) this.#queue.push(this, "urgent");
  }

  wait<T>(begin: (wake: (value: T) => void) => () => void, whenKilled: T): Promise<T> {
    if (this.#killed) return Promise.resolve(whenKilled);
    return new Promise((resolve) => {
      let cancel: (() => void) | undefined;
      let over = false;
      const wake = (value: T) => {
        if (over) return;
        over = true;
        this.#cancelWait = undefined;
        this.#queue.caused(this.account);
        // What else it waited for is of no interest any more.
        cancel?.();
        resolve(value);
      };
      this.#cancelWait = () => wake(whenKilled);
      cancel = begin(wake);
      if (over) cancel();
    });
  }

  yield(): Promise<void> {
    if (this.#killed) return Promise.reject(new Killed());
    return new Promise((resolve, reject) => {
      this.#continueAs("yielded", resolve);
      this.#cancelYield = () => {
        this.#ready = undefined;
        this.#cancelYield = undefined;
        this.#queue.remove(this);
        reject(new Killed());
      };
    });
  }

  bug(error: unknown): void {
    if (!(error instanceof Killed)) this.#events.bug(error);
  }

  // As the guest sees it.

  static imports(facts: ModuleFacts, suspending: ReadonlySet<string>, seat: GuestSeat): WasmImports {
    const imports: WasmImports = {};
    for (const { module, name } of facts.imports) {
      const call = wasiFunctions.get(module)?.get(name);
      if (!call) continue;
      const names = (imports[module] ??= {});
      names[name] ??= suspending.has(name)
        ? new engine.Suspending(Guest.#suspending(seat, call))
        : Guest.#plain(seat, call, quickFunctions.has(name) ? 1 : fuelLimits.callsPerLook);
    }
    const { hooks } = facts;
    const outOfFuel = new engine.Suspending(() => seat.guest.#outOfFuel());
    (imports[hooks.module] ??= {})[hooks.yield] = outOfFuel;
    return imports;
  }

  static #plain(seat: GuestSeat, call: WasiFunction, weight: number): HostFunction {
    return (...args) => {
      const outcome = seat.preview1.call(call, ...args);
      seat.guest.#countCall(weight);
      return outcome;
    };
  }

  static #suspending(seat: GuestSeat, call: WasiFunction): HostFunction {
    return (...args) => seat.guest.#called(seat.preview1.call(call, ...args));
  }

  #called(outcome: WasiAnswer): unknown {
    this.#countCall(fuelLimits.callsPerLook);
    if (outcome instanceof Promise)
      return this.#inTurn(this.afterCall ? this.#thenSettled(outcome) : outcome);
    const settled = this.afterCall?.();
    return settled ? this.#inTurn(this.#untilKilled(settled).then(() => outcome ?? 0)) : this.#goOn(outcome);
  }

  /** A kill doesn't wait for it. */
  #untilKilled(settled: Promise<void> | undefined): Promise<void> {
    if (!settled) return Promise.resolve();
    return this.wait<void>((wake) => {
      const done = () => wake(undefined);
      settled.then(done, done);
      return () => {};
    }, undefined);
  }

  async #thenSettled(outcome: Promise<number>): Promise<number> {
    const value = await outcome;
    await this.#untilKilled(this.afterCall?.());
    return value;
  }

  /** Whatever settles it, the guest goes on only when it is its turn. */
  #inTurn(outcome: Promise<number>): Promise<number> {
    this.#queue.suspended(this);
    return new Promise((resolve) => {
      outcome.then(
        (value) => this.#continueAs("woken", () => resolve(value)),
        (thrown: unknown) => {
          this.bug(thrown);
          this.#continueAs("woken", () => resolve(errno.io));
        },
      );
    });
  }

  #outOfFuel(): unknown {
    if (this.#killed) return undefined;
    if (this.#fuelMax !== undefined && this.fuelUsed > this.#fuelMax) {
      this.#exhausted = true;
      this.kill();
      return undefined;
    }
    this.#refill();
    return this.#nextSlice(undefined);
  }

  /** After a call that did not have to wait: the clock may say that the slice is over all the same. */
  #goOn(value: unknown): unknown {
    if (!this.#cutShort || this.#killed) return value;
    this.#refill();
    return this.#nextSlice(value);
  }

  #nextSlice(value: unknown): unknown {
    if (this.#queue.mayContinue(this.account)) return value;
    this.#queue.suspended(this);
    return new Promise((resolve) => this.#continueAs("yielded", () => resolve(value)));
  }

  #continueAs(runClass: RunClass, ready: () => void): void {
    this.#ready = ready;
    this.#queue.push(this, this.#killed ? "urgent" : runClass);
  }

  /** The next grant is what would have taken one slice's time at the speed of this one. */
  #refill(): void {
    const tookMs = this.#ranMs - this.#sliceSinceMs;
    this.#sliceSinceMs += tookMs;
    if (!this.#cutShort) {
      const factor = Math.min(2, Math.max(1 / 16, queueLimits.sliceMs / Math.max(tookMs, 0.001)));
      this.#grant = Math.round(Math.min(fuelLimits.most, Math.max(fuelLimits.least, this.#grant * factor)));
    }
    this.#cutShort = false;
    this.#grantFuel();
  }

  /** No more than is left of what it may use: so it stops where the same run always stops. */
  #grantFuel(): void {
    const fuelMax = this.#fuelMax;
    this.#setFuel(fuelMax === undefined ? this.#grant : Math.min(this.#grant, fuelMax - this.fuelUsed));
  }

  #setFuel(units: number): void {
    if (!this.#controls) return;
    this.#fuelUsed = this.fuelUsed;
    this.#fuelSet = units;
    this.#controls.fuel.value = units;
  }

  get #ranMs(): number {
    return this.#turnsMs + this.#queue.runningMs(this.account);
  }

  #countCall(weight: number): void {
    this.#calls += weight;
    if (this.#calls < fuelLimits.callsPerLook) return;
    this.#calls = 0;
    if (this.#ranMs - this.#sliceSinceMs < queueLimits.sliceMs) return;
    this.#cutShort = true;
    this.#setFuel(0);
  }
}
