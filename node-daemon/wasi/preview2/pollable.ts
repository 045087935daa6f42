/**
 * `wasi:io/poll`. Whoever offers something to wait for makes a pollable of it:
 *
 *     new Pollable(host, always)
 *     new Pollable(host, { kind: "deadline", atNs })
 *     new Pollable(host, { kind: "event", onReady: (wake) => listener.onAcceptable(wake) })
 *
 * `onReady` has the contract of `InputSource.onReadable`: it calls `wake` once when waiting is over, before returning if that
 * is so already, and returns how to cancel. Being woken is a hint: whether it is so is asked again by the same way. It must
 * stand being asked after its stream, socket or file was dropped, and says "over" then.
 *
 * `poll` is one wait of the instance: one timer for all deadlines, one callback for each other pollable.
 */
import { assertNever } from "../../../kit/errors.ts";
import { HostResource, trap } from "../component-resources.ts";
import { onDeadline } from "../deadline.ts";
import { GuestEnded, type ComponentHost } from "../host.ts";
import { limits } from "../limits.ts";

export type Readiness =
  | { readonly kind: "always" }
  /** Of the monotonic clock. */
  | { readonly kind: "deadline"; readonly atNs: bigint }
  | { readonly kind: "event"; readonly onReady: (wake: () => void) => () => void };

export const always: Readiness = { kind: "always" };

export class Pollable extends HostResource {
  readonly #host: ComponentHost;
  readonly #readiness: Readiness;

  constructor(host: ComponentHost, readiness: Readiness) {
    super(host);
    this.#host = host;
    this.#readiness = readiness;
  }

  ready(): boolean {
    return isReady(this.#host, this.#readiness);
  }

  block(): void | Promise<void> {
    if (this.ready()) return;
    return untilReady(this.#host, [this.#readiness]).then(() => {});
  }

  /** Only for `poll`. */
  static readinessOf(pollable: Pollable): Readiness {
    return pollable.#readiness;
  }
}

/** The indices of those that are ready, at least one. */
export function poll(host: ComponentHost, pollables: readonly Pollable[]): number[] | Promise<number[]> {
  if (pollables.length === 0) trap("poll: the list is empty, so the wait would never end");
  if (pollables.length > limits.subscriptionsMax) {
    trap(`poll: ${pollables.length} pollables at once, of at most ${limits.subscriptionsMax}`);
  }
  const watched = pollables.map((pollable) => Pollable.readinessOf(pollable));
  const ready = readyIndices(host, watched);
  return ready.length > 0 ? ready : untilReady(host, watched);
}

/** Suspends the guest. */
async function untilReady(host: ComponentHost, watched: readonly Readiness[]): Promise<number[]> {
  const deadlines = watched.flatMap((readiness) => (readiness.kind === "deadline" ? [readiness.atNs] : []));
  const events = watched.flatMap((readiness) => (readiness.kind === "event" ? [readiness.onReady] : []));
  const firstNs = deadlines.reduce<bigint | undefined>(
    (first, atNs) => (first === undefined || atNs < first ? atNs : first),
    undefined,
  );
  for (;;) {
    await waitFor(host, (wake) => {
      const cancels = events.map((onReady) => onReady(wake));
      if (firstNs !== undefined) cancels.push(onDeadline(host, "monotonic", firstNs, wake));
      return () => {
        for (const cancel of cancels) cancel();
      };
    });
    const ready = readyIndices(host, watched);
    // Who was woken first may have taken what there was.
    if (ready.length > 0) return ready;
  }
}

/** One wait for one event. Throws `GuestEnded` if the guest was killed meanwhile. */
export async function waitFor(host: ComponentHost, begin: (wake: () => void) => () => void): Promise<void> {
  const woken = await host.wait<"ready" | "killed">((wake) => begin(() => wake("ready")), "killed");
  if (woken === "killed") throw new GuestEnded();
}

function readyIndices(host: ComponentHost, watched: readonly Readiness[]): number[] {
  const ready: number[] = [];
  for (const [index, readiness] of watched.entries()) if (isReady(host, readiness)) ready.push(index);
  return ready;
}

function isReady(host: ComponentHost, readiness: Readiness): boolean {
  switch (readiness.kind) {
    case "always":
      return true;
    case "deadline":
      return host.clock.monotonicNs() >= readiness.atNs;
    case "event":
      return firesAtOnce(readiness.onReady);
    default:
      return assertNever(readiness, "readiness");
  }
}

/** Whether waiting is over already, by a contract of `InputSource.onReadable`'s kind. */
export function firesAtOnce(register: (wake: () => void) => () => void): boolean {
  let fired = false;
  register(() => {
    fired = true;
  })();
  return fired;
}
