/**
 * `npm run soak -- [--modules N] [--seed S] [--runs N] [--components N] [--generated N] [--opens N] [--kills N] [--minutes M]
 * [--threads N] [--only INDEX] [--only-component INDEX]`
 *
 * Makes N modules from a seed, damaged in every way, and judges each as a node would before it runs; runs some of those
 * that would have run in real shims; does both with components; runs N generated modules before and after rewriting; opens
 * files against a second writer until N were opened; and kills shims and daemons, N times, under instances that count aloud.
 * Ends with 1 if anything broke, each finding with the number to make its module again: `--seed S --only INDEX`.
 */
import { writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { errorMessage } from "../../kit/errors.ts";
import { Preview1Attacker } from "../../node-daemon/wasi/escape/preview1-attacker.ts";
import { race } from "../../node-daemon/wasi/escape/races.ts";
import { swaps } from "../../node-daemon/wasi/escape/swaps.ts";
import { runKillStorm } from "../../test/support/kill-storm.ts";
import { loadComponentCorpus, loadCorpus } from "./corpus.ts";
import { Dice } from "./dice.ts";
import { type Broken, judgeMany } from "./judge-many.ts";
import { judgeSafely } from "./judge.ts";
import { compareMany } from "../generated-modules/compare-many.ts";
import { makeComponentMutant, makeMutant, type Mutant } from "./mutant.ts";
import { runMany } from "./run-many.ts";

const hangMs = 120_000;
const progressMs = 10_000;

interface Options {
  readonly modules: number;
  readonly runs: number;
  readonly components: number;
  readonly generated: number;
  readonly opens: number;
  readonly kills: number;
  readonly threads: number;
  readonly seed: number;
  readonly only: number | undefined;
  readonly onlyComponent: number | undefined;
  readonly signal: AbortSignal;
}

function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      modules: { type: "string", default: "1000000" },
      runs: { type: "string", default: "5000" },
      components: { type: "string", default: "5000" },
      generated: { type: "string", default: "1000" },
      opens: { type: "string", default: "1000000" },
      kills: { type: "string", default: "200" },
      minutes: { type: "string", default: "600" },
      threads: { type: "string", default: String(availableParallelism()) },
      seed: { type: "string", default: String(Math.floor(Math.random() * 2 ** 32)) },
      only: { type: "string" },
      "only-component": { type: "string" },
    },
  });
  const count = (name: keyof typeof values): number => {
    const text = values[name] ?? "";
    const value = Number(text);
    if (!/^\d+$/.test(text) || !Number.isSafeInteger(value))
      throw new RangeError(`--${name} ${text}: a whole number is needed`);
    return value;
  };
  return {
    modules: count("modules"),
    runs: count("runs"),
    components: count("components"),
    generated: count("generated"),
    opens: count("opens"),
    kills: count("kills"),
    threads: Math.max(1, count("threads")),
    seed: count("seed") >>> 0,
    only: values.only === undefined ? undefined : count("only"),
    onlyComponent: values["only-component"] === undefined ? undefined : count("only-component"),
    signal: AbortSignal.timeout(count("minutes") * 60_000),
  };
}

/** Says now and then how far it is. */
function progress(): (text: () => string) => void {
  let next = Date.now() + progressMs;
  return (text) => {
    if (Date.now() < next) return;
    next = Date.now() + progressMs;
    console.log(`  ${text()}`);
  };
}

const listed = (counts: ReadonlyMap<string, number>): string =>
  [...counts]
    .toSorted(([, one], [, other]) => other - one)
    .map(([what, count]) => `${what} ${count}`)
    .join(", ");

/** Answers which would run. */
async function soakPreparing(options: Options, findings: string[]): Promise<readonly number[]> {
  const { modules, seed, threads, signal } = options;
  if (modules === 0) return [];
  console.log(`judging ${modules} modules on ${threads} threads`);
  const began = Date.now();
  const tell = progress();
  const summary = await judgeMany({
    seed,
    from: 0,
    to: modules,
    threads,
    hangMs,
    signal,
    progress: ({ judged, broken }) => tell(() => `${judged} judged, ${broken.length} broken`),
  });
  const perSecond = Math.round(summary.judged / ((Date.now() - began) / 1000));
  console.log(`  ${summary.judged} judged, ${perSecond}/s: ${listed(summary.reasons)}`);
  note(findings, "judging", summary.broken);
  return summary.prepared;
}

