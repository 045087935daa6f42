import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { JsonObject, Schema } from "../resource.ts";
import { objectMetaSchema } from "../schema/metadata-schema.ts";
import { applyStrategicMergePatch } from "./strategic-merge.ts";

const text: Schema = { type: "string" };
const item: Schema = {
  type: "object",
  properties: {
    name: text,
    value: text,
    tags: { type: "array", "x-kubernetes-list-type": "set", items: text },
  },
};
const schema: Schema = {
  type: "object",
  properties: {
    metadata: objectMetaSchema,
    data: { type: "object", additionalProperties: text },
    items: {
      type: "array",
      "x-kubernetes-list-type": "map",
      "x-kubernetes-list-map-keys": ["name"],
      items: item,
    },
    old: {
      type: "array",
      "x-kubernetes-patch-strategy": "merge",
      "x-kubernetes-patch-merge-key": "name",
      items: item,
    },
    plain: { type: "array", items: item },
    replaced: {
      type: "array",
      "x-kubernetes-list-type": "set",
      "x-kubernetes-patch-strategy": "replace",
      items: text,
    },
    strategy: {
      type: "object",
      "x-kubernetes-patch-strategy": "retainKeys",
      properties: { type: text, rolling: { type: "object" } },
    },
    whole: { type: "object", "x-kubernetes-patch-strategy": "replace", properties: { a: text, b: text } },
    named: {
      type: "object",
      additionalProperties: {
        type: "object",
        properties: { set: { type: "array", "x-kubernetes-list-type": "set", items: text } },
      },
    },
  },
};

const named = (name: string, extra: object = {}) => ({ name, ...extra });
const owner = (uid: string, extra: object = {}) => ({ uid, name: uid, ...extra });

