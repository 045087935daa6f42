import { describe, expect, test } from "vitest";
import type { Schema } from "../resource.ts";
import { compileExpression } from "./compile.ts";
import { estimateCost } from "./estimate/estimate.ts";
import type { Type } from "./language/types.ts";
import { declare } from "./schema/declaration.ts";
import { evaluate, integer, list, map, number, object, text } from "./testing/evaluate.ts";

/** Figures that Kubernetes 1.35 gives for the same expressions on the same data. */
describe("runtime cost: is Kubernetes'", () => {
  const texts = object({ a: text, b: text });
  const lists = object({ a: list(integer), b: list(integer) });
  const sets = object({ a: list(text, { "x-kubernetes-list-type": "set" }) });
  const maps = object({ val: map(integer) });
  const entry = { "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k"] } as const;
  const mapLists = object({ objs: list(list(object({ k: text, v: text }), entry)) });
  const rows: readonly (readonly [source: string, schema: Schema, data: unknown, cost: number])[] = [
    ["self.a == self.b", texts, { a: "x", b: "x" }, 5],
    ["type(self.a) == string", texts, { a: "x" }, 4],
    ["self.a.startsWith('Rook')", texts, { a: "Rook takes 👑" }, 4],
    ["self.a.matches('^[^0-9]*$')", texts, { a: "Rook takes 👑" }, 8],
    ["self.a.replace(' ', 'x') == 'Rookxtakesx👑'", texts, { a: "Rook takes 👑" }, 7],
    ["self.a.split(' ') == ['Rook', 'takes', '👑']", texts, { a: "Rook takes 👑" }, 6],
    ["'%e'.format([3.14]) == '3.140000×10⁰⁰'", texts, { a: "" }, 3],
    ["double(5) < 10.0", texts, { a: "" }, 1],
    ["self.a in ['x', 'y']", texts, { a: "x" }, 2],
    ["1 in self.a", lists, { a: [1, 2, 3] }, 5],
    ["self.b[0] in self.a", lists, { a: [1, 2, 3], b: [1] }, 8],
    ["self.a + self.b == [1, 2, 3, 1, 2, 3]", lists, { a: [1, 2, 3], b: [1, 2, 3] }, 6],
    ["has(self.a) && has(self.b)", lists, { a: [], b: [] }, 2],
    ["sets.equivalent(self.a, ['a', 'b', 'c'])", sets, { a: ["a", "b", "c"] }, 21],
    ["self.a + ['c', 'd'] == ['a', 'b', 'c', 'd']", sets, { a: ["a", "b", "c"] }, 4],
    ["self.val.all(k, self.val[k] > 0)", maps, { val: { b: 1, d: 2 } }, 17],
    ["!self.val.exists(k, self.val[k] == 3)", maps, { val: { b: 1, d: 2 } }, 20],
    ["self.val.exists_one(k, self.val[k] == 2)", maps, { val: { b: 1, d: 2 } }, 14],
    ["size(self.val.filter(k, self.val[k] > 1)) == 1", maps, { val: { b: 1, d: 2 } }, 26],
    ["self.val.existsOne(k, v, v == 2)", maps, { val: { b: 1, d: 2 } }, 10],
    ["self.val.transformMap(k, v, v > 1, v + 1).size() == 1", maps, { val: { b: 1, d: 2 } }, 14],
    ["self.val.transformMapEntry(k, v, {k + '2': v + 1}).size() == 2", maps, { val: { b: 1, d: 2 } }, 77],
    [
      "self.objs[1] + [self.objs[0][0], self.objs[0][1]] == self.objs[0]",
      mapLists,
      {
        objs: [
          [
            { k: "a", v: "1" },
            { k: "b", v: "2" },
          ],
          [
            { k: "b", v: "3" },
            { k: "a", v: "1" },
          ],
        ],
      },
      26,
    ],
    [
      "self.objs[0] == self.objs[1]",
      mapLists,
      {
        objs: [
          [
            { k: "a", v: "1" },
            { k: "b", v: "2" },
          ],
          [
            { k: "b", v: "2" },
            { k: "a", v: "1" },
          ],
        ],
      },
      7,
    ],
  ];
  test.each(rows)("%s", (source, schema, data, cost) => {
    expect(evaluate(source, schema, data)).toEqual({ value: true, cost });
  });
});

describe("estimated cost: is Kubernetes'", () => {
  const limited = (schema: Schema, maxItems: number): Schema => ({ ...schema, maxItems });
  const required = object({ required: text, optional: text }, { required: ["required"] });
  const rows: readonly (readonly [source: string, schema: Schema, cost: number])[] = [
    ["self.all(x, true)", list(number), 4_718_591],
    ["self.all(x, true)", limited(list(number), 10), 32],
    ["self.all(x, true)", list(text), 3_145_727],
    ["self.all(x, true)", map(number), 1_348_169],
    ["self.all(x, true)", map(required), 428_963],
    ["self.contains('test')", text, 314_574],
    ["self.contains('test')", { type: "string", maxLength: 10 }, 5],
    ["self.startsWith('test')", text, 2],
    ['size(self + "hello") > size("hello")', text, 314_578],
    ["self[1] == 0.0", list(number), 2],
    ["self[1] == self[1]", list(text), 314_577],
    ["self.all(x, self.all(y, true))", limited(list(number), 10), 352],
    ["self.all(x, self.all(y, self.all(z, true)))", limited(list(number), 10), 3552],
    ['self.matches("x")', text, 314_574],
    ['"".matches("(((((((((())))))))))[0-9]")', text, 7],
    ['self == "x"', { type: "string", maxLength: 0 }, 1],
    ["self.all(x, x == 0.0)", limited(list(number), 3 * 1024 * 2048), 25_165_826],
    ["self[0] == null", list(required), 2],
    ["self[0][0] == -1.0", list(list(number)), 3],
    ["self.all(x, x.y == 25.2)", list(map(number)), 6_291_452],
    ["self[0].getHours() == 2", list({ type: "string", format: "duration" }), 4],
    ["self.all(x, true)", list({ type: "string", format: "date-time" }), 428_963],
    ["self.find('[0-9]+') == ''", text, 629_147],
    ["self.join(' ') == 'aa bb'", list(text), 329_853_068_905],
    ["self.isSorted() == true", list(text), 329_854_432_052],
    ["self.lowerAscii() == 'lower!'", text, 314_575],
    ["self.contains('A')", { type: "string", enum: ["A", "B", "LongValue"] }, 2],
    ["isQuantity(self)", { "x-kubernetes-int-or-string": true }, 314_574],
    ['self["a"] == self["b"]', map({ type: "string", format: "date-time" }), 8],
  ];
  test.each(rows)("%s of %j", (source, schema, cost) => {
    const declaration = declare(schema, false);
    if (!declaration) expect.fail("the schema has no declaration");
    const compiled = compileExpression(source, new Map<string, Type>([["self", declaration.type]]));
    if (compiled.kind === "failed") expect.fail(compiled.message);
    expect(estimateCost(compiled.checked, declaration)).toBe(cost);
  });
});
