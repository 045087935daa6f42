/**
 * The execution of one component: what `Guest` is to a core module. Between the host and its core instances stands the
 * generated code, which may keep several stacks of the guest at a time.
 *
 *   generated code ── promising ─▶ stack runs ── Suspending import, no fuel ─▶ suspended ── settled ─▶ queue ─▶ runs
 *        │  └───── export ─▶ synchronous call: a grant of fuel, no suspending
 *        └─ wait, timer ─▶ settles in a turn of the queue
 *
 * Invariants:
 * - All stacks share their fuel and their slice, and all of their time, and the generated code's, is charged here. Whatever
 *   lets the guest or the generated code go on happens in a turn of the queue, which lasts until no microtask is left.
 * - A suspended stack is never dropped: `kill` settles all of them, whatever the generated code still waits for, and each
 *   traps. The run is over only when none is left.
 * - The generated code notes which task runs, and believes that a stack goes on in the microtask after its import has settled.
 *   Here others may run in between: so what was noted is kept for each stack, and a stack that was suspended goes on as the
 *   first microtask of a turn, with its notes put back.
 * - What the generated code throws into the guest, or leaves unhandled, is a trap of the component: the guest cannot handle
 *   it, as it is killed at the same time.
 */
import type { InterfaceMembers } from "../wasi/component-interfaces.ts";
import type { Clock } from "../../kit/clock.ts";
import type { Account } from "./account.ts";
import { Continuation, type TakesTurns } from "./continuation.ts";
import { GuestTrap } from "../wasi/component-resources.ts";
import { GuestEnded } from "../wasi/host.ts";
import type { ComponentExports } from "../components/bindings.ts";
import {
  callExport,
  type ComponentOutcome,
  type CoreModule,
  instantiateScript,
  type ScriptParts,
} from "./component-script.ts";
import { CoreInstances, type GivenMemory, type SyncCalls } from "./core-instances.ts";
import { engine, type WasmImports, type WasmMemory } from "./engine.ts";
import { GuestImports, type HostFunction, type ImportingGuest } from "./guest-imports.ts";
import type { HostedEvents } from "./hosted-guest.ts";
import { fuelLimits, queueLimits } from "./limits.ts";
import type { LoadedComponent } from "./module-store.ts";
import type { RunClass, RunQueue } from "./run-queue.ts";
import { ScriptTimers } from "./script-globals.ts";
import type { PotMember } from "./serving/memory-pot.ts";
import { ScriptLimits } from "./script-limits.ts";

export class ComponentGuest implements SyncCalls, ImportingGuest, TakesTurns {
  readonly account: Account;
  /** Whose memory it takes, where several share a limit. */
  readonly member: PotMember | undefined;
  readonly #queue: RunQueue;
  readonly #imports: GuestImports;
  readonly #cores: CoreInstances;
  readonly #timers: ScriptTimers;
  readonly #limits: ScriptLimits;
  /** Those that wait in the queue. */
  readonly #queued = new Set<Continuation>();
  /** How to end each wait of the host, and each suspended import. */
  readonly #waits = new Set<() => void>();
  readonly #unwound = Promise.withResolvers<void>();
  /** Ends the call that is waited for. */
  #onUnwound = () => {};
  #stacks = 0;
  /** Calls of the host that were not done when they returned: the generated code writes their results into the guest's memory. */
  #unanswered = 0;
  #inTurn = false;
  /** In this turn something has happened that the generated code may wait for. */
  #active = false;
  #killed = false;
  #exitCode: number | undefined;
  #fault: { readonly thrown: unknown } | undefined;
  /** What it has used of its slice in turns that are over, and when this one began. */
  #sliceRanMs = 0;
  #turnBeganMs = 0;
  #grant: number = fuelLimits.first;
  #spent = false;
  #calls = 0;
  #given: (GivenMemory & { readonly file: string }) | undefined;
  /** What the generated code notes. */
  readonly #tasks: Record<string, unknown> = {};
  #fuelMax: number | undefined;
  #exhausted = false;

