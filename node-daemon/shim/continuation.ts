import { type Account, Runnable } from "./account.ts";
import type { PotMember } from "./serving/memory-pot.ts";

/** Who has several things going on, each in turns of the queue. */
export interface TakesTurns {
  readonly account: Account;
  readonly member: PotMember | undefined;
  beginTurn(continuation: Continuation): void;
  endTurn(): void;
}

/** Something that goes on in a turn of the queue. */
export class Continuation extends Runnable {
  readonly #guest: TakesTurns;
  readonly #ready: () => void;

  constructor(guest: TakesTurns, ready: () => void) {
    super();
    this.member = guest.member;
    this.#guest = guest;
    this.#ready = ready;
  }

  get account(): Account {
    return this.#guest.account;
  }

  resume(): void {
    this.#guest.beginTurn(this);
    this.#ready();
  }

  override over(): void {
    this.#guest.endTurn();
  }
}
