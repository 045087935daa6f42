import * as fc from "fast-check";
import { expect, test } from "vitest";
import {
  asMember,
  difference,
  type FieldSet,
  has,
  intersection,
  isEmpty,
  isEqual,
  leaf,
  pathsOf,
  setOf,
  setOfPath,
  union,
} from "./field-set.ts";
import { parseFieldsV1 } from "./fields-v1.ts";
import { canonicalElement, compareElements, keyElement, valueElement } from "./path-element.ts";

const spec = (below: object): FieldSet => parsed({ "f:spec": below });

function parsed(value: unknown): FieldSet {
  const result = parseFieldsV1(value);
  if (result.kind === "invalid") throw new Error(result.why);
  return result.set;
}

test.each([
  { name: "fields of both", a: { "f:a": {} }, b: { "f:b": {} }, result: { "f:a": {}, "f:b": {} } },
  {
    name: "a field and what is below it",
    a: { "f:a": {} },
    b: { "f:a": { "f:b": {} } },
    result: { "f:a": { ".": {}, "f:b": {} } },
  },
  {
    name: "in order",
    a: { "v:2": {} },
    b: { "v:10": {}, "v:1": {} },
    result: { "v:1": {}, "v:2": {}, "v:10": {} },
  },
])("union: $name", ({ a, b, result }) => {
  const [one, other] = [parsed(a), parsed(b)];
  expect(JSON.stringify(union(one, other))).toBe(JSON.stringify(result));
  expect(JSON.stringify(union(other, one))).toBe(JSON.stringify(result));
});

test.each([
  {
    name: "a field stays when only what is below it goes",
    a: { ".": {}, "f:b": {} },
    b: { "f:b": {} },
    result: {},
  },
  {
    name: "what is below a field stays when only the field goes",
    a: { ".": {}, "f:b": {} },
    b: {},
    result: { "f:b": {} },
  },
  { name: "nothing is left", a: { "f:b": {} }, b: { "f:b": {} }, result: undefined },
])("difference: $name", ({ a, b, result }) => {
  const left = difference(spec(a), spec(b));
  expect(left).toEqual(result === undefined ? {} : spec(result));
});

test("intersection: a field that one has and the other only passes through is in neither", () => {
  expect(intersection(spec({}), spec({ "f:a": {} }))).toEqual({});
  expect(intersection(spec({ ".": {}, "f:a": {} }), spec({ ".": {}, "f:b": {} }))).toEqual(spec({}));
});

test("has, pathsOf: only fields that are in the set, each level before what is below it", () => {
  const set = parsed({
    "f:spec": {
      "f:a": { ".": {}, 'k:{"name":"x","port":80}': { "f:value": {} } },
      "f:b": {},
      "f:c": { 'v:"q"': {}, "i:3": {} },
    },
  });
  expect(has(set, ["f:spec"])).toBe(false);
  expect(has(set, ["f:spec", "f:a"])).toBe(true);
  expect(has(set, ["f:spec", "f:toString"])).toBe(false);
  expect(pathsOf(set)).toEqual([
    ".spec.a",
    ".spec.b",
    '.spec.a[name="x",port=80].value',
    '.spec.c[="q"]',
    ".spec.c[3]",
  ]);
});

test("compareElements: fields, keys, values, indices; numbers as numbers", () => {
  const ordered = [
    ".",
    "f:a",
    "f:b",
    'k:{"name":"a"}',
    'k:{"name":"b"}',
    'k:{"port":9,"protocol":"TCP"}',
    'k:{"port":80,"protocol":"TCP"}',
    'k:{"port":80,"protocol":"UDP"}',
    "v:2",
    "v:10",
    'v:"a"',
    "v:false",
    "v:true",
    "v:null",
    "i:2",
    "i:10",
  ];
  expect([...ordered].reverse().sort(compareElements)).toEqual(ordered);
});

test.each([
  { text: "f:", element: "f:" },
  { text: "f:__proto__", element: "f:__proto__" },
  { text: 'k:{ "b": 1, "a": "x" }', element: 'k:{"a":"x","b":1}' },
  { text: "v: 3", element: "v:3" },
  { text: "v:1.0", element: "v:1" },
  { text: "i:007", element: "i:7" },
])("canonicalElement: $text is $element", ({ text, element }) => {
  expect(canonicalElement(text)).toEqual({ kind: "element", element });
});

test.each([
  "",
  "f",
  "fx",
  "k:[]",
  "k:1",
  "k:{",
  'k:{"a":{}}',
  "v:",
  "v:{}",
  "v:[1]",
  "v:1 2",
  "i:x",
  "i:1e9",
])("canonicalElement: refuses %j", (text) => {
  expect(canonicalElement(text).kind).toBe("invalid");
});

