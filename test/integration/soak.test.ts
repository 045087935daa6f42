/** A part of `npm run soak`, always the same. */
import { expect, test } from "vitest";
import { loadComponentCorpus, loadCorpus } from "../../tools/soak/corpus.ts";
import { judgeMany } from "../../tools/soak/judge-many.ts";
import { makeComponentMutant, makeMutant } from "../../tools/soak/mutant.ts";
import { runMany } from "../../tools/soak/run-many.ts";

const seed = 20_261_122;
const modules = 20_000;
const runs = 300;

test("20,000 damaged modules: each is refused with a reason or could run, and 300 of those run in shims that live", async () => {
  const judged = await judgeMany({ seed, from: 0, to: modules, threads: 2, hangMs: 60_000 });
  expect(judged.broken).toEqual([]);
  expect(judged.judged).toBe(modules);
  // The damage is of both kinds.
  expect(Math.min(judged.prepared.length, modules - judged.prepared.length)).toBeGreaterThan(modules / 20);

  const corpus = loadCorpus();
  // In the order of their numbers: which thread was the first differs.
  const chosen = judged.prepared.toSorted((one, other) => one - other).slice(0, runs);
  const mutants = chosen.map((index) => makeMutant(corpus, seed, index));
  const run = await runMany(mutants, { batch: 100, runMs: 200 });
  expect(run.broken).toEqual([]);
  expect(run.started).toBe(runs);
  expect([...run.ends.keys()]).toEqual(expect.arrayContaining(["exited", "stopped", "trapped: Trap"]));
}, 300_000);

test("300 damaged components: each is refused with a reason, or runs in a shim that lives", async () => {
  const corpus = await loadComponentCorpus();
  const mutants = Array.from({ length: 300 }, (_, index) => makeComponentMutant(corpus, seed, index));
  const run = await runMany(mutants, { batch: 100, runMs: 200 });
  expect(run.broken).toEqual([]);
  expect(run.started).toBeGreaterThan(30);
  expect(run.ends.get("rejected: ModuleInvalid") ?? 0).toBeGreaterThan(30);
}, 300_000);
