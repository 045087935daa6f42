/** What `npm test` does once the dependencies are there: the gate, then every test, then one line of figures. */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gateSteps, root, runStep, toolEnvironment } from "./gate.ts";
import { addTotals, noTests, summarize, type TestTotals, type VitestReport } from "./test-totals.ts";

const projects = ["unit", "integration", "e2e"];

/** Returns the exit code. `--no-skips`, or CI in the environment, makes a skipped test a failure. */
export async function runAllTests(args: readonly string[]): Promise<number> {
  const unknown = args.filter((arg) => arg !== "--no-skips");
  if (unknown.length > 0) {
    console.error(
      `error: unknown argument ${unknown.join(" ")}; there is only --no-skips. One test: npx vitest run FILE`,
    );
    return 1;
  }
  const skipsFail = args.includes("--no-skips") || !["", "0", "false"].includes(process.env["CI"] ?? "");
  const problems: string[] = [];
  for (const step of gateSteps) {
    if (!(await runStep(step))) problems.push(`the step "${step.name}" failed`);
  }
  let totals = noTests;
  for (const project of projects) {
    const result = await runProject(project);
    totals = addTotals(totals, result.totals);
    problems.push(...result.problems);
  }
  for (const name of totals.skippedNames) console.log(`skipped: ${name}`);
  if (skipsFail && totals.skipped > 0)
    problems.push(`${totals.skipped} tests were skipped, which is not allowed here`);
  for (const problem of problems) console.log(`problem: ${problem}`);
  console.log(`${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped`);
  return problems.length === 0 && totals.failed === 0 ? 0 : 1;
}

interface ProjectResult {
  readonly totals: TestTotals;
  readonly problems: readonly string[];
}

async function runProject(project: string): Promise<ProjectResult> {
  const folder = mkdtempSync(join(tmpdir(), "wherry-test-"));
  const file = join(folder, "report.json");
  try {
    const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${file}`];
    const code = await runVitest(["run", "--project", project, ...reporters]);
    const report = readReport(file);
    if (!report)
      return {
        totals: noTests,
        problems: [`vitest ended with ${code} and without a report on "${project}"`],
      };
    const totals = summarize(report);
    const problems: string[] = [];
    if (totals.passed + totals.failed === 0) problems.push(`no test of "${project}" ran`);
    // Also an error outside of any test, which the figures do not show.
    if (code !== 0 && totals.failed === 0) problems.push(`vitest ended with ${code} on "${project}"`);
    return { totals, problems };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function runVitest(args: readonly string[]): Promise<number | string> {
  const { promise, resolve } = Promise.withResolvers<number | string>();
  const child = spawn(join(root, "node_modules", ".bin", "vitest"), args, {
    cwd: root,
    env: toolEnvironment(),
    stdio: ["ignore", "inherit", "inherit"],
  });
  child.once("error", (error) => resolve(error.message));
  child.once("close", (code, signal) => resolve(code ?? signal ?? "an unknown code"));
  return promise;
}

function readReport(file: string): VitestReport | undefined {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as VitestReport;
  } catch {
    return undefined;
  }
}
