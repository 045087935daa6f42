/**
 * `npm run conformance -- --suite DIR [--only PATTERN] [--json]`: runs the official WebAssembly/wasi-testsuite from a folder
 * through the built-in runtime, as a node daemon would, and prints how each test went. Ends with 1 if one failed.
 */
import { statSync } from "node:fs";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { errorMessage } from "../../kit/errors.ts";
import { findTests, type SuiteTest } from "./find-tests.ts";
import { conformanceLimits } from "./limits.ts";
import { NodeRunner } from "./node-runner.ts";
import { formatResult, formatTotals, type TestResult, totalsOf } from "./report.ts";
import { runTest } from "./test-run.ts";

interface Options {
  readonly suite: string;
  readonly only: RegExp | undefined;
  readonly json: boolean;
}

const usage = `usage: npm run conformance -- --suite DIR [--only PATTERN] [--json]
  --suite DIR      a checkout of WebAssembly/wasi-testsuite with its binaries (branch prod/testsuite-base), or a part of it
  --only PATTERN   the tests whose "GROUP NAME" matches this regular expression
  --json           the results as JSON instead of a table`;

function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      suite: { type: "string" },
      only: { type: "string" },
      json: { type: "boolean", default: false },
    },
  });
  if (values.suite === undefined) throw new Error("--suite is missing");
  // npm runs scripts in the package's folder.
  const suite = resolve(process.env["INIT_CWD"] ?? ".", values.suite);
  if (!statSync(suite, { throwIfNoEntry: false })?.isDirectory())
    throw new Error(`--suite ${suite}: no folder`);
  return { suite, only: values.only === undefined ? undefined : new RegExp(values.only), json: values.json };
}

/** Tells of results in the order of the tests, each as soon as all before it are known. */
async function runAll(
  runner: NodeRunner,
  tests: readonly SuiteTest[],
  tell: (result: TestResult) => void,
): Promise<readonly TestResult[]> {
  const results: (TestResult | undefined)[] = tests.map(() => undefined);
  let next = 0;
  let told = 0;
  const work = async (worker: number) => {
    for (let index = next++; index < tests.length; index = next++) {
      const test = tests[index];
      if (!test) break;
      const began = performance.now();
      const outcome = await runTest(runner, test, index, worker);
      const ms = Math.round(performance.now() - began);
      results[index] = { group: test.group, name: test.name, ...outcome, ms };
      for (let result = results[told]; result; result = results[++told]) tell(result);
    }
  };
  await Promise.all(Array.from({ length: conformanceLimits.parallel }, (_, worker) => work(worker)));
  return results.filter((result) => result !== undefined);
}

async function main(options: Options): Promise<void> {
  const tests = findTests(options.suite, options.only);
  if (tests.length === 0) throw new Error(`${options.suite}: no *.wasm below it that matches`);
  const nameWidth = Math.max(...tests.map(({ name }) => name.length));
  let group = "";
  const tell = (result: TestResult) => {
    if (options.json) return;
    if (result.group !== group) console.log(result.group);
    ({ group } = result);
    console.log(formatResult(result, nameWidth));
  };
  await using runner = await NodeRunner.open();
  // However this ends, no process stays behind.
  const leave = () => void runner.close().finally(() => process.exit(130));
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, leave);
  process.stdout.once("error", leave);
  const results = await runAll(runner, tests, tell);
  const totals = totalsOf(results);
  console.log(options.json ? JSON.stringify({ results, totals }, undefined, 2) : `\n${formatTotals(totals)}`);
  if (results.some(({ outcome }) => outcome === "failed")) process.exitCode = 1;
}

let options: Options | undefined;
try {
  options = readOptions();
} catch (thrown) {
  console.error(`${errorMessage(thrown)}\n${usage}`);
  process.exitCode = 2;
}
if (options) {
  await main(options).catch((thrown: unknown) => {
    console.error(errorMessage(thrown));
    process.exitCode = 2;
  });
}
