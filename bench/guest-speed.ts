/**
 * How fast guests compute: programs in C as whole processes, native, in V8 alone, as instances of ours, and in whatever
 * other runtime the machine has. Every round runs everything once, so that all of it has the same weather. In the means the
 * start of the process, which is what a program takes that does nothing, is taken off.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { compileC } from "../tools/compile-c.ts";
import { median, type Figure } from "./figure.ts";
import { findProgram, type Sample, timeProgram } from "./timed-program.ts";
import { OwnRuntime } from "./own-runtime.ts";

/** In `programs/`. Each prints what it has computed. */
const programs = [
  "fannkuch",
  "interpreter",
  "mandelbrot",
  "matrix",
  "nbody",
  "sha256",
  "sort",
  "spectral",
  "tree",
] as const;
/** It does nothing but call: shown, but not in the means. */
const worst = "fib";
const nothing = "nothing";
const rounds = 5;

interface Program {
  readonly name: string;
  readonly wasm: string;
  readonly native: string | undefined;
}

interface Contender {
  readonly name: string;
  run(program: Program): Promise<Sample | undefined>;
}

const runner = fileURLToPath(new URL("wasi-runner.mjs", import.meta.url));

export async function run(): Promise<readonly Figure[]> {
  const folder = await mkdtemp(join(tmpdir(), "wherry-speed-"));
  try {
    await using own = await OwnRuntime.open();
    const compiler = findProgram("clang") ?? findProgram("gcc");
    const built: Program[] = [];
    for (const name of [nothing, ...programs, worst]) built.push(await build(name, folder, compiler));
    return figuresOf(built, await race(built, contenders(own, compiler)));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function build(name: string, folder: string, compiler: string | undefined): Promise<Program> {
  const source = fileURLToPath(new URL(`programs/${name}.c`, import.meta.url));
  const wasm = join(folder, `${name}.wasm`);
  writeFileSync(wasm, await compileC(readFileSync(source, "utf8"), ["-O2"]));
  const native = join(folder, name);
  if (compiler !== undefined) await timeProgram(compiler, ["-O2", source, "-o", native, "-lm"]);
  return { name, wasm, native: compiler && native };
}

function contenders(own: OwnRuntime, compiler: string | undefined): readonly Contender[] {
  const node = (name: string, flags: readonly string[]): Contender => ({
    name,
    run: ({ wasm }) => timeProgram(process.execPath, ["--no-warnings", ...flags, runner, wasm]),
  });
  const other = (name: string, args: readonly string[]): Contender => ({
    name,
    run: async ({ wasm }) => {
      const program = findProgram(name);
      return program === undefined ? undefined : timeProgram(program, [...args, wasm]);
    },
  });
  return [
    {
      name: compiler === undefined ? "native" : `native (${compiler.split("/").at(-1)} -O2)`,
      run: async ({ native }) => (native === undefined ? undefined : timeProgram(native, [])),
    },
    node("V8, --no-liftoff", ["--no-liftoff"]),
    node("V8, default tiers", []),
    { name: "ours, first run of a new shim", run: ({ wasm }) => own.run(wasm, "new") },
    { name: "ours, second run in it", run: ({ wasm }) => own.run(wasm, "same") },
    other("wasmtime", ["run"]),
    other("wasmedge", ["run"]),
    other("wasmer", ["run"]),
    other("wazero", ["run"]),
  ];
}

type Results = ReadonlyMap<Contender, ReadonlyMap<Program, readonly Sample[]>>;

async function race(built: readonly Program[], all: readonly Contender[]): Promise<Results> {
  const results = new Map(all.map((contender) => [contender, new Map<Program, Sample[]>()]));
  for (let round = 0; round < rounds; round++) {
    for (const program of built) {
      const outputs = new Set<string>();
      for (const contender of all) {
        const sample = await contender.run(program);
        if (sample === undefined) continue;
        outputs.add(sample.output);
        const samples = results.get(contender);
        samples?.set(program, [...(samples.get(program) ?? []), sample]);
      }
      if (outputs.size > 1) throw new Error(`${program.name} computed ${[...outputs].join(" and ")}`);
    }
  }
  return results;
}

function figuresOf(built: readonly Program[], results: Results): readonly Figure[] {
  const figures: Figure[] = [];
  const [native, best] = [...results.values()];
  for (const [{ name }, samples] of results) {
    if (samples.size === 0) {
      figures.push({ name, notMeasured: "it is not on this machine" });
      continue;
    }
    for (const program of built) {
      figures.push({
        name: `${name}: ${program.name}`,
        value: typical(samples.get(program), "wallMs"),
        unit: "ms",
      });
    }
    for (const [base, against] of [
      [native, "native"],
      [best, "V8's best tier"],
    ] as const) {
      for (const measure of ["wallMs", "cpuMs"] as const) {
        const value = meanRatio(samples, base, measure);
        const title = `${name}: ${measure === "wallMs" ? "time" : "processor time"} against ${against}`;
        if (value !== undefined) figures.push({ name: `${title}, geometric mean`, value, unit: "times" });
      }
    }
  }
  return figures;
}

function typical(samples: readonly Sample[] | undefined, measure: "wallMs" | "cpuMs"): number {
  return median((samples ?? []).map((sample) => sample[measure]));
}

type Samples = ReadonlyMap<Program, readonly Sample[]>;

/** Over all programs but the worst case. */
function meanRatio(
  samples: Samples,
  base: Samples | undefined,
  measure: "wallMs" | "cpuMs",
): number | undefined {
  if (base === undefined || base.size === 0 || base === samples) return undefined;
  const start = [...samples.keys()].find(({ name }) => name === nothing);
  if (start === undefined) return undefined;
  const computing = (of: Samples, program: Program) =>
    typical(of.get(program), measure) - typical(of.get(start), measure);
  const logs = [...samples.keys()]
    .filter(({ name }) => name !== worst && name !== nothing)
    .map((program) => Math.log(computing(samples, program) / computing(base, program)));
  return Math.exp(logs.reduce((sum, log) => sum + log, 0) / logs.length);
}
