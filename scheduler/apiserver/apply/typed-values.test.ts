import { expect, test } from "vitest";
import type { JsonObject, Schema } from "../resource.ts";
import { compareObjects } from "./compare.ts";
import { pathsOf } from "./field-set.ts";
import { compileType } from "./field-type.ts";
import { mergeObjects } from "./merge.ts";
import { toFieldSet } from "./to-field-set.ts";
import { validateConfig } from "./validate-config.ts";

const text: Schema = { type: "string" };
const port: Schema = {
  type: "object",
  properties: {
    port: { type: "integer" },
    protocol: { type: "string", default: "TCP" },
    name: text,
  },
};
const schema: Schema = {
  type: "object",
  properties: {
    count: { type: "integer" },
    name: text,
    at: { type: "string", format: "date-time" },
    on: { type: "boolean" },
    either: { "x-kubernetes-int-or-string": true },
    struct: { type: "object", properties: { a: text, b: text } },
    atomicStruct: { type: "object", "x-kubernetes-map-type": "atomic", properties: { a: text } },
    labels: { type: "object", additionalProperties: text },
    list: { type: "array", items: text },
    set: { type: "array", "x-kubernetes-list-type": "set", items: text },
    ports: {
      type: "array",
      "x-kubernetes-list-type": "map",
      "x-kubernetes-list-map-keys": ["port", "protocol"],
      items: port,
    },
    old: {
      type: "array",
      "x-kubernetes-patch-strategy": "merge",
      "x-kubernetes-patch-merge-key": "port",
      items: port,
    },
    any: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
    embedded: {
      type: "object",
      "x-kubernetes-embedded-resource": true,
      "x-kubernetes-preserve-unknown-fields": true,
    },
  },
};
const type = compileType(schema);

test.each<{ name: string; object: JsonObject; given: string[]; all?: string[] }>([
  { name: "scalars", object: { count: 1, on: false, at: "x" }, given: [".at", ".count", ".on"] },
  {
    name: "a declared map by its fields",
    object: { struct: { a: "1" } },
    given: [".struct.a"],
    all: [".struct", ".struct.a"],
  },
  { name: "an empty map", object: { struct: {} }, given: [".struct"] },
  {
    name: "an open map by its fields",
    object: { labels: { x: "1" } },
    given: [".labels.x"],
    all: [".labels", ".labels.x"],
  },
  { name: "an atomic map", object: { atomicStruct: { a: "1" } }, given: [".atomicStruct"] },
  { name: "a list of no type", object: { list: ["a"] }, given: [".list"] },
  {
    name: "a set",
    object: { set: ["b", "a"] },
    given: ['.set[="a"]', '.set[="b"]'],
    all: [".set", '.set[="a"]', '.set[="b"]'],
  },
  { name: "an empty set", object: { set: [] }, given: [], all: [".set"] },
  {
    name: "a keyed list, with default keys",
    object: { ports: [{ port: 443, protocol: "UDP" }, { port: 80 }] },
    given: [
      '.ports[port=80,protocol="TCP"]',
      '.ports[port=443,protocol="UDP"]',
      '.ports[port=80,protocol="TCP"].port',
      '.ports[port=443,protocol="UDP"].port',
      '.ports[port=443,protocol="UDP"].protocol',
    ],
    all: [
      ".ports",
      '.ports[port=80,protocol="TCP"]',
      '.ports[port=443,protocol="UDP"]',
      '.ports[port=80,protocol="TCP"].port',
      '.ports[port=443,protocol="UDP"].port',
      '.ports[port=443,protocol="UDP"].protocol',
    ],
  },
  {
    name: "a list that says its key as patches do",
    object: { old: [{ port: 1 }] },
    given: [".old[port=1]", ".old[port=1].port"],
    all: [".old", ".old[port=1]", ".old[port=1].port"],
  },
  {
    name: "maps without a schema by their fields, lists as a whole",
    object: { any: { a: { b: [{ c: 1 }] } } },
    given: [".any.a", ".any.a.b"],
    all: [".any", ".any.a", ".any.a.b"],
  },
  {
    name: "an embedded object",
    object: { embedded: { kind: "X", metadata: { finalizers: ["f"] }, spec: { x: 1 } } },
    given: [".embedded.kind", ".embedded.spec", '.embedded.metadata.finalizers[="f"]', ".embedded.spec.x"],
    all: [
      ".embedded",
      ".embedded.kind",
      ".embedded.metadata",
      ".embedded.spec",
      ".embedded.metadata.finalizers",
      '.embedded.metadata.finalizers[="f"]',
      ".embedded.spec.x",
    ],
  },
  { name: "null", object: { struct: null, set: null, name: null }, given: [".name", ".set", ".struct"] },
  {
    name: "items that are there twice as a whole",
    object: {
      ports: [
        { port: 1, name: "a" },
        { port: 1, name: "b" },
      ],
    },
    given: ['.ports[port=1,protocol="TCP"]'],
    all: [".ports", '.ports[port=1,protocol="TCP"]'],
  },
  {
    name: "names of prototypes",
    object: { labels: JSON.parse('{"constructor":"1"}') as unknown, any: { toString: 1 } },
    given: [".any.toString", ".labels.constructor"],
    all: [".any", ".labels", ".any.toString", ".labels.constructor"],
  },
])("toFieldSet: $name", ({ object, given, all = given }) => {
  expect(pathsOf(toFieldSet(object, type, "given"))).toEqual(given);
  expect(pathsOf(toFieldSet(object, type, "all"))).toEqual(all);
});

