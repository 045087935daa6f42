import { expect, test } from "vitest";
import { countedKind, objectCountNames } from "./object-counts.ts";

test.each([
  { group: "", plural: "configmaps", names: ["configmaps", "count/configmaps"] },
  { group: "", plural: "serviceaccounts", names: ["count/serviceaccounts"] },
  { group: "apps.example.com", plural: "widgets", names: ["count/widgets.apps.example.com"] },
  { group: "example.com", plural: "secrets", names: ["count/secrets.example.com"] },
  { group: "", plural: "events", names: [] },
  { group: "events.k8s.io", plural: "events", names: [] },
  { group: "live.wherry.dev", plural: "wasminstances", names: [] },
])("objectCountNames and countedKind: $plural of $group", ({ group, plural, names }) => {
  expect(objectCountNames({ group, plural })).toEqual(names);
  for (const name of names) expect(countedKind(name)).toEqual({ group, plural });
});

test.each(["cpu", "pods", "count/", "count/.example.com", "count/events", "serviceaccounts", "constructor"])(
  "countedKind: %s counts no objects",
  (name) => {
    expect(countedKind(name)).toBeUndefined();
  },
);
