/**
 * Runs a command once for each request, each in a fresh instance. What is the same for all of them is made once: the imports, which call
 * whoever sits here now, and the memory, if it is not larger in the end (see recycled-memory.ts).
 *
 *   serve ─▶ instance, _start ─▶ returned ─▶ answered
 *              ▲                   ├─▶ a local redirect: once more, as another request
 *              └───────────────────┘   trapped, exited with an error, no response of CGI: failed
 */
import { errorCode, errorMessage } from "../../../kit/errors.ts";
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
import { CgiOutput, type CgiOutcome } from "./cgi-output.ts";
import { cgiVariables } from "./cgi-variables.ts";
import type { HandlerParts, Servant, Served, ServedRequest, ServantEvents } from "./handler.ts";
import { cgiLimits } from "./limits.ts";
import type { KeptStacks } from "./kept-stacks.ts";
import { RecycledMemory } from "./recycled-memory.ts";
import type { RequestHead } from "../../link/exchange.ts";

const noMemories: readonly WasmMemory[] = [];
const answered: Served = { kind: "answered", reusable: true };
/** Nobody asks why. */
const killed: Served = { kind: "failed", reason: "trapped", message: "it was killed", reusable: true };

export class WagiServant implements Servant, GuestEvents, GuestSeat {
  readonly #parts: HandlerParts;
  readonly #loaded: LoadedModule;
  readonly #stacks: KeptStacks;
  readonly #events: ServantEvents;
  readonly #imports: WasmImports;
  readonly #recycled: RecycledMemory | undefined;
  readonly #stackBytesMax: number;
  readonly #minBytes: number;
  #guest: Guest | undefined;
  #preview1: Preview1 | undefined;
  #memories: readonly WasmMemory[] = noMemories;
  #output: CgiOutput | undefined;
  /** Of guests that are gone. */
  #fuelUsed = 0;
  /** Before its request. */
  #fuelBefore = 0;
  #fuelMax: number | undefined;
  #roomBytes = 0;
  #requestBytesMax = 0;
  #killed = false;
  #overLimit = false;

  constructor(
    parts: HandlerParts,
    loaded: LoadedModule,
    suspending: ReadonlySet<string>,
    stacks: KeptStacks,
    events: ServantEvents,
  ) {
    this.#parts = parts;
    this.#loaded = loaded;
    this.#stacks = stacks;
    this.#events = events;
    this.#imports = Guest.imports(loaded.facts, suspending, this);
    this.#recycled = recycledFor(parts, loaded);
    this.#stackBytesMax = stackBytesMax(parts.spec.memoryBytesMax);
    this.#minBytes = loaded.facts.memories.reduce((sum, { minPages }) => sum + minPages * pageBytes, 0);
  }

  // As its seat sees it.

  get fuelUsed(): number {
    return this.#fuelUsed + (this.#guest?.fuelUsed ?? 0);
  }

