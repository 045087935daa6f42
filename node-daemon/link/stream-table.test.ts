import * as fc from "fast-check";
import { expect, test } from "vitest";
import { type Numbered, StreamTable } from "./stream-table.ts";

test("StreamTable: is what a Map would be, whatever is added and deleted", () => {
  const step = fc.record({ add: fc.boolean(), id: fc.integer({ min: 1, max: 300 }) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 400 }), (steps) => {
      const table = new StreamTable<Numbered>();
      const map = new Map<number, Numbered>();
      for (const { add, id } of steps) {
        if (!add) {
          table.delete(id);
          map.delete(id);
        } else if (!map.has(id)) {
          const one = { id };
          table.add(one);
          map.set(id, one);
        }
        expect(table.size).toBe(map.size);
        expect(table.get(id)).toBe(map.get(id));
      }
      for (let id = 1; id <= 300; id++) expect(table.get(id)).toBe(map.get(id));
      expect(table.values().toSorted((a, b) => a.id - b.id)).toEqual(
        [...map.values()].toSorted((a, b) => a.id - b.id),
      );
    }),
  );
});

test("StreamTable: finds the neighbours of what is deleted, around its end", () => {
  const table = new StreamTable<Numbered>();
  const ids = [63, 127, 191, 64, 128];
  for (const id of ids) table.add({ id });
  table.delete(63);
  expect(ids.map((id) => table.get(id)?.id)).toEqual([undefined, 127, 191, 64, 128]);
  table.delete(191);
  expect(ids.map((id) => table.get(id)?.id)).toEqual([undefined, 127, undefined, 64, 128]);
});
