/**
 * What the core instances of components import: functions that call what the guest that sits here has given for each.
 *
 *   core instance ─▶ function of place 3 ─▶ the guest that sits here ─▶ its third
 *
 * Guests that come one after another have the same functions. That is not for the sake of making them: the engine keeps a dead instance
 * until it collects its old generation, and with it all that it imports; if those were the guest's own, each would leave its generated
 * code and all its objects behind until then.
 *
 * A guest may only leave once nothing of it runs any more: what it still called would be the next one's.
 */
import { GuestEnded } from "../wasi/host.ts";
import { engine } from "./engine.ts";

export type HostFunction = (...args: unknown[]) => unknown;

/** A function of the generated code that may answer with a promise, which suspends the guest. */
export class SuspendingCall {
  readonly call: HostFunction;

  constructor(call: HostFunction) {
    this.call = call;
  }
}

/** As its core instances call it. */
export interface ImportingGuest {
  called(call: HostFunction, args: unknown[]): unknown;
  /** The same for what may suspend. */
  calledSuspending(call: HostFunction, args: unknown[]): unknown;
  /** The fuel is spent. */
  outOfFuel(): unknown;
}

interface Place {
  readonly suspends: boolean;
  readonly imported: object;
}

export class GuestImports {
  readonly outOfFuel = new engine.Suspending(() => this.#guest?.outOfFuel());
  readonly #places: Place[] = [];
  #guest: ImportingGuest | undefined;
  /** The guest's, in the order of the places. */
  #calls: HostFunction[] = [];

  /** From now on all are this guest's. */
  enter(guest: ImportingGuest): void {
    this.#guest = guest;
    this.#calls = [];
  }

  leave(guest: ImportingGuest): void {
    if (this.#guest !== guest) return;
    this.#guest = undefined;
    this.#calls = [];
  }

  /** What stands for a function of the guest that sits here: those of each are linked in the same order. */
  link(item: HostFunction | SuspendingCall): object {
    const suspends = item instanceof SuspendingCall;
    const index = this.#calls.push(suspends ? item.call : item) - 1;
    let place = this.#places[index];
    if (place?.suspends !== suspends) {
      place = { suspends, imported: suspends ? this.#suspending(index) : this.#plain(index) };
      this.#places[index] = place;
    }
    return place.imported;
  }

  #plain(index: number): HostFunction {
    return (...args) => {
      const call = this.#calls[index];
      if (!this.#guest || !call) throw new GuestEnded();
      return this.#guest.called(call, args);
    };
  }

  #suspending(index: number): object {
    return new engine.Suspending((...args: unknown[]) => {
      const call = this.#calls[index];
      if (!this.#guest || !call) throw new GuestEnded();
      return this.#guest.calledSuspending(call, args);
    });
  }
}
