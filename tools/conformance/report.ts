import { conformanceLimits } from "./limits.ts";

export interface TestResult {
  readonly group: string;
  readonly name: string;
  readonly outcome: "passed" | "failed" | "skipped";
  /** Of what did not pass. */
  readonly reason?: string;
  readonly ms: number;
}

export interface Totals {
  readonly group: string;
  readonly tests: number;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** One line. */
export function formatResult({ name, outcome, reason }: TestResult, nameWidth: number): string {
  const why = reason === undefined ? "" : `  ${oneLine(reason)}`;
  return `  ${name.padEnd(nameWidth)}  ${outcome}${why}`;
}

/** By group, and all together at the end. */
export function totalsOf(results: readonly TestResult[]): readonly Totals[] {
  const groups = [...new Set(results.map(({ group }) => group))];
  const count = (group: string, of: readonly TestResult[]): Totals => {
    const counted = (outcome: TestResult["outcome"]) =>
      of.filter((result) => result.outcome === outcome).length;
    return {
      group,
      tests: of.length,
      passed: counted("passed"),
      failed: counted("failed"),
      skipped: counted("skipped"),
    };
  };
  return [
    ...groups.map((group) =>
      count(
        group,
        results.filter((result) => result.group === group),
      ),
    ),
    count("all", results),
  ];
}

export function formatTotals(totals: readonly Totals[]): string {
  const rows = [
    ["", "tests", "passed", "failed", "skipped"],
    ...totals.map(({ group, tests, passed, failed, skipped }) => [
      group,
      ...[tests, passed, failed, skipped].map(String),
    ]),
  ];
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  return rows
    .map((row) =>
      row
        .map((cell, column) =>
          column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0),
        )
        .join("  "),
    )
    .join("\n");
}

function oneLine(text: string): string {
  const line = text.replaceAll(/\s*\n\s*/g, " | ");
  const { reasonCharsMax } = conformanceLimits;
  return line.length > reasonCharsMax ? `${line.slice(0, reasonCharsMax - 1)}…` : line;
}
