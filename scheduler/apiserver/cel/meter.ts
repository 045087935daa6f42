/**
 * How much one evaluation may take. `charge` counts Kubernetes' cost units, so that a rule which passes there passes here.
 * That model calls some things cheap which take time in proportion to the data (the size of a string, the equality of two
 * lists of lists): `toil` counts what this program really does, against a bound of its own that no sensible rule meets.
 */
export class Meter {
  #cost = 0;
  #toil: Toil;
  readonly #costMax: number;

  constructor(costMax: number, toil: Toil) {
    this.#costMax = costMax;
    this.#toil = toil;
  }

  get cost(): number {
    return this.#cost;
  }

  charge(cost: number): void {
    this.#cost += cost;
    if (this.#cost > this.#costMax) throw new CostExceeded();
  }

  /** `steps`: about as long as touching so many characters. */
  toil(steps: number): void {
    this.#toil.spend(steps);
  }
}

/** What is left for all rules of one object. */
export class Toil {
  #left: number;

  constructor(stepsMax: number) {
    this.#left = stepsMax;
  }

  get isSpent(): boolean {
    return this.#left < 0;
  }

  spend(steps: number): void {
    this.#left -= steps;
    if (this.#left < 0) throw new CostExceeded();
  }
}

/** Ends an evaluation from any depth. Caught where the rule was started. */
export class CostExceeded extends Error {
  constructor() {
    super("operation cancelled: actual cost limit exceeded");
  }
}
