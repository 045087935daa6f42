import * as fc from "fast-check";
import { expect, test } from "vitest";
import { applyJsonPatch } from "./json-patch.ts";
import { applyMergePatch } from "./merge-patch.ts";

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
  {
    name: "replace of a field that is missing sets it",
    patch: [{ op: "replace", path: "/zz", value: 1 }],
    result: { a: { b: 1 }, l: [1, 2], zz: 1 },
  },
  {
    name: "negative indices count from the end",
    patch: [
      { op: "remove", path: "/l/-1" },
      { op: "add", path: "/l/-1", value: 7 },
    ],
    result: { a: { b: 1 }, l: [1, 7] },
  },
  {
    name: "what is missing is null to a test",
    patch: [
      { op: "test", path: "/zz", value: null },
      { op: "replace", path: "/l/0", value: 0 },
    ],
    result: { a: { b: 1 }, l: [0, 2] },
  },
  { name: "replace of the whole", patch: [{ op: "replace", path: "", value: { x: 1 } }], result: { x: 1 } },
  {
    name: "test of the whole",
    patch: [{ op: "test", path: "", value: { l: [1, 2], a: { b: 1 } } }],
    result: { a: { b: 1 }, l: [1, 2] },
  },
  {
    name: "names with empty parts",
    patch: [{ op: "add", path: "/a/", value: 1 }],
    result: { a: { b: 1, "": 1 }, l: [1, 2] },
  },
])("applyJsonPatch: as kube-apiserver: $name", ({ patch, result }) => {
  expect(applyJsonPatch({ a: { b: 1 }, l: [1, 2] }, patch)).toEqual(result);
});

const rejected = "the server rejected our request due to an error in our request: ";

test.each([
  {
    name: "no list",
    patch: {},
    reason: "BadRequest",
    message:
      "error decoding patch: json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp",
  },
  {
    name: "no operation",
    patch: [1],
    reason: "BadRequest",
    message: "error decoding patch: json: cannot unmarshal number into Go value of type handlers.jsonPatchOp",
  },
  {
    name: "an operation that is no text",
    patch: [{ op: true }],
    reason: "BadRequest",
    message:
      "error decoding patch: json: cannot unmarshal bool into Go struct field jsonPatchOp.op of type string",
  },
  { name: "add without value", patch: [{ op: "add", path: "/a" }], reason: "BadRequest" },
  {
    name: "unknown operation",
    patch: [{ op: "x", path: "" }],
    reason: "Invalid",
    message: `${rejected}Unexpected kind: x`,
  },
  {
    name: "no operation's name",
    patch: [{ path: "/a" }],
    reason: "Invalid",
    message: `${rejected}Unexpected kind: unknown`,
  },
  {
    name: "no path",
    patch: [{ op: "remove" }],
    reason: "Invalid",
    message: `${rejected}remove operation failed to decode path: missing value`,
  },
  { name: "no from", patch: [{ op: "copy", path: "/a" }], reason: "Invalid" },
  {
    name: "a pointer without /",
    patch: [{ op: "remove", path: "a" }],
    reason: "Invalid",
    message: `${rejected}remove operation does not apply: doc is missing path: "a": missing value`,
  },
  { name: "removing the whole", patch: [{ op: "remove", path: "" }], reason: "Invalid" },
  {
    name: "replacing the whole by text",
    patch: [{ op: "replace", path: "", value: "x" }],
    reason: "Invalid",
  },
  {
    name: "a missing field",
    patch: [{ op: "remove", path: "/zz" }],
    reason: "Invalid",
    message: `${rejected}error in remove for path: '/zz': Unable to remove nonexistent key: zz: missing value`,
  },
  { name: "a missing parent", patch: [{ op: "add", path: "/zz/y", value: 1 }], reason: "Invalid" },
  {
    name: "a parent of a prototype",
    patch: [{ op: "add", path: "/constructor/y", value: 1 }],
    reason: "Invalid",
  },
  { name: "copying what is missing", patch: [{ op: "copy", from: "/zz", path: "/y" }], reason: "Invalid" },
  {
    name: "beyond a list",
    patch: [{ op: "add", path: "/l/9", value: 1 }],
    reason: "Invalid",
    message: `${rejected}error in add for path: '/l/9': Unable to access invalid index: 9: invalid index referenced`,
  },
  { name: "before a list", patch: [{ op: "remove", path: "/l/-3" }], reason: "Invalid" },
  { name: "the end of a list, removed", patch: [{ op: "remove", path: "/l/-" }], reason: "Invalid" },
  { name: "an index that is none", patch: [{ op: "replace", path: "/l/1e0", value: 1 }], reason: "Invalid" },
  {
    name: "a test that fails",
    patch: [{ op: "test", path: "/l", value: [] }],
    reason: "Invalid",
    message: `${rejected}testing value /l failed: test failed`,
  },
  {
    name: "a test after a change",
    patch: [
      { op: "remove", path: "/a" },
      { op: "test", path: "/a/b", value: 1 },
    ],
    reason: "Invalid",
  },
  { name: "a move into itself", patch: [{ op: "move", from: "/a", path: "/a/b" }], reason: "Invalid" },
  { name: "a prototype", patch: [{ op: "add", path: "/__proto__", value: {} }], reason: "Invalid" },
  {
    name: "a prototype, replaced",
    patch: [{ op: "replace", path: "/__proto__", value: {} }],
    reason: "Invalid",
  },
  {
    name: "copies that double",
    patch: Array.from({ length: 60 }, () => ({ op: "copy", from: "/a", path: "/a/c" })).flatMap((copy) => [
      copy,
      { ...copy, path: "/a/d" },
    ]),
    reason: "Invalid",
  },
  {
    name: "nesting without end",
    patch: Array.from({ length: 1000 }, (_, at) => ({ op: "add", path: "/a".repeat(at + 1), value: {} })),
    reason: "Invalid",
  },
  {
    name: "what moves have nested, before it is copied",
    patch: [
      { op: "add", path: "/x0", value: {} },
      ...Array.from({ length: 4_000 }, (_, at) => [
        { op: "add", path: `/x${at + 1}`, value: {} },
        { op: "move", from: `/x${at}`, path: `/x${at + 1}/y` },
      ]).flat(),
      { op: "copy", from: "/x4000", path: "/z" },
    ],
    reason: "Invalid",
  },
  {
    name: "more shifting of a long list than there is time for",
    patch: [
      { op: "add", path: "/x", value: Array.from({ length: 1_000_000 }, () => 0) },
      ...Array.from({ length: 9_000 }, () => ({ op: "move", from: "/x/0", path: "/x/-" })),
    ],
    reason: "Invalid",
  },
  {
    name: "too many operations",
    patch: Array.from({ length: 10_001 }, () => ({ op: "test", path: "/a/b", value: 1 })),
    reason: "RequestEntityTooLarge",
    message: "Request entity too large: The allowed maximum operations in a JSON patch is 10000, got 10001",
  },
])("applyJsonPatch: refuses $name", ({ patch, reason, message }) => {
  const target = { a: { b: 1 }, l: [1, 2] };
  const expected = message === undefined ? { code: reason } : { code: reason, message };
  expect(() => applyJsonPatch(target, patch)).toThrow(expect.objectContaining(expected) as Error);
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