test.each<{ name: string; target: JsonObject; patch: JsonObject; result: JsonObject }>([
  {
    name: "maps merge and null removes",
    target: { data: { a: "1", b: "2" } },
    patch: { data: { a: null, c: "3" } },
    result: { data: { b: "2", c: "3" } },
  },
  { name: "null where nothing is", target: {}, patch: { data: { a: null }, x: null }, result: { data: {} } },
  {
    name: "another type replaces",
    target: { data: "x" },
    patch: { data: { a: "1" } },
    result: { data: { a: "1" } },
  },
  {
    name: "owners merge by uid",
    target: { metadata: { ownerReferences: [owner("1"), owner("2")] } },
    patch: { metadata: { ownerReferences: [owner("2", { controller: true })] } },
    result: { metadata: { ownerReferences: [owner("1"), owner("2", { controller: true })] } },
  },
  {
    name: "finalizers are a set",
    target: { metadata: { finalizers: ["a", "b"] } },
    patch: { metadata: { finalizers: ["c", "a"] } },
    result: { metadata: { finalizers: ["c", "a", "b"] } },
  },
  {
    name: "keyed lists merge by the first key",
    target: { items: [named("a", { value: "1" }), named("b")] },
    patch: { items: [named("a", { value: "2" })] },
    result: { items: [named("a", { value: "2" }), named("b")] },
  },
  {
    name: "new items come first, as in Kubernetes",
    target: { items: [named("a"), named("b")] },
    patch: { items: [named("c")] },
    result: { items: [named("c"), named("a"), named("b")] },
  },
  {
    name: "items of the patch are in its order, others before those that they were before",
    target: { old: [named("a"), named("b"), named("c"), named("d")] },
    patch: { old: [named("d"), named("b")] },
    result: { old: [named("a"), named("c"), named("d"), named("b")] },
  },
  {
    name: "lists inside of items merge, too",
    target: { items: [named("a", { tags: ["x"] })] },
    patch: { items: [named("a", { tags: ["y"] })] },
    result: { items: [named("a", { tags: ["y", "x"] })] },
  },
  {
    name: "lists inside of maps of any name merge, too",
    target: { named: { n: { set: ["x"] } } },
    patch: { named: { n: { set: ["y"] } } },
    result: { named: { n: { set: ["y", "x"] } } },
  },
  {
    name: "other lists are replaced",
    target: { plain: [named("a")] },
    patch: { plain: [named("b", { value: null })] },
    result: { plain: [named("b")] },
  },
  {
    name: "lists that say so are replaced",
    target: { replaced: ["a"] },
    patch: { replaced: ["b"] },
    result: { replaced: ["b"] },
  },
  {
    name: "lists that no schema knows are replaced",
    target: { x: [1, 2] },
    patch: { x: [3] },
    result: { x: [3] },
  },
  {
    name: "maps that say so are replaced",
    target: { whole: { a: "1" } },
    patch: { whole: { b: "2" } },
    result: { whole: { b: "2" } },
  },
  {
    name: "$patch: replace of a map",
    target: { data: { a: "1", b: "2" } },
    patch: { data: { $patch: "replace", c: "3", d: null } },
    result: { data: { c: "3" } },
  },
  {
    name: "$patch: delete of a map",
    target: { data: { a: "1" } },
    patch: { data: { $patch: "delete" } },
    result: { data: {} },
  },
  {
    name: "$patch: delete of a map that is not there",
    target: {},
    patch: { data: { $patch: "delete" } },
    result: {},
  },
  {
    name: "$patch: delete of an item",
    target: { items: [named("a"), named("b")] },
    patch: { items: [{ $patch: "delete", name: "a" }] },
    result: { items: [named("b")] },
  },
  {
    name: "$patch: delete of an item that is not there",
    target: { items: [named("b")] },
    patch: { items: [{ $patch: "delete", name: "a" }] },
    result: { items: [named("b")] },
  },
  {
    name: "$patch: replace of a list",
    target: { items: [named("a"), named("b")] },
    patch: { items: [{ $patch: "replace" }, named("c")] },
    result: { items: [named("c")] },
  },
  {
    name: "$patch: delete of an item where there is no list",
    target: {},
    patch: { items: [{ $patch: "delete", name: "a" }, named("b")] },
    result: { items: [named("b")] },
  },
  {
    name: "$deleteFromPrimitiveList",
    target: { metadata: { finalizers: ["a", "b"] } },
    patch: { metadata: { "$deleteFromPrimitiveList/finalizers": ["a", "z"] } },
    result: { metadata: { finalizers: ["b"] } },
  },
  {
    name: "$deleteFromPrimitiveList where there is no list",
    target: {},
    patch: { metadata: { "$deleteFromPrimitiveList/finalizers": ["a"] } },
    result: { metadata: {} },
  },
  {
    name: "$setElementOrder of a set",
    target: { metadata: { finalizers: ["a", "b"] } },
    patch: { metadata: { finalizers: ["c"], "$setElementOrder/finalizers": ["c", "b", "a"] } },
    result: { metadata: { finalizers: ["c", "b", "a"] } },
  },
  {
    name: "$setElementOrder alone",
    target: { items: [named("a"), named("b"), named("c")] },
    patch: { "$setElementOrder/items": [named("c"), named("a")] },
    result: { items: [named("b"), named("c"), named("a")] },
  },
  {
    name: "$setElementOrder with a deletion, as kubectl sends it",
    target: { items: [named("a"), named("b")] },
    patch: { "$setElementOrder/items": [named("b")], items: [{ $patch: "delete", name: "a" }] },
    result: { items: [named("b")] },
  },
  {
    name: "$setElementOrder with a deletion and a new item",
    target: { items: [named("a"), named("b"), named("z")] },
    patch: {
      "$setElementOrder/items": [named("b"), named("c")],
      items: [named("c"), { $patch: "delete", name: "a" }],
    },
    result: { items: [named("b"), named("z"), named("c")] },
  },
  {
    name: "$setElementOrder of a list that is new",
    target: {},
    patch: { "$setElementOrder/items": [named("a"), named("b")], items: [named("a"), named("b")] },
    result: { items: [named("a"), named("b")] },
  },
  {
    name: "$setElementOrder of no list at all",
    target: {},
    patch: { "$setElementOrder/items": [named("a")] },
    result: {},
  },
  {
    name: "$retainKeys",
    target: { strategy: { type: "A", rolling: {} } },
    patch: { strategy: { $retainKeys: ["type"], type: "B" } },
    result: { strategy: { type: "B" } },
  },
  {
    name: "$retainKeys, and a null of what is not retained",
    target: { strategy: { type: "A", rolling: {} } },
    patch: { strategy: { $retainKeys: ["type"], type: "B", rolling: null } },
    result: { strategy: { type: "B" } },
  },
  {
    name: "directives do not become fields of what is new",
    target: {},
    patch: { strategy: { $retainKeys: ["type"], type: "B" } },
    result: { strategy: { type: "B" } },
  },
  {
    name: "names of prototypes",
    target: { data: { a: "1" } },
    patch: { data: { constructor: "2", toString: null } },
    result: { data: { a: "1", constructor: "2" } },
  },
])("applyStrategicMergePatch: $name", ({ target, patch, result }) => {
  const before = structuredClone([target, patch]);
  expect(applyStrategicMergePatch(target, patch, schema)).toEqual(result);
  expect([target, patch]).toEqual(before);
});

