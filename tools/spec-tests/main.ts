/**
 * `npm run spec-tests -- --suite DIR [--only PATTERN] [--differs]`: runs the scripts of WebAssembly/testsuite (or WebAssembly/spec,
 * test/core) from a folder, each on its modules as they are and on the rewritten ones. What the engine itself does not pass says
 * nothing about rewriting. Ends with 1 if one assertion came out differently.
 */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { parseArgs } from "node:util";
import { errorMessage } from "../../kit/errors.ts";
import { formatScript, formatTotals } from "./report.ts";
import { runScript, type ScriptResult } from "./run-script.ts";

const usage = `usage: npm run spec-tests -- --suite DIR [--only PATTERN] [--differs]
  --suite DIR      a checkout of WebAssembly/testsuite, or a part of it
  --only PATTERN   the scripts whose path matches this regular expression
  --differs        says why the engine itself does not pass what is left out`;

interface Options {
  readonly suite: string;
  readonly only: RegExp | undefined;
  readonly differs: boolean;
}

function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      suite: { type: "string" },
      only: { type: "string" },
      differs: { type: "boolean", default: false },
    },
  });
  if (values.suite === undefined) throw new Error("--suite is missing");
  // npm runs scripts in the package's folder.
  const suite = resolve(process.env["INIT_CWD"] ?? ".", values.suite);
  if (!statSync(suite, { throwIfNoEntry: false })?.isDirectory())
    throw new Error(`--suite ${suite}: no folder`);
  const only = values.only === undefined ? undefined : new RegExp(values.only);
  return { suite, only, differs: values.differs };
}

async function main({ suite, only, differs }: Options): Promise<void> {
  const scripts = readdirSync(suite, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".wast"))
    .map((entry) => relative(suite, join(entry.parentPath, entry.name)))
    .filter((path) => only?.test(path) ?? true)
    .toSorted();
  if (scripts.length === 0) throw new Error(`${suite}: no *.wast below it that matches`);
  const results: ScriptResult[] = [];
  for (const path of scripts) {
    const result = await runSafely(readFileSync(join(suite, path), "utf8"));
    results.push(result);
    console.log(formatScript(path, result, differs));
  }
  console.log(formatTotals(results));
  process.exitCode = results.some(({ failures }) => failures.length > 0) ? 1 : 0;
}

/** A script that we cannot read is a failure of ours. */
async function runSafely(source: string): Promise<ScriptResult> {
  try {
    return await runScript(source);
  } catch (thrown) {
    return { passed: 0, texts: 0, differs: new Map(), failures: [`not run: ${errorMessage(thrown)}`] };
  }
}

function start(): void {
  let options: Options;
  try {
    options = readOptions();
  } catch (thrown) {
    console.error(`${errorMessage(thrown)}\n${usage}`);
    process.exitCode = 2;
    return;
  }
  void main(options).catch((thrown: unknown) => {
    console.error(errorMessage(thrown));
    process.exitCode = 1;
  });
}

start();
