import * as fc from "fast-check";
import { expect, test } from "vitest";
import { applyJsonPatch } from "./json-patch.ts";
import { applyMergePatch } from "./merge-patch.ts";
import { applyStrategicMergePatch } from "./strategic-merge.ts";

/** The examples of RFC 7386, appendix A. */
test.each([
  { target: { a: "b" }, patch: { a: "c" }, result: { a: "c" } },
  { target: { a: "b" }, patch: { b: "c" }, result: { a: "b", b: "c" } },
  { target: { a: "b" }, patch: { a: null }, result: {} },
  { target: { a: "b", b: "c" }, patch: { a: null }, result: { b: "c" } },
  { target: { a: ["b"] }, patch: { a: "c" }, result: { a: "c" } },
  { target: { a: "c" }, patch: { a: ["b"] }, result: { a: ["b"] } },
  { target: { a: { b: "c" } }, patch: { a: { b: "d", c: null } }, result: { a: { b: "d" } } },
  { target: { a: [{ b: "c" }] }, patch: { a: [1] }, result: { a: [1] } },
  { target: ["a", "b"], patch: ["c", "d"], result: ["c", "d"] },
  { target: { a: "b" }, patch: ["c"], result: ["c"] },
  { target: { a: "foo" }, patch: null, result: null },
  { target: { e: null }, patch: { a: 1 }, result: { e: null, a: 1 } },
  { target: [1, 2], patch: { a: "b", c: null }, result: { a: "b" } },
  { target: {}, patch: { a: { bb: { ccc: null } } }, result: { a: { bb: {} } } },
])("applyMergePatch: $patch on $target", ({ target, patch, result }) => {
  const before = structuredClone(target);
  expect(applyMergePatch(target, patch)).toEqual(result);
  expect(target).toEqual(before);
});

test.each([
  {
    name: "add a field",
    patch: [{ op: "add", path: "/c", value: 1 }],
    result: { a: { b: 1 }, l: [1, 2], c: 1 },
  },
  {
    name: "add into a list",
    patch: [{ op: "add", path: "/l/1", value: 9 }],
    result: { a: { b: 1 }, l: [1, 9, 2] },
  },
  { name: "append", patch: [{ op: "add", path: "/l/-", value: 9 }], result: { a: { b: 1 }, l: [1, 2, 9] } },
  { name: "remove", patch: [{ op: "remove", path: "/a/b" }], result: { a: {}, l: [1, 2] } },
  { name: "remove of a list", patch: [{ op: "remove", path: "/l/0" }], result: { a: { b: 1 }, l: [2] } },
  { name: "replace", patch: [{ op: "replace", path: "/l", value: "x" }], result: { a: { b: 1 }, l: "x" } },
  { name: "move", patch: [{ op: "move", from: "/a/b", path: "/c" }], result: { a: {}, l: [1, 2], c: 1 } },
  {
    name: "copy",
    patch: [{ op: "copy", from: "/a", path: "/c" }],
    result: { a: { b: 1 }, l: [1, 2], c: { b: 1 } },
  },
  {
    name: "test that holds",
    patch: [{ op: "test", path: "/a", value: { b: 1 } }],
    result: { a: { b: 1 }, l: [1, 2] },
  },
  {
    name: "escapes",
    patch: [{ op: "add", path: "/x~1y~0", value: 1 }],
    result: { a: { b: 1 }, l: [1, 2], "x/y~": 1 },
  },
])("applyJsonPatch: $name", ({ patch, result }) => {
  expect(applyJsonPatch({ a: { b: 1 }, l: [1, 2] }, patch)).toEqual(result);
});

