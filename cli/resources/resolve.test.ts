import { expect, test } from "vitest";
import { resolveSelections } from "./resolve.ts";
import type { Resource } from "./resource.ts";

function resource(plural: string, group: string, shortNames: readonly string[] = []): Resource {
  const singular = plural.slice(0, -1);
  const kind = singular.charAt(0).toUpperCase() + singular.slice(1);
  const categories = group === "" ? [] : ["wherry"];
  const rest = { version: "v1", namespaced: true, verbs: ["list"] };
  return { group, plural, singular, kind, shortNames, categories, ...rest };
}

const resources = [
  resource("events", "", ["ev"]),
  resource("wasmjobs", "wherry.dev", ["wj"]),
  resource("events", "events.k8s.io", ["ev"]),
];

test.each([
  { name: "plural", args: ["wasmjobs"], expected: ["wasmjobs.wherry.dev"] },
  {
    name: "singular",
    args: ["wasmjob", "a", "b"],
    expected: ["wasmjobs.wherry.dev/a", "wasmjobs.wherry.dev/b"],
  },
  { name: "kind", args: ["Wasmjob"], expected: ["wasmjobs.wherry.dev"] },
  { name: "short name", args: ["wj/x"], expected: ["wasmjobs.wherry.dev/x"] },
  { name: "with its group", args: ["events.events.k8s.io"], expected: ["events.events.k8s.io"] },
  { name: "with version and group", args: ["wj.v1.wherry.dev"], expected: ["wasmjobs.wherry.dev"] },
  { name: "the first of several", args: ["ev"], expected: ["events."] },
  { name: "a list", args: ["ev,wj"], expected: ["events.", "wasmjobs.wherry.dev"] },
  { name: "a category", args: ["wherry"], expected: ["wasmjobs.wherry.dev", "events.events.k8s.io"] },
  { name: "all", args: ["all"], expected: ["wasmjobs.wherry.dev", "events.events.k8s.io"] },
  { name: "pairs", args: ["wj/x", "ev/y"], expected: ["wasmjobs.wherry.dev/x", "events./y"] },
])("resolveSelections: $name", ({ args, expected }) => {
  const found = resolveSelections(resources, args).map(
    ({ resource: { plural, group }, name }) => `${plural}.${group}${name === undefined ? "" : `/${name}`}`,
  );
  expect(found).toEqual(expected);
});

test.each([
  { name: "nothing", args: [], message: "you must say which resource" },
  { name: "unknown", args: ["pods"], message: `the server doesn't have a resource type "pods"` },
  { name: "pairs mixed with names", args: ["wj/x", "y"], message: "TYPE/NAME" },
])("resolveSelections: $name is refused", ({ args, message }) => {
  expect(() => resolveSelections(resources, args)).toThrow(message);
});
