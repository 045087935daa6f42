/** The steps of `npm run ok`, which `npm test` runs as well. */
import { spawn } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

export const root = resolve(dirname(fileURLToPath(import.meta.url)), "..");

export interface StepResult {
  readonly passed: boolean;
  /** What to show when it failed. */
  readonly output: string;
}

export interface Step {
  readonly name: string;
  run(): Promise<StepResult>;
}

const generatedFolders = ["charts/wherry/crds", "api/gen", "proto/gen", "deploy/grafana"];

/** Everything but the tests. */
export const gateSteps: readonly Step[] = [
  { name: "generated", run: checkGenerated },
  { name: "format", run: () => runProgram("oxfmt", ["--check"]) },
  { name: "lint", run: () => runProgram("oxlint", ["--type-aware", "--deny-warnings"]) },
  { name: "types", run: () => runProgram("tsc", ["--noEmit"]) },
  { name: "boundaries", run: () => runProgram("node", ["tools/check-boundaries.ts"]) },
  { name: "proto", run: () => runProgram("buf", ["lint", "proto"]) },
];

export const unitStep: Step = { name: "unit", run: () => runProgram("vitest", ["run", "--project", "unit"]) };

/** Runs a program of the dependencies and keeps what it says. */
export function runProgram(program: string, args: readonly string[], cwd = root): Promise<StepResult> {
  const { promise, resolve } = Promise.withResolvers<StepResult>();
  const child = spawn(join(root, "node_modules", ".bin", program), args, {
    cwd,
    env: toolEnvironment(),
    stdio: ["ignore", "pipe", "pipe"],
  });
  const chunks: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => chunks.push(chunk));
  child.once("error", (error) =>
    resolve({ passed: false, output: `cannot run ${program}: ${error.message}` }),
  );
  child.once("close", (code) =>
    resolve({ passed: code === 0, output: Buffer.concat(chunks).toString("utf8").trimEnd() }),
  );
  return promise;
}

/** Programs of the dependencies start with `#!/usr/bin/env node`, and must find the Node that is one of them. */
export function toolEnvironment(): NodeJS.ProcessEnv {
  const path = `${join(root, "node_modules", ".bin")}${delimiter}${process.env["PATH"] ?? ""}`;
  return { ...process.env, PATH: path };
}

/** Makes the generated files again, in a copy, and compares: what is checked in must come from its source. */
async function checkGenerated(): Promise<StepResult> {
  const copy = mkdtempSync(join(tmpdir(), "wherry-generate-"));
  try {
    for (const entry of ["package.json", "tools", "api", "proto"]) {
      cpSync(join(root, entry), join(copy, entry), { recursive: true });
    }
    symlinkSync(join(root, "node_modules"), join(copy, "node_modules"));
    const generated = await runProgram("node", [join(copy, "tools", "generate.ts")], copy);
    if (!generated.passed) return generated;
    const different = generatedFolders.flatMap((folder) => compareFolders(folder, copy));
    return {
      passed: different.length === 0,
      output: ["these differ from what `npm run generate` makes; run it:", ...different].join("\n"),
    };
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

function compareFolders(folder: string, copy: string): readonly string[] {
  const files = new Set([...listFiles(join(root, folder)), ...listFiles(join(copy, folder))]);
  return [...files]
    .filter((file) => readText(join(root, folder, file)) !== readText(join(copy, folder, file)))
    .map((file) => `  ${join(folder, file)}`)
    .toSorted();
}

function listFiles(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));
}

function readText(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}

/** Runs one step and prints its line; its output only when it failed. */
export async function runStep(step: Step): Promise<boolean> {
  const started = performance.now();
  const { passed, output } = await step.run();
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(`${passed ? "ok    " : "FAILED"}  ${step.name.padEnd(10)}  ${seconds} s`);
  if (!passed) console.log(output);
  return passed;
}
