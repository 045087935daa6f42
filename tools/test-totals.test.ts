import { expect, test } from "vitest";
import { addTotals, noTests, summarize } from "./test-totals.ts";

const result = (status: string, fullName = status) => ({ status, fullName });

test("summarize: counts tests by their status, and names the skipped", () => {
  const assertionResults = ["passed", "passed", "failed", "skipped", "todo"].map((status) => result(status));
  const totals = summarize({ testResults: [{ name: "a", status: "failed", assertionResults }] });
  expect(totals).toEqual({ passed: 2, failed: 1, skipped: 2, skippedNames: ["skipped", "todo"] });
});

test("summarize: a file that could not be loaded is a failure", () => {
  const broken = { name: "a", status: "failed", assertionResults: [] };
  expect(summarize({ testResults: [broken] })).toMatchObject({ passed: 0, failed: 1 });
});

test("addTotals: adds", () => {
  const one = { passed: 1, failed: 2, skipped: 1, skippedNames: ["x"] };
  expect(addTotals(one, one)).toEqual({ passed: 2, failed: 4, skipped: 2, skippedNames: ["x", "x"] });
  expect(addTotals(noTests, one)).toEqual(one);
});