test.each<{
  name: string;
  before: JsonObject;
  after: JsonObject;
  removed?: string[];
  modified?: string[];
  added?: string[];
}>([
  { name: "the same", before: { struct: { a: "1", b: "2" } }, after: { struct: { b: "2", a: "1" } } },
  { name: "a value", before: { count: 1 }, after: { count: 2 }, modified: [".count"] },
  {
    name: "a field for another",
    before: { name: "x" },
    after: { on: true },
    removed: [".name"],
    added: [".on"],
  },
  {
    name: "a map where none was",
    before: {},
    after: { struct: { a: "1" } },
    added: [".struct", ".struct.a"],
  },
  {
    name: "a map that is gone",
    before: { struct: { a: "1" } },
    after: {},
    removed: [".struct", ".struct.a"],
  },
  { name: "a field of a map", before: { struct: {} }, after: { struct: { a: "1" } }, added: [".struct.a"] },
  { name: "an atomic list", before: { list: ["a"] }, after: { list: ["a", "b"] }, modified: [".list"] },
  {
    name: "a set",
    before: { set: ["a", "b"] },
    after: { set: ["b", "c"] },
    removed: ['.set[="a"]'],
    added: ['.set[="c"]'],
  },
  { name: "the order of a set", before: { set: ["a", "b"] }, after: { set: ["b", "a"] } },
  {
    name: "an item by its keys",
    before: { ports: [{ port: 1, name: "a" }] },
    after: { ports: [{ port: 1, protocol: "TCP", name: "b" }] },
    modified: ['.ports[port=1,protocol="TCP"].name'],
    added: ['.ports[port=1,protocol="TCP"].protocol'],
  },
  { name: "null and nothing in it", before: { struct: null }, after: { struct: {} }, modified: [".struct"] },
  {
    name: "another kind of value",
    before: { any: { a: { b: 1 } } },
    after: { any: { a: [1] } },
    removed: [".any.a.b"],
    modified: [".any.a"],
  },
  {
    name: "an item that is there twice now",
    before: { set: ["a"] },
    after: { set: ["a", "a"] },
    removed: ['.set[="a"]'],
    added: ['.set[="a"]'],
  },
  { name: "numbers of one value", before: { count: 1 }, after: { count: 1.0 } },
])("compareObjects: $name", ({ before, after, removed = [], modified = [], added = [] }) => {
  const comparison = compareObjects(before, after, type);
  expect(pathsOf(comparison.removed)).toEqual(removed);
  expect(pathsOf(comparison.modified)).toEqual(modified);
  expect(pathsOf(comparison.added)).toEqual(added);
});