async function soakRunning(options: Options, prepared: readonly number[], findings: string[]): Promise<void> {
  const { seed, runs, signal } = options;
  if (runs === 0) return;
  const dice = Dice.of(seed, 0);
  const chosen = runs >= prepared.length ? prepared : dice.shuffle(prepared).slice(0, runs);
  console.log(`running ${chosen.length} of ${prepared.length} that were not refused`);
  const corpus = loadCorpus();
  // Made one after the other: together they are too much.
  const mutants = (function* () {
    for (const index of chosen) yield makeMutant(corpus, seed, index);
  })();
  const tell = progress();
  const summary = await runMany(mutants, {
    batch: 100,
    runMs: 300,
    signal,
    progress: ({ started, broken }) => tell(() => `${started} run, ${broken.length} broken`),
  });
  console.log(`  ${summary.started} run: ${listed(summary.ends)}`);
  note(findings, "running", summary.broken);
}

/** Translating takes a tenth of a second each: they go the whole way, the good and the bad. */
async function soakComponents(options: Options, findings: string[]): Promise<void> {
  const { components, seed, signal } = options;
  if (components === 0) return;
  console.log(`preparing ${components} components, and running those that are not refused`);
  const corpus = await loadComponentCorpus();
  const mutants = (function* () {
    for (let index = 0; index < components; index++) yield makeComponentMutant(corpus, seed, index);
  })();
  const tell = progress();
  const summary = await runMany(mutants, {
    batch: 50,
    runMs: 300,
    signal,
    progress: ({ started, ends, broken }) =>
      tell(
        () =>
          `${started} run, ${[...ends.values()].reduce((sum, count) => sum + count, 0)} judged, ${broken.length} broken`,
      ),
  });
  console.log(`  ${summary.started} run: ${listed(summary.ends)}`);
  note(findings, "components", summary.broken, "--only-component");
}

/** Valid modules: what they do, they must do rewritten. */
async function soakGenerated(options: Options, findings: string[]): Promise<void> {
  const { generated, seed, threads, signal } = options;
  if (generated === 0) return;
  console.log(`running ${generated} generated modules before and after rewriting`);
  const tell = progress();
  const { same, refused, calls, broken } = await compareMany({
    from: seed,
    to: seed + generated,
    threads,
    hangMs,
    signal,
    progress: (so) => tell(() => `${so.same} the same, ${so.broken.length} broken`),
  });
  console.log(`  ${same} the same in ${calls} calls, ${refused} that the engine refuses`);
  for (const { seed: own, what } of broken) findings.push(`generated: --generated 1 --seed ${own}: ${what}`);
}

async function soakRaces(options: Options, findings: string[]): Promise<void> {
  const each = Math.ceil(options.opens / swaps.length);
  if (each === 0) return;
  console.log(`opening ${each} files for each of ${swaps.length} swaps by another process`);
  for (const swap of swaps) {
    if (options.signal.aborted) return;
    const { opens, inside, refused, escapes } = await race(
      (mounts) => new Preview1Attacker(mounts),
      swap,
      each,
    );
    console.log(
      `  ${swap.name}: ${opens} opened, ${inside} read inside, ${refused} refused, ${escapes.length} escapes`,
    );
    for (const escape of escapes) findings.push(`race: ${escape}`);
  }
}

async function soakKills({ kills, seed }: Options, findings: string[]): Promise<void> {
  if (kills === 0) return;
  console.log(`killing shims and daemons ${kills} times`);
  try {
    await runKillStorm({ seed, kills, tell: (line) => console.log(`  ${line}`) });
  } catch (thrown) {
    findings.push(`kills: ${errorMessage(thrown)}`);
  }
}

function note(findings: string[], during: string, broken: readonly Broken[], flag = "--only"): void {
  for (const { index, what } of broken) findings.push(`${during}: ${flag} ${index}: ${what}`);
}

/** Makes one again, and leaves it to be looked at. */
function showOne(seed: number, { index, binary, story }: Mutant): void {
  const file = `soak-${seed}-${index}.wasm`;
  writeFileSync(file, binary);
  console.log(`${story}\n${file}: ${binary.length} bytes\n${JSON.stringify(judgeSafely(binary))}`);
}

async function soak(options: Options): Promise<number> {
  console.log(`seed ${options.seed}`);
  if (options.only !== undefined) {
    showOne(options.seed, makeMutant(loadCorpus(), options.seed, options.only));
    return 0;
  }
  if (options.onlyComponent !== undefined) {
    showOne(
      options.seed,
      makeComponentMutant(await loadComponentCorpus(), options.seed, options.onlyComponent),
    );
    return 0;
  }
  const findings: string[] = [];
  const prepared = await soakPreparing(options, findings);
  await soakRunning(options, prepared, findings);
  await soakComponents(options, findings);
  await soakGenerated(options, findings);
  await soakRaces(options, findings);
  await soakKills(options, findings);
  for (const finding of findings) console.log(`broken: ${finding}`);
  console.log(`${findings.length} findings, seed ${options.seed}`);
  return findings.length === 0 ? 0 : 1;
}

process.exitCode = await soak(readOptions());