  get memoryBytes(): number {
    const stackBytes = this.#guest?.stackBytes ?? 0;
    return sizeOf(this.#memories) + stackBytes + (this.#recycled?.bytes ?? 0);
  }

  get mapped(): object | undefined {
    return this.#memories[0];
  }

  allow(roomBytes: number): void {
    this.#roomBytes = roomBytes;
    if (this.#guest) this.#guest.memoryPagesMax = this.#pagesMax(sizeOf(this.#memories));
  }

  exceeded(): void {
    this.#overLimit = true;
    this.#guest?.kill();
  }

  serve(request: ServedRequest): Promise<Served> {
    this.#killed = false;
    this.#fuelBefore = this.#fuelUsed;
    return this.#answer(request, request.head, 0);
  }

  kill(): void {
    this.#killed = true;
    this.#guest?.kill();
  }

  turnOver(wallMs: number): void {
    this.#guest?.ran(wallMs);
    this.#output?.flush();
  }

  rest(): void {
    this.#recycled?.drop();
  }

  close(): void {
    this.#letGo();
    this.#guest?.close();
  }

  // As its guest sees it.

  get guest(): Guest {
    if (!this.#guest) throw new Error("no guest sits here");
    return this.#guest;
  }

  get preview1(): Preview1 {
    if (!this.#preview1) throw new Error("no guest sits here");
    return this.#preview1;
  }

  bug(error: unknown): void {
    this.#events.bug(error);
  }

  guestTurnOver(): void {
    this.#output?.flush();
  }

  async #answer(request: ServedRequest, head: RequestHead, redirects: number): Promise<Served> {
    const given = cgiVariables(head, this.#parts.spec.env);
    if (given.kind === "invalid") return refuse(request, 400, given.message);
    this.#overLimit = false;
    const output = new CgiOutput(request, () => this.#guest?.kill());
    this.#output = output;
    const guest = this.#newGuest(request);
    const stack = this.#stacks.take();
    let thrown: unknown;
    try {
      const instance = this.#instantiate(guest, request, given.variables, output, redirects > 0);
      await guest.activate(instance, this.#loaded.facts.hooks.start, stack);
    } catch (error) {
      thrown = error ?? new Error("nothing was thrown");
    }
    const failure = this.#failureOf(guest, thrown);
    this.#leave(guest);
    this.#stacks.giveBack(stack);
    if (this.#killed) return killed;
    if (errorCode(thrown) === "wasi-start-invalid") return refuse(request, 431, errorMessage(thrown));
    if (failure) return failure;
    const outcome = output.finish();
    return this.#after(outcome instanceof Promise ? await outcome : outcome, request, head, redirects);
  }

  #after(
    outcome: CgiOutcome,
    request: ServedRequest,
    head: RequestHead,
    redirects: number,
  ): Served | Promise<Served> {
    this.#output = undefined;
    if (outcome.kind === "ended") return answered;
    if (this.#killed) return killed;
    if (outcome.kind === "broken") return failed("invalid", outcome.message);
    const path = ownPath(outcome.path, head);
    if (path === undefined) {
      // Another workload may have it; the caller will find out.
      request.answer.respond({ status: 302, headers: ["location", outcome.path] });
      request.answer.end([]);
      return answered;
    }
    if (redirects === cgiLimits.redirectsMax) {
      return failed(
        "invalid",
        `it has redirected the request ${redirects + 1} times, the last time to ${path}`,
      );
    }
    const headers = withoutBody(head.headers);
    return this.#answer(request, { ...head, method: "GET", path, headers, bodyLength: 0 }, redirects + 1);
  }

  #newGuest({ fuelMax, memoryBytesMax }: ServedRequest): Guest {
    const { queue, account } = this.#parts;
    // What a redirect has used is gone for what follows.
    this.#fuelMax =
      fuelMax === undefined ? undefined : Math.max(0, fuelMax + this.#fuelBefore - this.#fuelUsed);
    this.#requestBytesMax = memoryBytesMax;
    const memoryPagesMax = this.#pagesMax(Math.max(this.#minBytes, this.#recycled?.bytes ?? 0));
    const limits = { memoryPagesMax, stackBytesMax: this.#stackBytesMax, fuelMax: this.#fuelMax };
    const guest = new Guest(queue, account, limits, this);
    guest.member = this;
    this.#guest = guest;
    return guest;
  }

  /** With what it has, and what nobody has. */
  #pagesMax(bytes: number): number {
    return Math.floor(Math.min(bytes + this.#roomBytes, this.#requestBytesMax) / pageBytes);
  }

  #instantiate(
    guest: Guest,
    { body }: ServedRequest,
    env: readonly (readonly [string, string])[],
    output: CgiOutput,
    bodiless: boolean,
  ): WasmInstance {
    const { shared, spec, preopens, network, stderr } = this.#parts;
    const { givenMemory, facts } = this.#loaded;
    const fixed = spec.deterministic && new DeterministicRun(spec.deterministic);
    if (fixed) guest.afterCall = () => fixed.settle();
    const streams = { stdin: bodiless ? emptyInput : body, stdout: output, stderr };
    const host = new InstanceHost(shared, { args: spec.args, env }, guest, preopens, network, streams, fixed);
    const preview1 = new Preview1(host);
    this.#preview1 = preview1;
    let given: WasmMemory | undefined;
    if (this.#recycled && givenMemory !== undefined) {
      given = this.#recycled.take();
      this.#memories = [given];
      (this.#imports[facts.hooks.module] ??= {})[givenMemory] = given;
    }
    const instance = guest.instantiate(this.#loaded, this.#imports);
    if (!given) this.#memories = memoriesOf(facts, instance);
    const memory = instance.exports["memory"];
    if (memory instanceof engine.Memory) preview1.bindMemory(memory);
    return instance;
  }

  /** Nothing of it runs any more. */
  #leave(guest: Guest): void {
    this.#preview1?.close();
    this.#preview1 = undefined;
    guest.close();
    this.#fuelUsed += guest.fuelUsed;
    this.#guest = undefined;
    this.#letGo();
  }

  #letGo(): void {
    const [memory] = this.#memories;
    this.#memories = noMemories;
    if (memory) this.#recycled?.giveBack(memory);
  }

  #failureOf(guest: Guest, thrown: unknown): Served | undefined {
    const { exitCode } = guest;
    if (exitCode === 0) return undefined;
    if (exitCode !== undefined) return failed("trapped", `it has exited with code ${exitCode}`);
    if (guest.exhausted)
      return failed("exhausted", fuelExhausted(guest.fuelUsed, this.#fuelMax ?? 0).message);
    if (this.#overLimit) {
      const message =
        "the stacks of all requests that are under way have more memory than the instance may have; set resources.limits.memory to more";
      return failed("exhausted", message);
    }
    // It has returned, or its output is the reason.
    if (thrown === undefined || guest.killed) return undefined;
    if (thrown instanceof RangeError && !thrown.message.startsWith("Maximum")) {
      return failed("exhausted", `instantiate the module: ${thrown.message}`);
    }
    const { imports } = this.#loaded.facts;
    const functionImports = imports.filter((entry) => entry.kind === "function").length;
    const { message } = describeTrap(thrown, functionImports, this.#stackBytesMax);
    const [what = ""] = message.split("\n", 1);
    return { kind: "failed", reason: "trapped", message: what, detail: message, reusable: true };
  }
}

function recycledFor(
  { spec, serving }: HandlerParts,
  { facts, givenMemory }: LoadedModule,
): RecycledMemory | undefined {
  const [memory] = facts.memories;
  if (!memory || givenMemory === undefined) return undefined;
  // What each place may keep, so that what is kept by some is not what others lack.
  const keepBytesMax = Math.floor(spec.memoryBytesMax / serving.concurrency);
  return new RecycledMemory({ memory, mayHaveGrown: facts.mode === "recyclable", keepBytesMax });
}

function failed(reason: "trapped" | "invalid" | "exhausted", message: string): Served {
  return { kind: "failed", reason, message, reusable: true };
}

function refuse({ answer }: ServedRequest, status: number, message: string): Served {
  answer.respond({ status, headers: ["content-type", "text/plain; charset=utf-8"] });
  answer.write(Buffer.from(`${message}\n`));
  answer.end([]);
  return answered;
}

/** Undefined for what is not the route's that has brought the request here. */
function ownPath(location: string, { matchedPath }: RequestHead): string | undefined {
  const script = matchedPath.replace(/\/+$/, "");
  if (!location.startsWith(script)) return undefined;
  const rest = location.slice(script.length);
  return rest === "" || rest.startsWith("/") || rest.startsWith("?") ? location : undefined;
}

function withoutBody(headers: readonly string[]): readonly string[] {
  const kept: string[] = [];
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] ?? "";
    if (!name.startsWith("content-")) kept.push(name, headers[i + 1] ?? "");
  }
  return kept;
}