test.each<{ name: string; live: JsonObject; config: JsonObject; merged: JsonObject }>([
  {
    name: "the configuration's values count",
    live: { count: 1, name: "x" },
    config: { count: 2 },
    merged: { count: 2, name: "x" },
  },
  {
    name: "maps field by field",
    live: { labels: { a: "1" } },
    config: { labels: { b: "2" } },
    merged: { labels: { a: "1", b: "2" } },
  },
  {
    name: "atomic maps as a whole",
    live: { atomicStruct: { a: "1" } },
    config: { atomicStruct: {} },
    merged: { atomicStruct: {} },
  },
  {
    name: "atomic lists as a whole",
    live: { list: ["a"] },
    config: { list: ["b"] },
    merged: { list: ["b"] },
  },
  {
    name: "an empty map changes nothing",
    live: { labels: { a: "1" } },
    config: { labels: {} },
    merged: { labels: { a: "1" } },
  },
  { name: "an empty set changes nothing", live: { set: ["a"] }, config: { set: [] }, merged: { set: ["a"] } },
  {
    name: "items by their keys, defaults counting",
    live: { ports: [{ port: 1, protocol: "TCP", name: "a" }] },
    config: {
      ports: [
        { port: 1, name: "b" },
        { port: 1, protocol: "UDP" },
      ],
    },
    merged: {
      ports: [
        { port: 1, protocol: "TCP", name: "b" },
        { port: 1, protocol: "UDP" },
      ],
    },
  },
  {
    name: "items that only the live list has stay where they are",
    live: { set: ["a", "x", "b"] },
    config: { set: ["a", "b"] },
    merged: { set: ["a", "x", "b"] },
  },
  {
    name: "items that both have are in the configuration's order",
    live: { set: ["a", "b", "c"] },
    config: { set: ["c", "a"] },
    merged: { set: ["b", "c", "a"] },
  },
  {
    name: "new items stand before shared ones as the configuration has them",
    live: { set: ["a", "m", "z"] },
    config: { set: ["n", "z"] },
    merged: { set: ["a", "m", "n", "z"] },
  },
  {
    name: "a stored list that nothing tells apart gives way",
    live: { ports: ["broken"] },
    config: { ports: [{ port: 1 }] },
    merged: { ports: [{ port: 1 }] },
  },
])("mergeObjects: $name", ({ live, config, merged }) => {
  const [before, wanted] = [structuredClone(live), structuredClone(config)];
  expect(mergeObjects(live, config, type)).toEqual(merged);
  expect(live).toEqual(before);
  expect(config).toEqual(wanted);
});

test.each<{ name: string; config: JsonObject; why: string | undefined }>([
  {
    name: "what fits",
    config: { count: 1.5, at: "x", either: "1", any: { x: [1, { y: null }] }, set: null },
    why: undefined,
  },
  { name: "an unknown field", config: { struct: { c: 1 } }, why: ".struct.c: field not declared in schema" },
  {
    name: "text for a number",
    config: { count: "1" },
    why: ".count: expected numeric (int or float), got string",
  },
  {
    name: "a number for text",
    config: { name: 1 },
    why: ".name: expected string, got &value.valueUnstructured{Value:1}",
  },
  { name: "text for a boolean", config: { on: "yes" }, why: ".on: expected boolean, got &{yes}" },
  { name: "a list for a map", config: { struct: ["a", 1] }, why: ".struct: expected map, got &{[a 1]}" },
  {
    name: "a map for a list",
    config: { list: { b: 1, a: null } },
    why: ".list: expected list, got &{map[a:<nil> b:1]}",
  },
  {
    name: "a map in an atomic list of text",
    config: { list: [{}] },
    why: ".list[0]: expected string, got &value.valueUnstructured{Value:map[]}",
  },
  { name: "an item twice", config: { set: ["a", "a"] }, why: '.set: duplicate entries for key [="a"]' },
  {
    name: "keys twice, by default",
    config: { ports: [{ port: 1 }, { port: 1, protocol: "TCP" }] },
    why: '.ports: duplicate entries for key [port=1,protocol="TCP"]',
  },
  {
    name: "an item without keys",
    config: { old: [{ name: "x" }] },
    why: `.old: element 0: associative list with keys has an element that omits all key fields ["port"] (and doesn't have default values for any key fields)`,
  },
  {
    name: "an item that is no map",
    config: { ports: [1] },
    why: ".ports: element 0: associative list with keys may not have non-map elements",
  },
  {
    name: "null in a set",
    config: { set: [null] },
    why: ".set: element 0: associative list without keys has an element that's an explicit null",
  },
  {
    name: "a wrong field of an item",
    config: { ports: [{ port: "x", protocol: "UDP" }] },
    why: '.ports[port="x",protocol="UDP"].port: expected numeric (int or float), got string',
  },
  {
    name: "several",
    config: { count: true, x: 1 },
    why: "errors:\n  .count: expected numeric (int or float), got bool\n  .x: field not declared in schema",
  },
])("validateConfig: $name", ({ config, why }) => {
  expect(validateConfig(config, type)).toBe(why);
});

test("validateConfig: a thousand mistakes make a short message", () => {
  const why = validateConfig({ list: Array.from({ length: 1000 }, () => ({})) }, type) ?? "";
  expect(why.split("\n")).toHaveLength(21);
});
