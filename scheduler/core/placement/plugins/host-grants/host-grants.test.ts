import { expect, test } from "vitest";
import type { NodeGrants, PlacementRequirements } from "../../../model.ts";
import { aNode, requirements } from "../../../testing/builders.ts";
import { viewOf } from "../../framework.ts";
import { emptyNode } from "../../snapshot.ts";
import { hostGrants } from "./host-grants.ts";

const grants: NodeGrants = {
  hostPaths: [{ path: "/srv/data" }, { namespace: "team", path: "/srv/team" }],
  listen: [
    { namespace: undefined, address: "127.0.0.1", fromPort: 8000, toPort: 8999 },
    { namespace: "team", address: "*", fromPort: 1, toPort: 65_535 },
  ],
};

function judge(wanted: Partial<PlacementRequirements>, offered: NodeGrants | undefined): string {
  const filter = hostGrants.prepare(requirements({ image: "https://example.com/m.wasm", ...wanted }));
  const verdict = filter?.(viewOf({ node: aNode("n1", { grants: offered }), ...emptyNode }, 0));
  if (verdict === undefined || verdict.kind === "success") return "";
  return verdict.reasons.map(({ detail }) => detail).join("; ");
}

const noFolder = (path: string, what = "hostPath", namespace = "default", folders = "/srv/data") =>
  `${what} ${path} is in no folder that it offers to namespace ${namespace}: ${folders}`;

test.each([
  { name: "a folder that it offers", wanted: { hostPaths: ["/srv/data"] }, expected: "" },
  { name: "one inside of it", wanted: { hostPaths: ["/srv/data/a/b/"] }, expected: "" },
  { name: "a relative one", wanted: { hostPaths: ["a/b"] }, expected: "" },
  { name: "one beside it", wanted: { hostPaths: ["/srv/database"] }, expected: noFolder("/srv/database") },
  { name: "one around it", wanted: { hostPaths: ["/srv"] }, expected: noFolder("/srv") },
  {
    name: "the second of two",
    wanted: { hostPaths: ["/srv/data/x", "/etc"] },
    expected: noFolder("/etc"),
  },
  {
    name: "one that only looks like it",
    wanted: { hostPaths: ["/srv/data/../../etc"] },
    expected: noFolder("/srv/data/../../etc"),
  },
  {
    name: "what is for another namespace",
    wanted: { hostPaths: ["/srv/team"] },
    expected: noFolder("/srv/team"),
  },
  {
    name: "what is for its namespace",
    wanted: { hostPaths: ["/srv/team"], namespace: "team" },
    expected: "",
  },
  { name: "a module from a file", wanted: { image: "file:///srv/data/m.wasm" }, expected: "" },
  { name: "a relative module", wanted: { image: "file://m.wasm" }, expected: "" },
  {
    name: "a module from elsewhere",
    wanted: { image: "file:///etc/m.wasm" },
    expected: noFolder("/etc/m.wasm", "module"),
  },
  {
    name: "a module from elsewhere, encoded",
    wanted: { image: "file:///srv/data/%2e%2e/%2e%2e/etc/m.wasm" },
    expected: noFolder("/srv/data/../../etc/m.wasm", "module"),
  },
  {
    name: "a relative module that leads out",
    wanted: { image: "file://../m.wasm" },
    expected: noFolder("../m.wasm", "module"),
  },
  {
    name: "a port that it allows",
    wanted: { listeners: [{ address: "127.0.0.1", port: 8080 }] },
    expected: "",
  },
  {
    name: "another port",
    wanted: { listeners: [{ address: "127.0.0.1", port: 80 }] },
    expected: "it does not let namespace default listen at 127.0.0.1:80: it allows 127.0.0.1:8000-8999",
  },
  {
    name: "any port, and the range is too narrow",
    wanted: { listeners: [{ address: "127.0.0.1", port: 0 }] },
    expected: "it does not let namespace default listen at 127.0.0.1:0: it allows 127.0.0.1:8000-8999",
  },
  {
    name: "a namespace that may listen anywhere",
    wanted: { namespace: "team", listeners: [{ address: "::", port: 0 }] },
    expected: "",
  },
])("hostGrants: $name", ({ wanted, expected }) => {
  expect(judge(wanted, grants)).toBe(expected);
});

test.each([
  {
    name: "no folder",
    wanted: { hostPaths: ["/srv"] },
    expected: noFolder("/srv", "hostPath", "default", "none"),
  },
  {
    name: "no folder for a relative path",
    wanted: { hostPaths: ["a"] },
    expected: noFolder("a", "hostPath", "default", "none"),
  },
  {
    name: "no listening",
    wanted: { listeners: [{ address: "::1", port: 80 }] },
    expected: "it does not let namespace default listen at [::1]:80: it allows none",
  },
])("hostGrants: a node that gives $name", ({ wanted, expected }) => {
  expect(judge(wanted, { hostPaths: [], listen: [] })).toBe(expected);
});

test("hostGrants: a node that does not tell is tried", () => {
  expect(judge({ hostPaths: ["/etc"], listeners: [{ address: "::", port: 1 }] }, undefined)).toBe("");
});

test("hostGrants: has nothing to say of a template that takes nothing of the machine", () => {
  expect(hostGrants.prepare(requirements({ image: "https://example.com/m.wasm" }))).toBeUndefined();
});
