/**
 * One instance of a module whose functions are called one after another:
 *
 *   new ── first call ─▶ instance, start section, _initialize ─▶ ready ── call ─▶ ready …
 *                                                                  └── trap, limit, kill ─▶ not used again
 *
 * A call: the input is read whole, put where the allocator says, and the function is called as everything that may suspend. What it
 * points to is copied out at once, as the next call may find it overwritten.
 */
import { Preview1 } from "../../wasi/preview1.ts";
import { emptyInput } from "../notice-input.ts";
import { DeterministicRun } from "../deterministic-run.ts";
import { engine, type WasmImports, type WasmInstance, type WasmMemory } from "../engine.ts";
import { Guest, type GuestEvents, type GuestSeat } from "../guest.ts";
import { memoriesOf, sizeOf } from "../hosted-module.ts";
import { InstanceHost } from "../instance-host.ts";
import { pageBytes, stackBytesMax } from "../limits.ts";
import type { LoadedModule } from "../module-store.ts";
import { describeTrap, fuelExhausted } from "../trap.ts";
import {
  giveError,
  giveOutput,
  notDeterministic,
  readAll,
  refuse,
  unknownFunction,
} from "./function-call.ts";
import type { Allocator } from "./function-exports.ts";
import type { HandlerParts, Servant, Served, ServedRequest, ServantEvents } from "./handler.ts";

export interface FunctionServantParts {
  readonly events: ServantEvents;
  /** What can be called. */
  readonly names: ReadonlySet<string>;
  readonly allocator: Allocator;
}

/** What the function answers with: an address and a length. */
const outputBytes = 8;

interface Ready {
  readonly instance: WasmInstance;
  readonly memory: WasmMemory;
}

/** What the module did that it must not. */
class Misbehaved extends Error {}

export class FunctionServant implements Servant, GuestEvents, GuestSeat {
  readonly #parts: HandlerParts;
  readonly #loaded: LoadedModule;
  readonly #events: ServantEvents;
  readonly #names: ReadonlySet<string>;
  readonly #allocator: Allocator;
  readonly #imports: WasmImports;
  readonly #minBytes: number;
  readonly guest: Guest;
  #ready: Ready | undefined;
  #preview1: Preview1 | undefined;
  #memories: readonly WasmMemory[] = [];
  /** Where inputs go, and how much fits. */
  #input = { at: 0, bytes: 0 };
  /** Where the function says where its result is. */
  #outputAt = 0;
  #roomBytes = 0;
  #callBytesMax: number;
  #fuelMax: number | undefined;
  #killed = false;
  #overLimit = false;

  constructor(
    parts: HandlerParts,
    loaded: LoadedModule,
    suspending: ReadonlySet<string>,
    { events, names, allocator }: FunctionServantParts,
  ) {
    this.#parts = parts;
    this.#loaded = loaded;
    this.#events = events;
    this.#names = names;
    this.#allocator = allocator;
    this.#imports = Guest.imports(loaded.facts, suspending, this);
    this.#minBytes = loaded.facts.memories.reduce((sum, { minPages }) => sum + minPages * pageBytes, 0);
    const { memoryBytesMax, fuelMax } = parts.spec;
    this.#callBytesMax = memoryBytesMax;
    const limits = {
      memoryPagesMax: Math.floor(memoryBytesMax / pageBytes),
      stackBytesMax: stackBytesMax(memoryBytesMax),
      fuelMax,
    };
    this.guest = new Guest(parts.queue, parts.account, limits, this);
    this.guest.member = this;
  }

  // As its seat sees it.

  get fuelUsed(): number {
    return this.guest.fuelUsed;
  }

