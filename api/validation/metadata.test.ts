import { expect, test } from "vitest";
import type { ObjectMeta } from "../object-meta.ts";
import { validateMetadata } from "./metadata.ts";
import {
  checkConfigKey,
  checkLabelName,
  checkLabelValue,
  checkPathSegmentName,
  checkQualifiedName,
  checkSubdomainName,
} from "./names.ts";

const good: ObjectMeta = {
  name: "a",
  uid: "u",
  resourceVersion: "1",
  creationTimestamp: "2026-01-01T00:00:00Z",
};

test.each([
  { name: "plain", metadata: {}, fields: [] },
  { name: "no name", metadata: { name: "" }, fields: ["metadata.name"] },
  { name: "upper-case name", metadata: { name: "Hello" }, fields: ["metadata.name"] },
  { name: "name of 254", metadata: { name: "a".repeat(254) }, fields: ["metadata.name"] },
  { name: "name of 253", metadata: { name: "a".repeat(253) }, fields: [] },
  { name: "bad label key", metadata: { labels: { "a b": "x" } }, fields: ["metadata.labels"] },
  { name: "long label value", metadata: { labels: { a: "x".repeat(64) } }, fields: ["metadata.labels"] },
  {
    name: "annotations of more than 256 KiB",
    metadata: { annotations: { a: "x".repeat(262_144) } },
    fields: ["metadata.annotations"],
  },
  { name: "bad finalizer", metadata: { finalizers: ["a b"] }, fields: ["metadata.finalizers"] },
])("validateMetadata: $name", ({ metadata, fields }) => {
  const errors = validateMetadata({ ...good, ...metadata }, undefined, "subdomain");
  expect(errors.map((error) => error.field)).toEqual(fields);
});

test("validateMetadata: no finalizer is added to what is being deleted", () => {
  const old = { ...good, deletionTimestamp: "2026-01-01T00:00:00Z", finalizers: ["a.b/c"] };
  expect(validateMetadata({ ...old, finalizers: ["a.b/c", "a.b/d"] }, old, "subdomain")).toHaveLength(1);
  expect(validateMetadata({ ...old, finalizers: [] }, old, "subdomain")).toEqual([]);
});

test.each([
  { check: checkLabelName, good: ["a", "a-b", "1"], bad: ["", "A", "a.b", "-a", "a-", "a".repeat(64)] },
  { check: checkSubdomainName, good: ["a", "a.b", "a-b.c"], bad: ["", "a..b", ".a", "a_b", "a/b", "é"] },
  {
    check: checkQualifiedName,
    good: ["a", "A_b.c", "x.io/a"],
    bad: ["", "/a", "x.io/", "a/b/c", "X/a", "a b"],
  },
  {
    check: checkPathSegmentName,
    good: ["a", "system:node", "A b", "..."],
    bad: [".", "..", "a/b", "a%2f"],
  },
  { check: checkLabelValue, good: ["", "a", "A.b_c"], bad: ["-", "a b", "a/b"] },
  { check: checkConfigKey, good: ["a", "A_b-c.d", ".env"], bad: ["..a", "", ".", "..", "a/b", "a b"] },
])("$check.name: accepts and refuses", ({ check, good, bad }) => {
  expect(good.filter((text) => check(text) !== undefined)).toEqual([]);
  expect(bad.filter((text) => check(text) === undefined)).toEqual([]);
});
