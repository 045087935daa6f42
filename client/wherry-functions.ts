/** Calls functions of workloads from another program: docs/FUNCTIONS.md. */
import { FunctionCallError } from "./errors.ts";
import { clientLimits } from "./limits.ts";
import { type ApiServerAccess, type CalledName, type TicketSource, ticketsFrom } from "./tickets.ts";
import type { CallRequest } from "../proto/functions/messages.ts";
import { systemClock } from "../kit/clock.ts";
import { backgroundClock } from "./background-clock.ts";
import { CallStream } from "./call-stream.ts";
import type { CallAnswer } from "./pending-call.ts";
import { WorkloadCalls } from "./workload-calls.ts";

export { FunctionCallError } from "./errors.ts";
export type { CallAnswer } from "./pending-call.ts";

export interface WherryFunctionsOptions {
  /** Where tickets are from: the API server, or anything else that has them. */
  readonly tickets: ApiServerAccess | TicketSource;
  /** `default` if left out. */
  readonly namespace?: string;
  /** For each workload; others wait. 256, which is also the most that a gateway begins, if left out. */
  readonly inFlightMax?: number;
}

export interface CallOptions {
  /** Units of work, bytes and milliseconds that it may take; left out: as the template says. */
  readonly fuel?: number;
  readonly memoryBytes?: number;
  readonly timeoutMs?: number;
  /** For templates that are deterministic: the same seed and input, the same output and fuel. */
  readonly seed?: string;
  /** Stops waiting; the call itself goes on to its limits. */
  readonly signal?: AbortSignal;
  readonly namespace?: string;
}

const plurals: Readonly<Record<string, string>> = {
  deployment: "wasmdeployments",
  wasmdeployment: "wasmdeployments",
  wasmdeployments: "wasmdeployments",
  daemonset: "wasmdaemonsets",
  wasmdaemonset: "wasmdaemonsets",
  wasmdaemonsets: "wasmdaemonsets",
};

export class WherryFunctions implements AsyncDisposable {
  readonly #tickets: TicketSource;
  readonly #namespace: string;
  readonly #inFlightMax: number;
  /** Those called longest ago come first. */
  readonly #workloads = new Map<string, WorkloadCalls>();

  constructor({
    tickets,
    namespace = "default",
    inFlightMax = clientLimits.inFlight,
  }: WherryFunctionsOptions) {
    this.#tickets = typeof tickets === "function" ? tickets : ticketsFrom(tickets);
    this.#namespace = namespace;
    this.#inFlightMax = inFlightMax;
  }

  /** `workload`: deployment/NAME or daemonset/NAME. Rejects with a {@link FunctionCallError}. */
  call(
    workload: string,
    name: string,
    input: Uint8Array | string = "",
    options: CallOptions = {},
  ): Promise<CallAnswer> {
    const { signal, namespace = this.#namespace } = options;
    try {
      const request = requestOf(name, input, options);
      return this.#workload(parseWorkload(namespace, workload)).call(request, signal);
    } catch (thrown) {
      return Promise.reject(thrown instanceof Error ? thrown : new Error(String(thrown)));
    }
  }

  /** At once: calls under way are rejected. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const calls of this.#workloads.values()) calls.close();
    this.#workloads.clear();
  }

  #workload(name: CalledName): WorkloadCalls {
    const key = `${name.namespace}/${name.plural}/${name.name}`;
    const known = this.#workloads.get(key);
    if (known === undefined) this.#makeRoom();
    else this.#workloads.delete(key);
    const calls =
      known ??
      new WorkloadCalls({
        ticket: (signal) => this.#tickets(name, signal),
        inFlightMax: this.#inFlightMax,
        connect: CallStream.open,
        clock: systemClock,
        background: backgroundClock,
      });
    this.#workloads.set(key, calls);
    return calls;
  }

  #makeRoom(): void {
    if (this.#workloads.size < clientLimits.workloads) return;
    for (const [key, calls] of this.#workloads) {
      if (!calls.isIdle) continue;
      this.#workloads.delete(key);
      calls.close();
      return;
    }
    const message = `calls of ${clientLimits.workloads} other workloads are under way; use another WherryFunctions, or wait for some of them`;
    throw new FunctionCallError("Full", message, true);
  }
}

/** Throws what would break the stream for all calls that are on it. */
function requestOf(
  name: string,
  input: Uint8Array | string,
  { fuel = 0, memoryBytes = 0, timeoutMs = 0, seed }: CallOptions,
): Omit<CallRequest, "id"> {
  const bytes = typeof input === "string" ? Buffer.from(input) : input;
  const size = bytes.byteLength + Buffer.byteLength(name) + Buffer.byteLength(seed ?? "");
  if (size > clientLimits.callBytesMax) {
    const message = `call ${JSON.stringify(name.slice(0, 100))}: it has ${size} bytes, and may have ${clientLimits.callBytesMax}`;
    throw new FunctionCallError("TooLarge", message, true);
  }
  return {
    function: name,
    input: bytes,
    fuel: wholeNumber("fuel", fuel),
    memoryBytes: wholeNumber("memoryBytes", memoryBytes),
    timeoutMs: wholeNumber("timeoutMs", timeoutMs),
    seed,
  };
}

function wholeNumber(option: string, value: number): number {
  const whole = Math.ceil(value);
  if (Number.isSafeInteger(whole) && whole >= 0) return whole;
  throw new FunctionCallError("InvalidCall", `${option} is ${value}: expected a number from 0`, true);
}

function parseWorkload(namespace: string, workload: string): CalledName {
  const [kind = "", name = "", ...more] = workload.split("/");
  const plural = Object.hasOwn(plurals, kind.toLowerCase()) ? plurals[kind.toLowerCase()] : undefined;
  if (plural === undefined || name === "" || more.length > 0)
    throw new FunctionCallError(
      "InvalidCall",
      `call ${JSON.stringify(workload)}: expected deployment/NAME or daemonset/NAME`,
      true,
    );
  return { namespace, plural, name };
}
