import { expect, test } from "vitest";
import { contentOf } from "./guest-output.ts";
import { formatResult, formatTotals, type TestResult, totalsOf } from "./report.ts";

const results: readonly TestResult[] = [
  { group: "c", name: "one", outcome: "passed", ms: 1 },
  { group: "c", name: "two", outcome: "failed", reason: "expected 0\n  got 1", ms: 1 },
  { group: "rust", name: "three", outcome: "skipped", reason: "no command", ms: 0 },
];

test("formatResult: one line each, with the reason", () => {
  expect(results.map((result) => formatResult(result, 5))).toEqual([
    "  one    passed",
    "  two    failed  expected 0 | got 1",
    "  three  skipped  no command",
  ]);
});

test("totalsOf, formatTotals: by group and together", () => {
  expect(formatTotals(totalsOf(results)).split("\n")).toEqual([
    "      tests  passed  failed  skipped",
    "c         2       1       1        0",
    "rust      1       0       0        1",
    "all       3       1       1        1",
  ]);
});

test("contentOf: what one stream got, byte by byte, of whole records", () => {
  const log = Buffer.from(
    "2026-01-01T00:00:00.000000000Z stdout F a line\n" +
      "2026-01-01T00:00:00.000000000Z stderr F another\n" +
      "2026-01-01T00:00:00.000000000Z stdout P  cut\n" +
      "2026-01-01T00:00:00.000000000Z stdout F not wh",
  );
  expect(contentOf(log, "stdout").toString()).toBe("a line\n cut");
  expect(contentOf(log, "stderr").toString()).toBe("another\n");
});
