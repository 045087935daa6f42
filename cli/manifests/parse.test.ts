import { expect, test } from "vitest";
import { withLastApplied } from "./apply-object.ts";
import { parseManifests } from "./parse.ts";

const head = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n";

test.each([
  { name: "YAML 1.1 booleans", text: "data: yes", expected: true },
  { name: "octal numbers", text: "data: 0644", expected: 420 },
  { name: "no times", text: "data: 2026-01-02", expected: "2026-01-02" },
  { name: "no base 60", text: "data: 12:30", expected: "12:30" },
  { name: "quoted text", text: `data: "no"`, expected: "no" },
])("parseManifests: $name", ({ text, expected }) => {
  const [read] = parseManifests(head + text, "f.yaml");
  expect(read?.kind === "manifest" && read.manifest["data"]).toEqual(expected);
});

test.each([
  { name: "syntax", text: "a: 1\nb: @x", message: /^f\.yaml:2:4: .+\n {2}2 \| b: @x\n {9}\^$/ },
  {
    name: "a key twice",
    text: `${head}kind: Secret\n`,
    message: /^f\.yaml:4:1: Map keys must be unique\n {2}4 \| kind: Secret\n {6}\^/,
  },
  { name: "no object", text: "just text", message: /^f\.yaml: the document is not an object/ },
  {
    name: "no kind, in the second",
    text: `${head}---\napiVersion: v1\n`,
    message: /^f\.yaml, document 2: kind: Required/,
  },
  {
    name: "no name",
    text: "apiVersion: v1\nkind: X\nmetadata: {}",
    message: /^f\.yaml: metadata\.name: Required/,
  },
])("parseManifests: $name is refused with its place", ({ text, message }) => {
  const read = parseManifests(text, "f.yaml").at(-1);
  expect(read?.kind === "invalid" && read.message).toMatch(message);
});

test("parseManifests: empty documents are none, and lists are their items", () => {
  const list = `apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: A, metadata: {name: a}}\n- {apiVersion: v1, kind: B, metadata: {name: b}}\n`;
  const read = parseManifests(`---\n# nothing\n---\n${list}`, "f.yaml");
  expect(read.map((one) => one.kind === "manifest" && one.manifest.kind)).toEqual(["A", "B"]);
});

test("parseManifests: exponential aliases are refused", () => {
  const levels = "bcdefgh"
    .split("")
    .map((name, at) => `${name}: &${name} [${`*${"abcdefg"[at]},`.repeat(9)}]`);
  const [read] = parseManifests(`a: &a [x,x,x,x,x,x,x,x,x]\n${levels.join("\n")}`, "f.yaml");
  expect(read?.kind).toBe("invalid");
});

test("withLastApplied: writes the annotation as kubectl does", () => {
  const manifest = { kind: "ConfigMap", apiVersion: "v1", metadata: { name: "x" }, data: { b: "1", a: "2" } };
  const annotations = withLastApplied(manifest, "default").metadata.annotations;
  expect(annotations?.["kubectl.kubernetes.io/last-applied-configuration"]).toBe(
    `{"apiVersion":"v1","data":{"a":"2","b":"1"},"kind":"ConfigMap","metadata":{"annotations":{},"name":"x","namespace":"default"}}\n`,
  );
});
