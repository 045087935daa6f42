import type { ScriptResult } from "./run-script.ts";

const sum = (counts: Iterable<number>) => [...counts].reduce((total, count) => total + count, 0);

export function formatScript(path: string, result: ScriptResult, withReasons: boolean): string {
  const { passed, differs, failures } = result;
  const skipped = sum(differs.values());
  const head = `${path}: ${passed} passed${skipped > 0 ? `, ${skipped} differ in the engine` : ""}`;
  const reasons = withReasons ? [...differs].map(([why, count]) => `  ${count} × ${why}`) : [];
  return [head, ...reasons, ...failures.map((failure) => `  FAILED ${failure}`)].join("\n");
}

export function formatTotals(results: readonly ScriptResult[]): string {
  const passed = sum(results.map((result) => result.passed));
  const skipped = sum(results.map((result) => sum(result.differs.values())));
  const failed = sum(results.map((result) => result.failures.length));
  const texts = sum(results.map((result) => result.texts));
  return [
    `${results.length} scripts: ${passed} assertions passed, ${failed} failed`,
    `left out: ${skipped} that the engine itself does not pass, ${texts} about text that is no module's`,
  ].join("\n");
}
