import { expect } from "vitest";
import type { FakeClock } from "../../../kit/fake-clock.ts";
import type { Store, StoreEvent, StoreWrite } from "../store.ts";

export interface StoreFixture {
  readonly store: Store;
  /** Closes the store and opens the same data again. */
  reopen(): Promise<Store>;
  dispose(): Promise<void>;
}

/** How much history the opened store keeps, and the time by which it grows old. */
export interface ContractOptions {
  readonly clock: FakeClock;
  readonly eventsMax: number;
  readonly bytesMax: number;
  readonly ageMsMax: number;
}

export type WithStore = (
  body: (fixture: StoreFixture & { readonly clock: FakeClock }) => Promise<void>,
  limits?: Partial<ContractOptions>,
) => Promise<void>;

export function put(key: string, value: string): StoreWrite {
  return { kind: "put", key, value, expectedRevision: undefined };
}

export async function committed(store: Store, ...writes: StoreWrite[]): Promise<number> {
  const outcome = await store.commit(writes);
  if (outcome.kind !== "committed") throw new Error(`expected a commit, got ${JSON.stringify(outcome)}`);
  return outcome.revision;
}

export function remove(key: string): StoreWrite {
  return { kind: "delete", key, expectedRevision: undefined };
}

export function shown(event: StoreEvent): string {
  return `${event.kind} ${event.key} ${event.value}`;
}

export async function watched(store: Store, prefix: string) {
  const seen: StoreEvent[] = [];
  const stop = new AbortController();
  const { revision } = await store.list("");
  await store.watch(prefix, revision, (batch) => seen.push(...batch.events), stop.signal);
  return { seen, stop: () => stop.abort() };
}

export async function expectCompacted(store: Store, revision: number): Promise<void> {
  const never = new AbortController().signal;
  await expect(store.watch("", revision, () => {}, never)).rejects.toMatchObject({ code: "Compacted" });
}