  get memoryBytes(): number {
    return sizeOf(this.#memories) + this.guest.stackBytes;
  }

  get mapped(): object | undefined {
    return this.#memories[0];
  }

  allow(roomBytes: number): void {
    this.#roomBytes = roomBytes;
    this.#capMemory();
  }

  exceeded(): void {
    this.#overLimit = true;
    this.guest.kill();
  }

  async serve(request: ServedRequest): Promise<Served> {
    const { head, body, answer } = request;
    if (!this.#names.has(head.path)) {
      return refuse(answer, 404, unknownFunction("module", head.path, this.#names));
    }
    if (head.call?.seed !== undefined && !this.#parts.spec.deterministic) {
      return refuse(answer, 400, notDeterministic);
    }
    let input = readAll(body);
    if (input instanceof Promise) {
      input = await input;
      await this.guest.turn();
    }
    this.#fuelMax = request.fuelMax;
    this.#callBytesMax = request.memoryBytesMax;
    let output: Uint8Array;
    let code: number;
    try {
      // What a caller allows is for the call; the start of an instance has what the template allows.
      if (this.#ready === undefined) this.guest.allowFuel(this.#parts.spec.fuelMax);
      const ready = (this.#ready ??= await this.#start(head.call?.seed));
      this.guest.allowFuel(request.fuelMax);
      this.#capMemory();
      [code, output] = await this.#call(ready, head.path, input);
    } catch (thrown) {
      return this.#failureOf(thrown ?? new Error("nothing was thrown"));
    }
    if (this.guest.killed) return this.#failureOf(undefined);
    await (code === 0 ? giveOutput(answer, output) : giveError(answer, code, output));
    return { kind: "answered", reusable: !this.guest.killed };
  }

  kill(): void {
    this.#killed = true;
    this.guest.kill();
  }

  close(): void {
    this.#preview1?.close();
    this.#preview1 = undefined;
    this.#ready = undefined;
    this.#memories = [];
    this.guest.close();
  }

  // As its guest sees it.

  get preview1(): Preview1 {
    if (!this.#preview1) throw new Error("no guest sits here");
    return this.#preview1;
  }

  bug(error: unknown): void {
    this.#events.bug(error);
  }

  async #start(seed: string | undefined): Promise<Ready> {
    const { shared, spec, preopens, network, stdout, stderr } = this.#parts;
    const given = spec.deterministic;
    const fixed = given && new DeterministicRun(seed === undefined ? given : { ...given, seed });
    if (fixed) this.guest.afterCall = () => fixed.settle();
    const streams = { stdin: emptyInput, stdout, stderr };
    const host = new InstanceHost(shared, spec, this.guest, preopens, network, streams, fixed);
    const preview1 = new Preview1(host);
    this.#preview1 = preview1;
    const instance = this.guest.instantiate(this.#loaded, this.#imports);
    this.#memories = memoriesOf(this.#loaded.facts, instance);
    this.#capMemory();
    // That there is one was checked when the module was prepared.
    const memory = instance.exports["memory"] as WasmMemory;
    preview1.bindMemory(memory);
    const { start } = this.#loaded.facts.hooks;
    if (start !== undefined) await this.guest.call(instance, start);
    if (instance.exports["_initialize"] !== undefined) await this.guest.call(instance, "_initialize");
    this.#outputAt = await this.#allocate(instance, memory, outputBytes);
    return { instance, memory };
  }

  async #call(
    { instance, memory }: Ready,
    name: string,
    input: Uint8Array,
  ): Promise<readonly [code: number, output: Uint8Array]> {
    if (input.byteLength > this.#input.bytes) {
      const bytes = Math.max(1_024, 2 ** Math.ceil(Math.log2(input.byteLength)));
      this.#input = { at: await this.#allocate(instance, memory, bytes), bytes };
    }
    new Uint8Array(memory.buffer).set(input, this.#input.at);
    const code = (await this.guest.call(
      instance,
      name,
      this.#input.at,
      input.byteLength,
      this.#outputAt,
    )) as number;
    const view = new DataView(memory.buffer);
    const at = view.getUint32(this.#outputAt, true);
    const length = view.getUint32(this.#outputAt + 4, true);
    const { bodyBytesMax } = this.#parts.serving;
    if (at + length > memory.buffer.byteLength) {
      throw new Misbehaved(
        `it says that its output is ${length} bytes at ${at}, which is outside of its memory`,
      );
    }
    if (length > bodyBytesMax) {
      throw new Misbehaved(`its output has ${length} bytes, and may have ${bodyBytesMax}`);
    }
    return [code, new Uint8Array(memory.buffer).slice(at, at + length)];
  }

  async #allocate(instance: WasmInstance, memory: WasmMemory, bytes: number): Promise<number> {
    const args = this.#allocator === "malloc" ? [bytes] : [0, 0, 8, bytes];
    const at = ((await this.guest.call(instance, this.#allocator, ...args)) as number) >>> 0;
    if (at === 0 || at + bytes > memory.buffer.byteLength) {
      throw new Misbehaved(`${this.#allocator}(${bytes}) has given it no memory`);
    }
    return at;
  }

  #capMemory(): void {
    const bytes = Math.max(this.#minBytes, sizeOf(this.#memories)) + this.#roomBytes;
    this.guest.memoryPagesMax = Math.floor(Math.min(bytes, this.#callBytesMax) / pageBytes);
  }

  #failureOf(thrown: unknown): Served {
    const { exitCode, exhausted } = this.guest;
    if (this.#killed) return failed("trapped", "it was killed");
    if (exitCode !== undefined) return failed("trapped", `it has exited with code ${exitCode}`);
    if (exhausted) return failed("exhausted", fuelExhausted(this.#fuelMax ?? 0, this.#fuelMax ?? 0).message);
    if (this.#overLimit) {
      return failed(
        "exhausted",
        "the stacks of all calls that are under way have more memory than the instance may have",
      );
    }
    if (thrown instanceof Misbehaved) return failed("invalid", thrown.message);
    if (thrown instanceof RangeError && !thrown.message.startsWith("Maximum")) {
      return failed("exhausted", `instantiate the module: ${thrown.message}`);
    }
    const functionImports = this.#loaded.facts.imports.filter((entry) => entry.kind === "function").length;
    const stack = stackBytesMax(this.#parts.spec.memoryBytesMax);
    const { message } = describeTrap(
      thrown ?? new engine.RuntimeError("unreachable"),
      functionImports,
      stack,
    );
    const [what = ""] = message.split("\n", 1);
    return { kind: "failed", reason: "trapped", message: what, detail: message, reusable: false };
  }
}

function failed(reason: "trapped" | "invalid" | "exhausted", message: string): Served {
  return { kind: "failed", reason, message, reusable: false };
}
