/** Test support: what the intake hands to a servant, and a run queue of its own. */
import { randomFillSync } from "node:crypto";
import { systemClock } from "../../../kit/clock.ts";
import { threadCpuMs } from "../../../kit/thread-cpu.ts";
import type { HeaderList, RequestHead, ResponseHead } from "../../link/exchange.ts";
import { compileBindings } from "../../components/bindings.ts";
import { offer } from "../../components/offer.ts";
import { translateComponent } from "../../components/translate.ts";
import { noNetworkGrant, type RunSpec, type Serving } from "../../runtimes/runtime-driver.ts";
import { ListingCache } from "../../wasi/file-system/listing-cache.ts";
import { noNetwork, type Network } from "../../wasi/sockets/network.ts";
import { FakeStream } from "../../wasi/test-support.ts";
import { Account, Runnable } from "../account.ts";
import { engine } from "../engine.ts";
import { GuestTimers } from "../guest-timers.ts";
import { stackBytesMax } from "../limits.ts";
import { type LoadedComponent, withImportedMemory } from "../module-store.ts";
import { RunQueue } from "../run-queue.ts";
import type { Answer, HandlerParts, RequestBody, Servant, Served, ServedRequest } from "./handler.ts";
import { MemoryPot } from "./memory-pot.ts";

/** The body of a request that a test fills by hand; whole and empty at first. */
export class FakeBody extends FakeStream implements RequestBody {
  override ended = true;
  trailers: HeaderList = [];
}

export class FakeAnswer extends FakeStream implements Answer {
  head: ResponseHead | undefined;
  trailers: HeaderList | undefined;

  get began(): boolean {
    return this.head !== undefined;
  }

  override ended = false;

  respond(head: ResponseHead): void {
    this.head = head;
  }

  end(trailers: HeaderList): void {
    this.ended = true;
    this.trailers = trailers;
  }
}

export function requestOf(head: Partial<RequestHead> = {}): ServedRequest & {
  readonly body: FakeBody;
  readonly answer: FakeAnswer;
} {
  return {
    head: {
      target: { kind: "instance", uid: "instance" },
      method: "GET",
      scheme: "http",
      authority: "localhost",
      path: "/",
      matchedPath: "",
      headers: [],
      clientAddress: "127.0.0.1",
      clientPort: 1,
      timeoutMs: 0,
      bodyLength: 0,
      ...head,
    },
    body: new FakeBody(),
    answer: new FakeAnswer(),
    fuelMax: undefined,
    memoryBytesMax: Number.MAX_SAFE_INTEGER,
  };
}

const schedule = (step: () => void): void => void setImmediate(step);

const wasiHttp: Serving = {
  handler: "wasi-http",
  concurrency: 4,
  queueMax: 1,
  requestsPerInstance: 1000,
  timeoutMs: 30_000,
  idleTimeoutMs: 30_000,
  bodyBytesMax: 2 ** 24,
};

function runSpec(spec: Partial<RunSpec>): RunSpec {
  return {
    id: { uid: "instance", run: 1 },
    namespace: "default",
    name: "handler",
    module: { digest: "", file: "", memoryBytesMin: 0, needsProcess: [] },
    args: [],
    env: [],
    mounts: [],
    network: noNetworkGrant,
    memoryBytesMax: 0,
    cpuRequestMillis: 100,
    cpuLimitMillis: undefined,
    isolation: "shared",
    fuelMax: undefined,
    deterministic: undefined,
    stopAloneAfterMs: undefined,
    stopNotice: "none",
    logFolder: "",
    logLimits: { fileBytesMax: 0, bytesPerSecondMax: 0 },
    serving: wasiHttp,
    ...spec,
  };
}

export function handlerParts(
  spec: Partial<RunSpec> = {},
  network: Network = noNetwork,
  serving: Partial<Serving> = {},
): HandlerParts {
  const clock = systemClock;
  const timers = new GuestTimers({
    clock,
    schedule,
    onBug: (thrown) => {
      queueMicrotask(() => {
        throw thrown;
      });
    },
  });
  const queue = new RunQueue({
    now: () => performance.now(),
    cpuMs: threadCpuMs,
    schedule,
    whenDrained: (step) => queueMicrotask(() => process.nextTick(step)),
    timers,
  });
  const account = new Account({ requestMillis: 100, limitMillis: undefined }, queue.now(), { used() {} });
  const memoryBytesMax = spec.memoryBytesMax ?? 64 * 2 ** 20;
  const pot = new MemoryPot(memoryBytesMax, stackBytesMax(memoryBytesMax));
  account.pot = pot;
  const whole = runSpec({ memoryBytesMax, ...spec });
  return {
    shared: {
      clock,
      timers,
      wasiClock: {
        realtimeNs: () => BigInt(Date.now()) * 1_000_000n,
        monotonicNs: () => process.hrtime.bigint(),
        resolutionNs: 1000n,
      },
      random: (target) => void randomFillSync(target),
      listings: new ListingCache(),
      wasiLimits: { openFilesMax: 64, hostDescriptorsMax: 100_000 },
    },
    queue,
    account,
    pot,
    spec: whole,
    serving: { ...wasiHttp, ...serving },
    preopens: [],
    network,
    stdout: new FakeStream(),
    stderr: new FakeStream(),
  };
}

class Turn extends Runnable {
  readonly account: Account;
  readonly #servant: Servant;
  readonly #begin: () => void;

  constructor(account: Account, servant: Servant, begin: () => void) {
    super();
    this.account = account;
    this.member = servant;
    this.#servant = servant;
    this.#begin = begin;
  }

  resume(): void {
    this.#begin();
  }

  override over(wallMs: number): void {
    this.#servant.turnOver?.(wallMs);
  }
}

/** In a turn of the run queue, as the intake does it. */
export function serve(
  { queue, account }: HandlerParts,
  servant: Servant,
  request: ServedRequest,
): Promise<Served> {
  const { promise, resolve } = Promise.withResolvers<Served>();
  queue.push(new Turn(account, servant, () => void servant.serve(request).then(resolve)), "woken");
  return promise;
}

export async function loadComponent(binary: Uint8Array): Promise<LoadedComponent> {
  const translated = await translateComponent(binary, offer);
  if (translated.kind === "rejected") throw new Error(translated.message);
  const { facts, script, modules } = translated;
  const { binaries, givenMemory } = withImportedMemory(facts, modules);
  return {
    kind: "component",
    facts,
    modules: binaries.map((bytes) => new engine.Module(bytes)),
    givenMemory,
    bindings: compileBindings(script, "test"),
  };
}
