import * as fc from "fast-check";
import { expect, test } from "vitest";
import { type Busy, LeastBusy } from "./least-busy.ts";

interface Named extends Busy {
  readonly name: number;
}

function member(name: number, inFlight = 0): Named {
  return { name, inFlight, bucket: -1, before: undefined, after: undefined };
}

test("LeastBusy: gives equals their turn one after the other", () => {
  const queue = new LeastBusy<Named>();
  for (const name of [1, 2, 3]) queue.add(member(name));
  const turns = Array.from({ length: 6 }, () => {
    const first = queue.first();
    if (first === undefined) throw new Error("there are three");
    first.inFlight++;
    queue.move(first);
    return first.name;
  });
  expect(turns).toEqual([1, 2, 3, 1, 2, 3]);
});

test("LeastBusy: leaves out those that were tried", () => {
  const queue = new LeastBusy<Named>();
  const [a, b, c] = [member(1), member(2), member(3, 5)];
  for (const one of [a, b, c]) queue.add(one);
  expect(queue.firstWithout([a])).toBe(b);
  expect(queue.firstWithout([a, b])).toBe(c);
  expect(queue.firstWithout([a, b, c])).toBeUndefined();
});

test("LeastBusy: whatever is added, moved and removed, the first is a least busy one", () => {
  const step = fc.record({
    name: fc.nat(5),
    inFlight: fc.nat(20),
    kind: fc.constantFrom("add", "move", "remove"),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const queue = new LeastBusy<Named>();
      const members = Array.from({ length: 6 }, (_, name) => member(name));
      const inside = new Set<Named>();
      for (const { name, inFlight, kind } of steps) {
        const one = members[name];
        if (one === undefined) continue;
        if (kind === "remove") {
          queue.remove(one);
          inside.delete(one);
        } else if (inside.has(one)) {
          one.inFlight = inFlight;
          queue.move(one);
        } else if (kind === "add") {
          one.inFlight = inFlight;
          queue.add(one);
          inside.add(one);
        }
        expect(queue.size).toBe(inside.size);
        const least = Math.min(...[...inside].map((each) => each.inFlight));
        expect(queue.first()?.inFlight).toBe(inside.size === 0 ? undefined : least);
      }
    }),
  );
});