test.each([
  { name: "no list", patch: {}, reason: "BadRequest" },
  { name: "no operation", patch: [1], reason: "BadRequest" },
  { name: "unknown operation", patch: [{ op: "x", path: "" }], reason: "BadRequest" },
  { name: "a pointer without /", patch: [{ op: "remove", path: "a" }], reason: "BadRequest" },
  { name: "add without value", patch: [{ op: "add", path: "/a" }], reason: "BadRequest" },
  { name: "a missing field", patch: [{ op: "remove", path: "/zz" }], reason: "Invalid" },
  {
    name: "a replaced field that is missing",
    patch: [{ op: "replace", path: "/zz", value: 1 }],
    reason: "Invalid",
  },
  { name: "beyond a list", patch: [{ op: "add", path: "/l/9", value: 1 }], reason: "Invalid" },
  { name: "a leading zero", patch: [{ op: "remove", path: "/l/00" }], reason: "Invalid" },
  { name: "a test that fails", patch: [{ op: "test", path: "/l", value: [] }], reason: "Invalid" },
  { name: "a move into itself", patch: [{ op: "move", from: "/a", path: "/a/b" }], reason: "BadRequest" },
  { name: "a prototype", patch: [{ op: "add", path: "/__proto__", value: {} }], reason: "Invalid" },
  {
    name: "copies that double",
    patch: Array.from({ length: 60 }, () => ({ op: "copy", from: "", path: "/l/-" })),
    reason: "RequestEntityTooLarge",
  },
])("applyJsonPatch: refuses $name", ({ patch, reason }) => {
  const target = { a: { b: 1 }, l: [1, 2] };
  expect(() => applyJsonPatch(target, patch)).toThrow(expect.objectContaining({ code: reason }) as Error);
  expect(target).toEqual({ a: { b: 1 }, l: [1, 2] });
});

test("applyJsonPatch, applyMergePatch: add of what is there already changes nothing", () => {
  fc.assert(
    fc.property(
      fc.dictionary(
        fc.string().filter((key) => key !== "__proto__"),
        fc.jsonValue(),
      ),
      (object) => {
        for (const [key, value] of Object.entries(object)) {
          const path = `/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`;
          expect(applyJsonPatch(object, [{ op: "add", path, value }])).toEqual(object);
        }
        expect(applyMergePatch(object, {})).toEqual(object);
      },
    ),
    { seed: 7 },
  );
});

const owner = (uid: string, extra: object = {}) => ({ uid, name: uid, ...extra });

test.each([
  {
    name: "maps merge and null removes",
    target: { data: { a: "1", b: "2" } },
    patch: { data: { a: null, c: "3" } },
    result: { data: { b: "2", c: "3" } },
  },
  {
    name: "owners merge by uid",
    target: { metadata: { ownerReferences: [owner("1"), owner("2")] } },
    patch: { metadata: { ownerReferences: [owner("2", { controller: true }), owner("3")] } },
    result: { metadata: { ownerReferences: [owner("1"), owner("2", { controller: true }), owner("3")] } },
  },
  {
    name: "$patch: delete removes an owner",
    target: { metadata: { ownerReferences: [owner("1"), owner("2")] } },
    patch: { metadata: { ownerReferences: [{ $patch: "delete", uid: "1" }] } },
    result: { metadata: { ownerReferences: [owner("2")] } },
  },
  {
    name: "finalizers are a set, in the order that is asked for",
    target: { metadata: { finalizers: ["a", "b"] } },
    patch: { metadata: { finalizers: ["c"], "$setElementOrder/finalizers": ["c", "b", "a"] } },
    result: { metadata: { finalizers: ["c", "b", "a"] } },
  },
  {
    name: "$deleteFromPrimitiveList",
    target: { metadata: { finalizers: ["a", "b"] } },
    patch: { metadata: { "$deleteFromPrimitiveList/finalizers": ["a"] } },
    result: { metadata: { finalizers: ["b"] } },
  },
  {
    name: "$patch: replace",
    target: { data: { a: "1", b: "2" } },
    patch: { data: { $patch: "replace", c: "3" } },
    result: { data: { c: "3" } },
  },
  {
    name: "$retainKeys",
    target: { data: { a: "1", b: "2" } },
    patch: { data: { $retainKeys: ["b", "c"], c: "3" } },
    result: { data: { b: "2", c: "3" } },
  },
  {
    name: "other lists are replaced",
    target: { x: [1, 2] },
    patch: { x: [3] },
    result: { x: [3] },
  },
])("applyStrategicMergePatch: $name", ({ target, patch, result }) => {
  expect(applyStrategicMergePatch(target, patch)).toEqual(result);
});
