import { GuestEnded, type ComponentHost } from "../host.ts";

type Outcome<T> =
  | { readonly kind: "value"; readonly value: T }
  | { readonly kind: "failed"; readonly thrown: unknown }
  | { readonly kind: "killed" };

const killed = { kind: "killed" } as const;

/** What `start` promises, in a turn of the guest. `abort` is called when the guest ends before that. */
export async function pending<T>(
  host: ComponentHost,
  start: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const abort = new AbortController();
  const outcome = await host.wait<Outcome<T>>((wake) => {
    start(abort.signal).then(
      (value) => wake({ kind: "value", value }),
      (thrown: unknown) => wake({ kind: "failed", thrown }),
    );
    return () => {};
  }, killed);
  if (outcome.kind === "value") return outcome.value;
  abort.abort();
  if (outcome.kind === "failed") throw outcome.thrown;
  throw new GuestEnded();
}

/** Until `onReady` wakes. Throws `GuestEnded` if the guest ended before. */
export async function untilReady(
  host: ComponentHost,
  onReady: (wake: () => void) => () => void,
): Promise<void> {
  const woken = await host.wait<"ready" | "killed">((wake) => onReady(() => wake("ready")), "killed");
  if (woken === "killed") throw new GuestEnded();
}