  constructor(
    queue: RunQueue,
    account: Account,
    events: Pick<HostedEvents, "needHeap">,
    clock: Pick<Clock, "setTimer">,
    memoryBytesMax: number,
    fuelMax: number | undefined,
    member?: PotMember,
    imports: GuestImports = new GuestImports(),
  ) {
    this.member = member;
    this.#imports = imports;
    imports.enter(this);
    this.#fuelMax = fuelMax;
    this.#queue = queue;
    this.account = account;
    this.#cores = new CoreInstances(this, imports, memoryBytesMax);
    void this.#unwound.promise.then(() => this.#onUnwound());
    this.#limits = new ScriptLimits(memoryBytesMax, {
      needHeap: (bytes) => events.needHeap(bytes),
      broken: (thrown) => this.failed(thrown),
      hostDone: () => this.#timers.ask(),
    });
    this.#timers = new ScriptTimers(clock, (callback) => {
      this.#continueAs("woken", () => this.guarded(callback));
    });
  }

  get killed(): boolean {
    return this.#killed;
  }

  get exitCode(): number | undefined {
    return this.#exitCode;
  }

  /** The first that went wrong, unless it was killed before. */
  get fault(): { readonly thrown: unknown } | undefined {
    return this.#fault;
  }

  /** It has used more fuel than it may. */
  get exhausted(): boolean {
    return this.#exhausted;
  }

  /** As a clock of the guest. */
  get cpuMs(): number {
    return this.account.clockMs(this.#queue.runningMs(this.account));
  }

  /** Units of work so far, of all its core instances. */
  get fuelUsed(): number {
    return this.#cores.fuelUsed;
  }

  get memoryBytes(): number {
    return this.#cores.memoryBytes;
  }

  /** Of its call stack, while one is suspended. */
  get stackBytes(): number {
    return this.#stacks > 0 ? this.#cores.stackBytes : 0;
  }

  get firstMemory(): WasmMemory | undefined {
    return this.#cores.firstMemory;
  }

  /** Nothing reads or writes its memory any more. */
  get settled(): boolean {
    return this.#killed && this.#stacks === 0 && this.#unanswered === 0;
  }

  /** Makes the core instances. Undefined when it has failed, or was killed; never rejects. */
  async instantiate(
    loaded: LoadedComponent,
    interfaces: Readonly<Record<string, InterfaceMembers>>,
    takeMemory?: () => WasmMemory,
  ): Promise<ComponentExports | undefined> {
    const { givenMemory } = loaded;
    if (givenMemory && takeMemory) {
      this.#given = { file: givenMemory.facts.file, name: givenMemory.name, take: takeMemory };
    }
    return this.#orUnwound(instantiateScript(loaded, interfaces, this.#scriptParts));
  }

  /** Resolves when the call is over, or no stack of the guest is left; never rejects. */
  async call(
    exported: ((...args: unknown[]) => unknown) | undefined,
    args: readonly unknown[],
  ): Promise<ComponentOutcome> {
    return (await this.#orUnwound(callExport(exported, args, this))) ?? { kind: "ended" };
  }

  /** Nothing of it runs any more when it resolves. */
  async end(): Promise<void> {
    this.kill();
    await this.#unwound.promise;
  }

  /** From now on it may use so many units of work more. */
  allowFuel(units: number | undefined): void {
    this.#fuelMax = units === undefined ? undefined : this.fuelUsed + units;
    if (!this.#killed && !this.#spent) this.#cores.setFuel(this.#grantNow());
  }

  /** Ends it if it has used too much since it was last given fuel: what cannot be suspended may have. */
  checkFuel(): void {
    this.#grantNow();
  }

  /** What its memories may grow to together, from its next turn on. */
  allowMemory(bytesMax: number): void {
    if (this.#cores.allow(bytesMax) < 0) this.failed(new GuestTrap("the memory limit is passed"));
  }

  /** Of what a function answers that is called with bytes. */
  allowOutput(bytesMax: number): void {
    this.#limits.allowOutput(bytesMax);
  }

  /** As the generated code uses it. */
  get #scriptParts(): ScriptParts {
    return {
      timers: this.#timers,
      limits: this.#limits,
      tasks: this.#tasks,
      guarded: (callback) => this.guarded(callback),
      instantiateCore: (core, imports) => this.#instantiateCore(core, imports),
      instantiateOwn: (module, imports) => this.#cores.instantiateOwn(module, imports),
      promising: (exported) => this.#promising(this.#cores.rawOf(exported)),
      failed: (thrown) => this.failed(thrown),
    };
  }

  /** A start section runs first, so that it may suspend. */
  #instantiateCore({ module, facts }: CoreModule, imports: WasmImports): unknown {
    const fuel = this.#spent ? 0 : this.#grantNow();
    const given = this.#given?.file === facts.file ? this.#given : undefined;
    const instance = this.#cores.instantiate(module, facts, imports, fuel, given);
    const shown = { exports: this.#cores.exportsOf(instance) };
    const { start } = facts.facts.hooks;
    if (start === undefined) return shown;
    return this.#promising(instance.exports[start])().then(() => shown);
  }

  close(): void {
    this.kill();
    this.#timers.close();
    for (const continuation of this.#queued) this.#queue.remove(continuation);
    this.#queued.clear();
    if (this.#stacks === 0) this.#imports.leave(this);
  }

  // As the run queue sees it.

  /** Without a continuation: the turn is that of whoever calls it, who says when it is over. */
  beginTurn(continuation?: Continuation): void {
    if (continuation) this.#queued.delete(continuation);
    this.#inTurn = true;
    this.#turnBeganMs = this.#queue.now();
    this.#limits.begin();
    if (this.#spent) this.#refill();
  }

  endTurn(): void {
    this.#sliceRanMs = this.#sliceMs;
    this.#inTurn = false;
    if (this.#active) this.#timers.ask();
    this.#active = false;
  }

  // As its host sees it.

  turn(): Promise<void> {
    return new Promise((resolve) => this.#continueAs("yielded", resolve));
  }

  exit(code: number): never {
    if (!this.#killed) {
      this.#exitCode = code;
      this.kill();
    }
    throw new GuestEnded();
  }

  kill(): void {
    if (this.#killed) return;
    this.#killed = true;
    this.#cores.kill();
    this.#timers.close();
    for (const end of this.#waits) end();
    this.#waits.clear();
    for (const continuation of this.#queued) this.#queue.push(continuation, "urgent");
    if (this.#stacks === 0) this.#unwound.resolve();
  }

  wait<T>(begin: (wake: (value: T) => void) => () => void, whenKilled: T): Promise<T> {
    if (this.#killed) return Promise.resolve(whenKilled);
    return new Promise((resolve) => {
      let cancel: (() => void) | undefined;
      let over = false;
      const finish = () => {
        over = true;
        this.#waits.delete(end);
        cancel?.();
      };
      const end = () => {
        if (over) return;
        finish();
        resolve(whenKilled);
      };
      this.#waits.add(end);
      cancel = begin((value) => {
        if (over) return;
        finish();
        this.#queue.caused(this.account);
        this.#goOn("woken", () => {
          this.#active = true;
          resolve(value);
        });
      });
      if (over) cancel();
    });
  }

  yield(): Promise<void> {
    if (this.#killed) return Promise.reject(new GuestEnded());
    return this.turn().then(() => {
      if (this.#killed) throw new GuestEnded();
    });
  }

  /** The guest, or the generated code, cannot go on. */
  failed(thrown: unknown): void {
    if (this.#killed) return;
    this.#fault = { thrown };
    this.kill();
  }

  guarded(callback: () => unknown): void {
    if (this.#killed) return;
    try {
      const outcome = callback();
      if (outcome instanceof Promise) outcome.catch((thrown: unknown) => this.failed(thrown));
    } catch (thrown) {
      this.failed(thrown);
    }
  }

  // As the generated code sees it.

  beginSyncCall(): void {
    if (this.#killed) throw new GuestEnded();
    this.#active = true;
  }

  endSyncCall(fault: unknown): void {
    if (fault !== undefined) this.failed(fault);
    else this.#countCall();
  }

  #promising(raw: unknown): (...args: unknown[]) => Promise<unknown> {
    const call = engine.promising(raw);
    return (...args) => {
      if (this.#killed) return Promise.reject(new GuestEnded());
      this.#stacks++;
      this.#active = true;
      this.#cores.beginStack();
      const startMs = this.#inTurn ? undefined : this.#queue.now();
      const over = call(...args).then(
        (value) => {
          this.#unwind();
          return value;
        },
        (thrown: unknown) => {
          this.failed(thrown);
          this.#unwind();
          throw thrown;
        },
      );
      // The generated code may be done with it before it is over.
      over.catch(() => {});
      // The queue measures only what happens in its turns.
      if (startMs !== undefined) this.#queue.charge(this.account, this.#queue.now() - startMs);
      return over;
    };
  }

  #unwind(): void {
    this.#stacks--;
    if (this.#killed && this.#stacks === 0) this.#unwound.resolve();
  }

  /** `until` does not reject. One call is waited for at a time. */
  #orUnwound<T>(until: Promise<T>): Promise<T | undefined> {
    const { promise, resolve } = Promise.withResolvers<T | undefined>();
    this.#onUnwound = () => resolve(undefined);
    void until.then(resolve);
    if (this.#killed && this.#stacks === 0) resolve(undefined);
    return promise;
  }

  // As the guest sees it.

  called(call: HostFunction, args: unknown[]): unknown {
    const outcome = this.#enter(call, args);
    // Nobody waits for it.
    if (outcome instanceof Promise) this.#unanswered++;
    return outcome;
  }

  calledSuspending(call: HostFunction, args: unknown[]): unknown {
    const outcome = this.#enter(call, args);
    if (!(outcome instanceof Promise)) return outcome;
    return new Promise((resolve, reject) => {
      let over = false;
      const settle = (ready: () => void) => {
        if (over) return;
        over = true;
        this.#waits.delete(end);
        this.#resumeStack(this.#inTurn && this.#spent ? "yielded" : "woken", ready);
      };
      const end = () => settle(() => resolve(undefined));
      this.#waits.add(end);
      this.#unanswered++;
      outcome.then(
        (value) => {
          this.#unanswered--;
          settle(() => resolve(value));
        },
        (thrown: unknown) => {
          this.#unanswered--;
          this.failed(thrown);
          settle(() => reject(thrown));
        },
      );
    });
  }

  #enter(call: HostFunction, args: unknown[]): unknown {
    if (this.#killed) throw new GuestEnded();
    this.#limits.begin();
    try {
      return call(...args);
    } catch (thrown) {
      this.failed(thrown);
      throw thrown;
    } finally {
      this.#countCall();
    }
  }

  /** In the turn that is, if the slice is not over; in a turn of its own otherwise. */
  #goOn(runClass: RunClass, ready: () => void): void {
    if (this.#inTurn && !this.#killed && (!this.#spent || this.#queue.mayContinue(this.account))) {
      if (this.#spent) this.#refill();
      ready();
    } else this.#continueAs(this.#inTurn ? "yielded" : runClass, ready);
  }

  outOfFuel(): unknown {
    if (this.#killed) return undefined;
    this.#spend(false);
    return new Promise<void>((resolve) => this.#resumeStack("yielded", resolve));
  }

  /** `ready` lets a stack go on in the next microtask, which nothing comes before in a turn of its own. */
  #resumeStack(runClass: RunClass, ready: () => void): void {
    const noted = { ...this.#tasks };
    this.#continueAs(runClass, () => {
      for (const key of Object.keys(this.#tasks)) this.#tasks[key] = noted[key];
      this.#active = true;
      ready();
    });
  }

  #continueAs(runClass: RunClass, ready: () => void): void {
    const continuation = new Continuation(this, ready);
    this.#queued.add(continuation);
    this.#queue.push(continuation, this.#killed ? "urgent" : runClass);
  }

  get #sliceMs(): number {
    return this.#sliceRanMs + (this.#inTurn ? this.#queue.now() - this.#turnBeganMs : 0);
  }

  /** The slice is over. The next grant is what would have taken one slice's time at the speed of this one. */
  #spend(byClock: boolean): void {
    this.#spent = true;
    if (byClock) {
      this.#cores.setFuel(0);
      return;
    }
    const tookMs = this.#sliceMs;
    const factor = Math.min(2, Math.max(1 / 16, queueLimits.sliceMs / Math.max(tookMs, 0.001)));
    this.#grant = Math.round(Math.min(fuelLimits.most, Math.max(fuelLimits.least, this.#grant * factor)));
  }

  #refill(): void {
    this.#spent = false;
    this.#sliceRanMs = 0;
    this.#turnBeganMs = this.#queue.now();
    this.#cores.setFuel(this.#grantNow());
    // Several memories have together grown beyond what they may.
    if (this.#cores.refreshCaps() < 0) this.failed(new GuestTrap("the memory limit is passed"));
  }

  /** Each core instance gets as much: so a limit is passed by a slice at most, and found to be at the end of that. */
  #grantNow(): number {
    if (this.#fuelMax === undefined) return this.#grant;
    const left = this.#fuelMax - this.fuelUsed;
    if (left < 0 && !this.#killed) {
      this.#exhausted = true;
      this.kill();
    }
    return Math.min(this.#grant, Math.max(0, left));
  }

  /** The clock is looked at after each call of the generated code, which takes time and little fuel. */
  #countCall(): void {
    if (++this.#calls < fuelLimits.componentCallsPerLook || this.#spent || this.#killed) return;
    this.#calls = 0;
    if (this.#sliceMs >= queueLimits.sliceMs) this.#spend(true);
  }
}