test.each<{ name: string; patch: unknown; message: string; code?: string }>([
  { name: "a list", patch: [], message: "invalid JSON document" },
  {
    name: "an unknown directive",
    patch: { data: { $patch: "x" } },
    message: "unknown patch type: x in map: map[$patch:x]",
  },
  {
    name: "merge, which is what patches do anyway",
    patch: { data: { $patch: "merge" } },
    message: "unknown patch type: merge in map: map[$patch:merge]",
  },
  {
    name: "an unknown directive of an item",
    patch: { items: [{ $patch: 3 }] },
    message: "unknown patch type: 3 in map: map[$patch:3]",
  },
  {
    name: "merge of an item",
    patch: { items: [{ $patch: "merge", name: "a" }] },
    message: "merging lists cannot yet be specified in the patch",
  },
  {
    name: "an item without its key",
    patch: { items: [{ value: "1" }] },
    message: "map: map[value:1] does not contain declared merge key: name",
  },
  {
    name: "a deletion without a key",
    patch: { items: [{ $patch: "delete" }] },
    message: "map: map[$patch:delete] does not contain declared merge key: name",
  },
  {
    name: "items of several types",
    patch: { items: ["a"] },
    message: "list element types are not identical: [[map[name:a]] [a]]",
  },
  {
    name: "lists of lists",
    patch: { items: [["a"]] },
    message:
      "the server rejected our request due to an error in our request: lists of lists are not supported",
    code: "Invalid",
  },
  {
    name: "retainKeys that are no list",
    patch: { data: { $retainKeys: "a" } },
    message: "invalid patch format of retainKeys",
  },
  {
    name: "a field that is not retained",
    patch: { data: { $retainKeys: ["a"], b: "1" } },
    message: "invalid patch format of retainKeys",
  },
  {
    name: "an order of nothing",
    patch: { $setElementOrder: [] },
    message: "invalid patch format of setElementOrder list",
  },
  {
    name: "an order that is no list",
    patch: { "$setElementOrder/items": "a" },
    message: "expected a []interface {}, but received a string",
  },
  {
    name: "an order for what is no list",
    patch: { "$setElementOrder/data": [] },
    message: "expected a []interface {}, but received a map[string]interface {}",
  },
  {
    name: "an order without keys",
    patch: { "$setElementOrder/items": [{ value: "1" }] },
    message: "map: map[value:1] does not contain declared merge key: name",
  },
  {
    name: "an order of other types",
    patch: { "$setElementOrder/items": ["a"] },
    message: "expected a map[string]interface {}, but received a string",
  },
  {
    name: "an order that the patch does not keep",
    patch: { "$setElementOrder/items": [named("a"), named("b")], items: [named("b"), named("a")] },
    message:
      "The order in patch list:\n[map[name:b] map[name:a]]\n doesn't match $setElementOrder list:\n[map[name:a] map[name:b]]\n",
  },
  {
    name: "a deletion of nothing",
    patch: { $deleteFromPrimitiveList: [] },
    message: "invalid patch format of primitive list",
  },
  {
    name: "a deletion that is no list",
    patch: { "$deleteFromPrimitiveList/x": 3 },
    message: "expected a []interface {}, but received a int64",
  },
])("applyStrategicMergePatch: refuses $name", ({ patch, message, code = "BadRequest" }) => {
  const target = { data: {}, items: [named("a")] };
  expect(() => applyStrategicMergePatch(target, patch, schema)).toThrow(
    expect.objectContaining({ message, code }) as Error,
  );
});

test("applyStrategicMergePatch: any JSON is a patch or refused, and never changes what it is given", () => {
  const directives = fc.constantFrom(
    "$patch",
    "$retainKeys",
    "$setElementOrder/items",
    "$deleteFromPrimitiveList/items",
    "items",
    "data",
    "name",
  );
  const { patch } = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      fc.constantFrom("merge", "delete", "replace", null, 1, "a"),
      tie("patch"),
      fc.array(tie("value"), { maxLength: 3 }),
    ),
    patch: fc.dictionary(directives, tie("value"), { maxKeys: 4 }),
  }));
  fc.assert(
    fc.property(patch, patch, (target, given) => {
      const before = structuredClone([target, given]);
      try {
        const result = applyStrategicMergePatch(target, given, schema);
        expect(JSON.stringify(applyStrategicMergePatch(result, {}, schema))).toBe(JSON.stringify(result));
      } catch (thrown) {
        expect(thrown).toMatchObject({ code: expect.stringMatching(/BadRequest|Invalid/) as string });
      }
      expect([target, given]).toEqual(before);
    }),
    { seed: 31, numRuns: 500 },
  );
});
