import { listenPlaceText } from "../../../api/listen-rules.ts";
import { errorCode, errorMessage } from "../../../kit/errors.ts";
import type { RequestFigures } from "../../gateway/control.ts";
import type { ListenerGrant, RunEnd, Serving } from "../../runtimes/runtime-driver.ts";
import type { Preopen } from "../../wasi/host.ts";
import type { Network } from "../../wasi/sockets/network.ts";
import type { Needs } from "../budget.ts";
import type { DirectPort } from "../direct/direct-port.ts";
import type { HostedGuest, HostedParts } from "../hosted-guest.ts";
import type { InstanceStreams } from "../instance-host.ts";
import { stackBytesMax } from "../limits.ts";
import type { Loaded } from "../module-store.ts";
import { memoryLimitTooSmall, Refusal } from "../refusal.ts";
import type { Handler, HandlerParts } from "./handler.ts";
import { createHandler } from "./handlers.ts";
import { MemoryPot } from "./memory-pot.ts";
import { ServingRun } from "./serving-run.ts";

/** Of the run itself; each servant has its own. */
const noNeeds: Needs = { memories: 0, memories64: 0, heapBytes: 0 };

/** A module that answers requests until it is stopped, as its run sees it. */
export class HostedService implements HostedGuest {
  readonly #parts: HostedParts;
  readonly #loaded: Loaded;
  readonly #serving: Serving;
  readonly #pot: MemoryPot;
  #run: ServingRun | undefined;
  #direct: DirectPort | undefined;
  #killed = false;
  #draining = false;
  /** What settles when it is killed before there is a run. */
  readonly #waits = new Set<() => void>();

  constructor(parts: HostedParts, loaded: Loaded, serving: Serving) {
    this.#parts = parts;
    this.#loaded = loaded;
    this.#serving = serving;
    const { memoryBytesMax } = parts.spec;
    this.#pot = new MemoryPot(memoryBytesMax, stackBytesMax(memoryBytesMax));
    parts.account.pot = this.#pot;
  }

  get fuelUsed(): number {
    return this.#run?.fuelUsed ?? 0;
  }

  get memoryBytes(): number {
    return this.#pot.usedBytes;
  }

  get killed(): boolean {
    return this.#killed;
  }

  get requests(): RequestFigures | undefined {
    return this.#direct?.requests;
  }

  readonly needs = noNeeds;
  readonly memoryBytesMin = 0;
  readonly mapped = undefined;

  /** Nothing of it runs in a turn of its own. */
  turn(): Promise<void> {
    return Promise.resolve();
  }

  wait<T>(begin: (wake: (value: T) => void) => () => void, whenKilled: T): Promise<T> {
    if (this.#killed) return Promise.resolve(whenKilled);
    return new Promise((resolve) => {
      const kill = () => wake(whenKilled);
      const wake = (value: T) => {
        if (!this.#waits.delete(kill)) return;
        resolve(value);
        cancel?.();
      };
      let cancel: (() => void) | undefined;
      this.#waits.add(kill);
      cancel = begin(wake);
    });
  }

  instantiate(
    held: DisposableStack,
    preopens: readonly Preopen[],
    network: Network,
    { stdout, stderr }: InstanceStreams,
  ): void {
    const { shared, queue, account, spec, budget, doors, events } = this.#parts;
    const parts: HandlerParts = {
      shared,
      queue,
      account,
      pot: this.#pot,
      spec,
      serving: this.#serving,
      preopens,
      network,
      stdout,
      stderr,
    };
    const handler = createHandler(parts, this.#loaded);
    this.#checkMemory(handler);
    const run = new ServingRun({
      handler,
      serving: this.#serving,
      fuelMax: spec.fuelMax,
      queue,
      account,
      pot: this.#pot,
      clock: shared.clock,
      reserve: (needs) => budget.reserve(needs),
      // Whatever finds no room in the log is lost, as it must hold up nobody.
      note: (line) => void stderr.write(Buffer.from(`${visible(line)}\n`)),
      bug: (error) => events.mishap(error),
    });
    this.#run = run;
    held.defer(() => doors.close(spec.id.uid));
  }

  #checkMemory({ memoryBytesMin }: Handler): void {
    const { memoryBytesMax } = this.#parts.spec;
    if (memoryBytesMin > memoryBytesMax) throw memoryLimitTooSmall(memoryBytesMin, memoryBytesMax);
  }

  async open(): Promise<void> {
    const { doors, spec } = this.#parts;
    if (!this.#run) return;
    if (!(await this.#run.open())) {
      throw new Refusal("ShimFull", "the hosting process has no room for another instance", true);
    }
    try {
      await doors.ready();
    } catch (thrown) {
      throw new Refusal("RequestsUnavailable", errorMessage(thrown), true);
    }
    doors.open(spec.id.uid, this.#run);
    const [listener] = spec.network.listeners;
    if (listener) await this.#openDirect(listener, this.#run);
  }

  async #openDirect(listener: ListenerGrant, run: ServingRun): Promise<void> {
    const { direct, spec, queue, account } = this.#parts;
    const { namespace, name } = spec;
    const port = direct.open({
      uid: spec.id.uid,
      namespace,
      name,
      listener,
      serving: this.#serving,
      accept: (exchange) => run.accept(exchange),
      caused: () => queue.caused(account),
    });
    try {
      this.#direct = await port;
    } catch (thrown) {
      const { address, port: number } = listener;
      const reason = errorCode(thrown) === "EADDRINUSE" ? "AddressInUse" : "AddressUnavailable";
      const message = `listener ${listener.name}: listen at ${listenPlaceText({ address, port: number })}: ${errorMessage(thrown)}`;
      throw new Refusal(reason, message, true);
    }
  }

  async run(): Promise<RunEnd> {
    if (this.#killed) this.#endNow();
    else if (this.#draining) this.#drainRun();
    await this.#run?.ended();
    return { kind: "stopped" };
  }

  /** Takes nothing new; the end of `run` follows once everything is answered. */
  drain(): void {
    if (this.#draining) return;
    this.#draining = true;
    this.#drainRun();
  }

  #drainRun(): void {
    const { doors, spec } = this.#parts;
    if (!this.#direct) return this.#run?.drain();
    // Those who are connected directly may ask once more; the others go elsewhere.
    doors.close(spec.id.uid);
    void this.#direct.finish().then(() => this.#run?.drain());
  }

  kill(): void {
    if (this.#killed) return;
    this.#killed = true;
    for (const kill of this.#waits) kill();
    this.#endNow();
  }

  #endNow(): void {
    this.#run?.kill();
    this.#direct?.close();
  }

  close(): void {
    this.#endNow();
    this.#parts.account.pot = undefined;
  }
}

/** Paths and messages come from callers and guests. */
function visible(text: string): string {
  // oxlint-disable-next-line no-control-regex
  return text.replaceAll(/[\u0000-\u0009\u000b-\u001f\u007f]/g, "?");
}