test.each([
  { name: "not an object", value: 3 },
  { name: "a list", value: { "f:a": [] } },
  { name: "null", value: { "f:a": null } },
  { name: "a name without a type", value: { spec: {} } },
  { name: "keys that are no JSON", value: { "f:a": { "k:{": {} } } },
  { name: "nesting without end", value: nested(5000) },
])("parseFieldsV1: refuses $name", ({ value }) => {
  expect(parseFieldsV1(value).kind).toBe("invalid");
});

function nested(depth: number): unknown {
  let value: unknown = {};
  for (let at = 0; at < depth; at++) value = { "f:a": value };
  return value;
}

test.each([
  { name: "leaves out types that it does not know", value: { "x:a": {}, "f:a": {} }, result: { "f:a": {} } },
  {
    name: "merges what is the same",
    value: { 'k:{"a":1}': {}, 'k:{ "a":1 }': { "f:b": {} } },
    result: { 'k:{"a":1}': { ".": {}, "f:b": {} } },
  },
  {
    name: "puts in order",
    value: { "f:b": {}, "f:a": { "f:x": {}, ".": {} } },
    result: { "f:a": { ".": {}, "f:x": {} }, "f:b": {} },
  },
  { name: "writes leaves one way", value: { "f:a": { ".": {} } }, result: { "f:a": {} } },
  { name: "knows no field at the top", value: { ".": {}, "f:a": {} }, result: { "f:a": {} } },
  {
    name: "keeps prototypes out",
    value: JSON.parse('{"f:__proto__":{},"f:constructor":{}}') as unknown,
    result: { "f:__proto__": {}, "f:constructor": {} },
  },
])("parseFieldsV1: $name", ({ value, result }) => {
  expect(JSON.stringify(parsed(value))).toBe(JSON.stringify(result));
});

const element = fc.oneof(
  fc.string({ maxLength: 3 }).map((name) => `f:${name}`),
  fc.oneof(fc.string({ maxLength: 3 }), fc.integer(), fc.boolean()).map(valueElement),
  fc.tuple(fc.string({ maxLength: 2 }), fc.integer({ min: 0, max: 200 })).map(([name, port]) =>
    keyElement([
      ["name", name],
      ["port", port],
    ]),
  ),
  fc.nat(20).map((at) => `i:${at}`),
);
const path = fc.array(element, { minLength: 1, maxLength: 4 });
const fieldSet = fc
  .array(path, { maxLength: 12 })
  .map((paths) => paths.reduce<FieldSet>((set, one) => union(set, setOfPath(one)), leaf));

test("FieldsV1: every set is read again as it was printed, to the same object", () => {
  fc.assert(
    fc.property(fieldSet, (set) => {
      const text = JSON.stringify(set);
      const again: unknown = JSON.parse(text);
      const read = parsed(again);
      expect(JSON.stringify(read)).toBe(text);
      expect(isEmpty(set) || read === again).toBe(true);
    }),
    { seed: 11 },
  );
});

test("union, difference, intersection: the laws of sets", () => {
  fc.assert(
    fc.property(fieldSet, fieldSet, fieldSet, (a, b, c) => {
      const [ofA, ofB] = [pathsOf(a), pathsOf(b)];
      const sorted = (paths: Iterable<string>) => [...new Set(paths)].sort();
      expect(sorted(pathsOf(union(a, b)))).toEqual(sorted([...ofA, ...ofB]));
      expect(sorted(pathsOf(intersection(a, b)))).toEqual(sorted(ofA.filter((one) => ofB.includes(one))));
      expect(sorted(pathsOf(difference(a, b)))).toEqual(sorted(ofA.filter((one) => !ofB.includes(one))));
      expect(isEqual(union(a, union(b, c)), union(union(c, a), b))).toBe(true);
      expect(difference(a, leaf)).toBe(a);
      expect(union(a, intersection(a, b))).toBe(a);
      expect(isEmpty(difference(a, a))).toBe(true);
    }),
    { seed: 12 },
  );
});

test("asMember, setOf: leave what they are given alone", () => {
  const node = Object.freeze({ "f:a": leaf });
  expect(asMember(node)).toEqual({ ".": {}, "f:a": {} });
  expect(
    setOf([
      ["f:b", leaf],
      ["f:a", node],
    ]),
  ).toEqual({ "f:a": { "f:a": {} }, "f:b": {} });
});
