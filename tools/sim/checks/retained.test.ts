import { expect, test } from "vitest";
import { retainedBy } from "./retained.ts";

class Inner {
  readonly #names = new Set(["a", "b"]);
  readonly outer: Outer;

  constructor(outer: Outer) {
    this.outer = outer;
  }

  has(name: string): boolean {
    return this.#names.has(name);
  }
}

class Outer {
  readonly list = [1, 2, 3];
  readonly #options = { seen: new Set([1]) };
  readonly #empty = new Map<string, string>();
  readonly #inner = new Inner(this);

  get sizes(): readonly number[] {
    return [this.#options.seen.size, this.#empty.size, this.#inner.has("a") ? 1 : 0];
  }
}

test("retainedBy: finds what is in private fields, however they refer to each other, and leaves out what was given", () => {
  const outer = new Outer();
  expect(outer.sizes).toEqual([1, 0, 1]);
  expect(Object.fromEntries(retainedBy(outer))).toEqual({ list: 3, "#inner.#names": 2 });
});
