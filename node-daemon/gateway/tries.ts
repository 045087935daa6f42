/** Which places one request has been to, and what comes after the last of them. */
import type { Backend } from "./workload.ts";
import { type AttemptEnd, type NextStep, nextStep, type RetryFacts } from "./core/retry.ts";

export class Tries {
  /** Not to be asked again for now. */
  tried: readonly Backend[] = [];
  readonly #retry: RetryFacts["retry"];
  readonly #request: Pick<RetryFacts, "method" | "isUpgrade">;
  #tries = 0;
  #retries = 0;

  constructor(request: Pick<RetryFacts, "method" | "isUpgrade">, retry: RetryFacts["retry"]) {
    this.#request = request;
    this.#retry = retry;
  }

  get isNone(): boolean {
    return this.#tries === 0;
  }

  begin(): void {
    this.#tries++;
  }

  leaveOut(place: Backend): void {
    this.tried = [...this.tried, place];
  }

  /** Every place may be asked again. */
  forgetPlaces(): void {
    this.tried = [];
  }

  /** It waits, and begins anew; what it was repeated still counts. */
  startAnew(): void {
    this.tried = [];
    this.#tries = 0;
  }

  noteRetry(): void {
    this.#retries++;
  }

  stepAfter(end: AttemptEnd, isReplayable: boolean): NextStep {
    return nextStep(end, {
      ...this.#request,
      isReplayable,
      tries: this.#tries,
      retries: this.#retries,
      retry: this.#retry,
    });
  }
}
