/**
 * One scheduler's view of the store that all schedulers of a simulated cluster share.
 *
 *   write ──way there──▶ applied, or refused ──way back──▶ answered, or the answer is lost
 *   store ──way here, in order per resource──▶ what this process has seen ──▶ its watches
 *
 * The ways take time, so a scheduler decides from what is old, two of them conflict, and a write may be stored although
 * its writer was told that it failed. What a dead process had under way may still be stored; it hears nothing more.
 */
import type { ApiObject } from "../../api/object-meta.ts";
import { WherryError } from "../../kit/errors.ts";
import type { Backend, BackendEvent, ResourceKey, WriteOutcome } from "../../scheduler/backend/backend.ts";
import type { FakeBackend } from "../../scheduler/testing/fake-backend.ts";
import type { Dice } from "../soak/dice.ts";
import type { SimulatedTime } from "./simulated-time.ts";

export interface BackendOptions {
  readonly store: FakeBackend;
  readonly time: SimulatedTime;
  readonly dice: Dice;
  /** The next epoch. */
  readonly takeEpoch: () => number;
}

/** How the store treats the writes of one scheduler. */
export interface StoreManners {
  /** The longest way of a write, an answer or an event. */
  readonly delayMsMax: number;
  /** The share of writes that fail before they are applied, and of those that fail although they were. */
  readonly refused: number;
  readonly answerLost: number;
}

export const goodManners: StoreManners = { delayMsMax: 3, refused: 0, answerLost: 0 };
/** A store that has another leader by now, and knows it. */
export const fencedManners: StoreManners = { delayMsMax: 20, refused: 1, answerLost: 0 };

export class SimulatedBackend implements Backend {
  manners: StoreManners = goodManners;
  readonly #options: BackendOptions;
  readonly #seen = new Map<string, ApiObject>();
  /** Per resource, when the last event arrives that is on its way. */
  readonly #arrivalMs = new Map<string, number>();
  readonly #stopping = new AbortController();

  constructor(options: BackendOptions) {
    this.#options = options;
  }

  watch(resource: ResourceKey, listener: (event: BackendEvent) => void, signal: AbortSignal): void {
    const { store } = this.#options;
    const end = AbortSignal.any([signal, this.#stopping.signal]);
    store.watch(resource, (event) => this.#send(resource, event, listener, end), end);
  }

  get({ plural }: ResourceKey, namespace: string, name: string): ApiObject | undefined {
    return this.#seen.get(`${plural}/${namespace}/${name}`);
  }

  unreadable(): string | undefined {
    return undefined;
  }

  create(
    resource: ResourceKey,
    object: Parameters<Backend["create"]>[1],
  ): Promise<WriteOutcome | { readonly kind: "exists" }> {
    return this.#write(() => this.#options.store.create(resource, object));
  }

  updateStatus(resource: ResourceKey, object: ApiObject, status: unknown): Promise<WriteOutcome> {
    return this.#write(() => this.#options.store.updateStatus(resource, object, status));
  }

  update(resource: ResourceKey, object: ApiObject): Promise<WriteOutcome> {
    return this.#write(() => this.#options.store.update(resource, object));
  }

  delete(resource: ResourceKey, object: ApiObject): Promise<WriteOutcome> {
    return this.#write(() => this.#options.store.delete(resource, object));
  }

  async takeEpoch(): Promise<number> {
    return this.#options.takeEpoch();
  }

  /** The process is dead. */
  stop(): void {
    this.#stopping.abort(new Error("the process is dead"));
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.stop();
    return Promise.resolve();
  }

  #send(
    resource: ResourceKey,
    event: BackendEvent,
    listener: (event: BackendEvent) => void,
    end: AbortSignal,
  ): void {
    const { time } = this.#options;
    const arrivalMs = Math.max(this.#arrivalMs.get(resource.plural) ?? 0, time.elapsedMs + this.#delayMs());
    this.#arrivalMs.set(resource.plural, arrivalMs);
    time.after(arrivalMs - time.elapsedMs, () => {
      if (end.aborted) return;
      if (event.kind !== "synced") this.#see(resource, event);
      listener(event);
    });
  }

  #see({ plural }: ResourceKey, { kind, object }: Exclude<BackendEvent, { kind: "synced" }>): void {
    const key = `${plural}/${object.metadata.namespace ?? ""}/${object.metadata.name}`;
    if (kind === "put") this.#seen.set(key, object);
    else this.#seen.delete(key);
  }

  async #write<T>(apply: () => Promise<T>): Promise<T> {
    const { dice } = this.#options;
    await this.#pause();
    if (dice.chance(this.manners.refused)) throw unavailable("the store refused the write");
    const outcome = await apply();
    await this.#pause();
    if (dice.chance(this.manners.answerLost)) throw unavailable("no answer came");
    return outcome;
  }

  /** Never ends for a dead process. */
  async #pause(): Promise<void> {
    await new Promise<void>((resolve) => this.#options.time.after(this.#delayMs(), resolve));
    if (this.#stopping.signal.aborted) await new Promise<void>(() => {});
  }

  #delayMs(): number {
    return this.#options.dice.below(this.manners.delayMsMax + 1);
  }
}

function unavailable(message: string): WherryError {
  return new WherryError("BackendUnavailable", message, { retryable: true });
}
