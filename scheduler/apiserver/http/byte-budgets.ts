/**
 * How much memory clients may take with what is on its way: bodies that have not arrived as a whole, and answers that
 * nobody takes. Who asks for too much of the one is refused; of the other, loses the oldest.
 */
import type { Clock, Timer } from "../../../kit/clock.ts";
import { ApiError } from "../status.ts";

export interface ByteLimits {
  readonly bytes: number;
  readonly bytesOfUser: number;
}

/** Bodies. Bytes count from when they arrive until their request is answered. */
export class BodyBudget {
  readonly #limits: ByteLimits;
  readonly #ofUsers = new Map<string, number>();
  #bytes = 0;

  constructor(limits: ByteLimits) {
    this.#limits = limits;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Throws TooManyRequests beyond the limits. */
  take(user: string, bytes: number): void {
    const ofUser = (this.#ofUsers.get(user) ?? 0) + bytes;
    if (ofUser > this.#limits.bytesOfUser || this.#bytes + bytes > this.#limits.bytes)
      throw new ApiError("TooManyRequests", "Too many large requests, please try again later.", {
        retryAfterSeconds: 1,
      });
    this.#ofUsers.set(user, ofUser);
    this.#bytes += bytes;
  }

  give(user: string, bytes: number): void {
    const left = (this.#ofUsers.get(user) ?? 0) - bytes;
    if (left > 0) this.#ofUsers.set(user, left);
    else this.#ofUsers.delete(user);
    this.#bytes -= bytes;
  }
}

interface Answer {
  readonly user: string;
  readonly bytes: number;
  readonly sinceMs: number;
  readonly drop: () => void;
}

/** Answers, the oldest first, and what they come to. */
class Pile {
  readonly #answers = new Set<Answer>();
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  get oldest(): Answer | undefined {
    return this.#answers.values().next().value;
  }

  add(answer: Answer): void {
    this.#answers.add(answer);
    this.#bytes += answer.bytes;
  }

  delete(answer: Answer): boolean {
    if (!this.#answers.delete(answer)) return false;
    this.#bytes -= answer.bytes;
    return true;
  }
}

/**
 * Answers that are made and not yet taken. When they are too much, the oldest of that user go; and so does every one that
 * is too old.
 */
export class AnswerBudget implements Disposable {
  readonly #limits: ByteLimits & { readonly ageMs: number };
  readonly #clock: Clock;
  readonly #all = new Pile();
  readonly #ofUsers = new Map<string, Pile>();
  #timer: Timer | undefined;

  constructor(limits: ByteLimits & { readonly ageMs: number }, clock: Clock) {
    this.#limits = limits;
    this.#clock = clock;
  }

  get bytes(): number {
    return this.#all.bytes;
  }

  /** Returns what to call when the answer is taken, or its client gone. `drop` gives it up. */
  add(user: string, bytes: number, drop: () => void): () => void {
    const answer: Answer = { user, bytes, sinceMs: this.#clock.monotonic(), drop };
    let own = this.#ofUsers.get(user);
    if (!own) this.#ofUsers.set(user, (own = new Pile()));
    own.add(answer);
    this.#all.add(answer);
    this.#shrink(own, this.#limits.bytesOfUser, answer);
    this.#shrink(this.#all, this.#limits.bytes, answer);
    this.#schedule();
    return () => this.#remove(answer);
  }

  [Symbol.dispose](): void {
    this.#timer?.cancel();
  }

  #shrink(pile: Pile, bytesMax: number, newest: Answer): void {
    for (let { oldest } = pile; oldest && oldest !== newest && pile.bytes > bytesMax; { oldest } = pile)
      this.#drop(oldest);
  }

  #drop(answer: Answer): void {
    this.#remove(answer);
    answer.drop();
  }

  #remove(answer: Answer): void {
    if (!this.#all.delete(answer)) return;
    const own = this.#ofUsers.get(answer.user);
    own?.delete(answer);
    if (!own?.oldest) this.#ofUsers.delete(answer.user);
  }

  #schedule(): void {
    if (this.#timer || !this.#all.oldest) return;
    this.#timer = this.#clock.setTimer(this.#limits.ageMs / 4, () => {
      this.#timer = undefined;
      const oldestMs = this.#clock.monotonic() - this.#limits.ageMs;
      for (let { oldest } = this.#all; oldest && oldest.sinceMs <= oldestMs; { oldest } = this.#all)
        this.#drop(oldest);
      this.#schedule();
    });
  }
}
