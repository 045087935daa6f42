import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { array, assert, constantFrom, property } from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { changedLines } from "./changed-lines.ts";
import { externalDiffCommand } from "./external-diff.ts";
import { maskSecret } from "./mask-secret.ts";
import { coloured, unifiedDiff } from "./unified-diff.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "wherry-unified-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const text = (lines: readonly string[]) => lines.map((line) => `${line}\n`).join("");
const line = constantFrom("a", "b", "c", "d", "");

test("changedLines: leads from one text to the other, and no shorter way does", () => {
  assert(
    property(array(line, { maxLength: 12 }), array(line, { maxLength: 12 }), (from, to) => {
      const lines = changedLines(from, to);
      expect(lines.filter(({ kind }) => kind !== "added").map((one) => one.text)).toEqual(from);
      expect(lines.filter(({ kind }) => kind !== "removed").map((one) => one.text)).toEqual(to);
      const edits = lines.filter(({ kind }) => kind !== "same").length;
      expect(edits).toBe(from.length + to.length - 2 * commonLength(from, to));
    }),
  );
});

/** The longest common subsequence, by the textbook. */
function commonLength(from: readonly string[], to: readonly string[]): number {
  let row = to.map(() => 0);
  for (const one of from) {
    const above = row;
    row = [];
    for (const [index, other] of to.entries()) {
      const diagonal = (above[index - 1] ?? 0) + 1;
      row.push(one === other ? diagonal : Math.max(above[index] ?? 0, row[index - 1] ?? 0));
    }
  }
  return row.at(-1) ?? 0;
}

test("changedLines: texts with nothing in common are replaced, in bounded time", () => {
  const from = Array.from({ length: 50_000 }, (_, index) => `old ${index}`);
  const to = Array.from({ length: 50_000 }, (_, index) => `new ${index}`);
  const lines = changedLines(["head", ...from, "tail"], ["head", ...to, "tail"]);
  expect(lines).toHaveLength(100_002);
  expect([lines[0], lines[1], lines.at(-1)]).toEqual([
    { kind: "same", text: "head" },
    { kind: "removed", text: "old 0" },
    { kind: "same", text: "tail" },
  ]);
});

const numbers = Array.from({ length: 30 }, (_, index) => String(index));

test.each([
  { name: "one line", from: ["a", "b", "c"], to: ["a", "x", "c"] },
  { name: "nothing before", from: [], to: ["a", "b"] },
  { name: "nothing after", from: ["a"], to: [] },
  {
    name: "contexts that touch",
    from: numbers,
    to: numbers.map((n) => (n === "3" || n === "10" ? `${n}!` : n)),
  },
  { name: "contexts apart", from: numbers, to: numbers.map((n) => (n === "3" || n === "20" ? `${n}!` : n)) },
  { name: "a line at either end", from: numbers, to: ["new", ...numbers, "new"] },
  { name: "lines that are gone", from: numbers, to: numbers.slice(5, 25) },
])("unifiedDiff: $name, as diff -u", ({ from, to }) => {
  const files = ["from", "to"].map((name) => join(folder, name)) as [string, string];
  writeFileSync(files[0], text(from));
  writeFileSync(files[1], text(to));
  const names = ["--label", "LIVE/x", "--label", "MERGED/x"];
  const theirs = execFileSync("sh", ["-c", 'diff -u "$@" || true', "sh", ...names, ...files], {
    encoding: "utf8",
  });
  expect(unifiedDiff({ name: "LIVE/x", text: text(from) }, { name: "MERGED/x", text: text(to) })).toBe(
    theirs,
  );
});

test("unifiedDiff: nothing for the same text", () => {
  expect(unifiedDiff({ name: "a", text: "x\n" }, { name: "b", text: "x\n" })).toBe("");
});

test("coloured: names bold, places cyan, the old red and the new green", () => {
  expect(coloured("--- a\n+++ b\n@@ -1 +1 @@\n-x\n+y\n z\n").split("\n")).toEqual([
    "\u001b[1m--- a\u001b[0m",
    "\u001b[1m+++ b\u001b[0m",
    "\u001b[36m@@ -1 +1 @@\u001b[0m",
    "\u001b[31m-x\u001b[0m",
    "\u001b[32m+y\u001b[0m",
    " z",
    "",
  ]);
});

test("coloured: what a terminal would obey is made visible", () => {
  expect(coloured("+a: x\u009b2Jy\u0007\t")).toBe("\u001b[32m+a: x\\x9b2Jy\\x07\t\u001b[0m");
});

const secret = (data: object, annotations?: Readonly<Record<string, string>>) => ({
  apiVersion: "v1",
  kind: "Secret",
  metadata: {
    name: "s",
    uid: "u",
    resourceVersion: "1",
    creationTimestamp: "2026-01-01T00:00:00Z",
    ...(annotations ? { annotations } : {}),
  },
  data,
});

interface SecretRow {
  readonly name: string;
  readonly pair: {
    readonly live: ReturnType<typeof secret> | undefined;
    readonly merged: ReturnType<typeof secret> | undefined;
  };
  readonly live: object | undefined;
  readonly merged: object | undefined;
}

test.each<SecretRow>([
  {
    name: "what differs, what does not, what comes and what goes",
    pair: { live: secret({ a: "1", b: "2", c: "3" }), merged: secret({ a: "1", b: "x", d: "4" }) },
    live: { a: "***", b: "*** (before)", c: "***" },
    merged: { a: "***", b: "*** (after)", d: "***" },
  },
  {
    name: "one that would be deleted",
    pair: { live: secret({ a: "1" }), merged: undefined },
    live: { a: "***" },
    merged: undefined,
  },
  {
    name: "a new one",
    pair: { live: undefined, merged: secret({ a: "1", constructor: "2" }) },
    live: undefined,
    merged: { a: "***", constructor: "***" },
  },
])("maskSecret: $name", ({ pair, live, merged }) => {
  const shown = maskSecret(pair);
  expect(shown.live?.["data"]).toEqual(live);
  expect(shown.merged?.["data"]).toEqual(merged);
});

test("maskSecret: what was applied last is a secret, too", () => {
  const key = "kubectl.kubernetes.io/last-applied-configuration";
  const pair = { live: secret({}, { [key]: "1" }), merged: secret({}, { [key]: "1", other: "x" }) };
  const { live, merged } = maskSecret(pair);
  expect(live?.metadata.annotations).toEqual({ [key]: "***" });
  expect(merged?.metadata.annotations).toEqual({ [key]: "***", other: "x" });
});

test("maskSecret: other kinds stay as they are", () => {
  const map = { ...secret({ a: "1" }), kind: "ConfigMap" };
  expect(maskSecret({ live: map, merged: map }).merged).toBe(map);
});

test.each([
  { name: "none", env: {}, expected: undefined },
  { name: "ours first", env: { WHERRY_EXTERNAL_DIFF: "a", KUBECTL_EXTERNAL_DIFF: "b" }, expected: ["a"] },
  {
    name: "options, without what a shell would read",
    env: { KUBECTL_EXTERNAL_DIFF: "colordiff  -N -u --label=x $(reboot) ;" },
    expected: ["colordiff", "-N", "-u", "--label=x"],
  },
  { name: "empty", env: { WHERRY_EXTERNAL_DIFF: "  " }, expected: undefined },
])("externalDiffCommand: $name", ({ env, expected }) => {
  expect(externalDiffCommand(env)).toEqual(expected);
});
