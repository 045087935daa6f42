import { expect, test } from "vitest";
import { type FieldErrorReason } from "../../../api/validation/field-error.ts";
import { ratchet } from "./ratchet.ts";

const old = { spec: { size: -1, list: [{ a: "bad" }, { a: "good" }], map: { "a.b": 1 }, empty: {} } };

test.each([
  { name: "an unchanged value", field: "spec.size", spec: {}, stays: false },
  { name: "a changed value", field: "spec.size", spec: { size: -2 }, stays: true },
  { name: "an unchanged item", field: "spec.list[0].a", spec: { size: 3 }, stays: false },
  { name: "a changed item", field: "spec.list[0].a", spec: { list: [{ a: "worse" }] }, stays: true },
  { name: "a new item", field: "spec.list[2].a", spec: { list: [1, 2, { a: "bad" }] }, stays: true },
  { name: "an unchanged entry of a map", field: "spec.map[a.b]", spec: {}, stays: false },
  { name: "a new field", field: "spec.more", spec: { more: 1 }, stays: true },
  {
    name: "what was missing before in an unchanged object",
    field: "spec.empty.name",
    reason: "FieldValueRequired",
    spec: { size: 5 },
    stays: false,
  },
  {
    name: "what is missing in a changed object",
    field: "spec.name",
    reason: "FieldValueRequired",
    spec: { size: 5 },
    stays: true,
  },
  { name: "no path", field: "<nil>", spec: {}, stays: true },
])("ratchet: $name", ({ field, reason = "FieldValueInvalid", spec, stays }) => {
  const object = { spec: { ...old.spec, ...spec } };
  const error = { reason: reason as FieldErrorReason, field, message: "wrong" };
  expect(ratchet([error], object, old)).toEqual(stays ? [error] : []);
});
