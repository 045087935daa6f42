import { expect, test } from "vitest";
import { humanDuration } from "../../../kit/human-duration.ts";
import { compileJsonPath } from "../../../kit/json-path.ts";

const s = 1000;
const m = 60 * s;
const h = 60 * m;
const d = 24 * h;

/** The rows of k8s.io/apimachinery's own behaviour. */
test.each([
  { ms: 0, text: "0s" },
  { ms: -s, text: "0s" },
  { ms: -2 * s, text: "<invalid>" },
  { ms: 119 * s, text: "119s" },
  { ms: 120 * s, text: "2m" },
  { ms: 3 * m + 12 * s, text: "3m12s" },
  { ms: 10 * m + 12 * s, text: "10m" },
  { ms: 179 * m, text: "179m" },
  { ms: 3 * h, text: "3h" },
  { ms: 5 * h + 30 * m, text: "5h30m" },
  { ms: 8 * h + 30 * m, text: "8h" },
  { ms: 47 * h, text: "47h" },
  { ms: 2 * d + 4 * h, text: "2d4h" },
  { ms: 8 * d + 4 * h, text: "8d" },
  { ms: 729 * d, text: "729d" },
  { ms: 730 * d, text: "2y" },
  { ms: 800 * d, text: "2y70d" },
  { ms: 9 * 365 * d, text: "9y" },
])("humanDuration: $ms ms is $text", ({ ms, text }) => {
  expect(humanDuration(ms)).toBe(text);
});

const object = {
  spec: { replicas: 3, "a.b": 1 },
  list: [
    { type: "Ready", status: "True", n: [1, 2], size: 1, on: true },
    { type: "Other", status: "False", n: [3], size: 2, on: false },
  ],
  nothing: null,
};

test.each([
  { path: ".spec.replicas", values: [3] },
  { path: "{.spec.replicas}", values: [3] },
  { path: "$.spec.replicas", values: [3] },
  { path: ".spec['a.b']", values: [1] },
  { path: ".spec.a\\.b", values: [1] },
  { path: ".list[0].type", values: ["Ready"] },
  { path: ".list[-1].type", values: ["Other"] },
  { path: ".list[-1:].type", values: ["Other"] },
  { path: ".list[0:1].type", values: ["Ready"] },
  { path: ".spec['a\\.b']", values: [1] },
  { path: ".list[*].type", values: ["Ready", "Other"] },
  { path: ".list[*].n[*]", values: [1, 2, 3] },
  { path: '.list[?(@.type=="Ready")].status', values: ["True"] },
  { path: ".list[?(@.type!='Ready')].status", values: ["False"] },
  { path: ".list[?( @.type )].status", values: ["True", "False"] },
  { path: ".list[?(@.missing)].status", values: [] },
  { path: ".list[?(@.size>1)].type", values: ["Other"] },
  { path: ".list[?(@.size<=1.5)].type", values: ["Ready"] },
  { path: '.list[?(@.size=="2")].type', values: [] },
  { path: ".list[?(@.on==true)].type", values: ["Ready"] },
  { path: ".nothing", values: [] },
  { path: ".missing.deeper", values: [] },
  { path: ".spec.constructor", values: [] },
])("compileJsonPath: $path", ({ path, values }) => {
  expect(compileJsonPath(path)(object)).toEqual(values);
});

test("compileJsonPath: refuses what it does not know", () => {
  for (const path of [".a[?(@.b=~1)]", ".a[?(@.b==c)]", "..a", ".a[x]"])
    expect(() => compileJsonPath(path)).toThrow("no supported JSONPath");
});
