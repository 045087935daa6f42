/**
 * One simulated life of a cluster, decided by its seed.
 *
 *   begin ──▶ step: something happens, time goes by, everything is checked ──▶ … ──▶ faults end ──▶ settled, checked
 *
 * Between two timers the event loop turns as often as it takes for what follows from the first; all that the processes put
 * on it is theirs alone and comes in the order in which they put it there, so a seed always gives the same life.
 */
import { Checks } from "./checks/checks.ts";
import { checkCronJobs } from "./checks/cron-check.ts";
import { checkRetained, retainedBy } from "./checks/retained.ts";
import { checkAwake } from "./checks/route-check.ts";
import { checkSettled, isSettled } from "./checks/settled.ts";
import { Cluster } from "./cluster.ts";
import { endFaults, faults } from "./happenings/faults.ts";
import type { Happening, Scene } from "./happenings/happening.ts";
import {
  deleteTheRest,
  deleteWorkloads,
  people,
  removeBudgets,
  roomMakers,
  suspendCronJobs,
} from "./happenings/people.ts";
import { requestEverything } from "./happenings/routes.ts";
import { resumeAll } from "./happenings/rollout-actions.ts";
import { SimulatedTime } from "./simulated-time.ts";
import { makePriorityClass, priorityClassNames } from "./workload-makers.ts";
import { Trace } from "./trace.ts";

export interface SimulationOptions {
  readonly seed: number;
  readonly steps: number;
  readonly machines: number;
  /** Names of happenings that are left out. */
  readonly without?: ReadonlySet<string>;
  readonly onLine?: ((line: string) => void) | undefined;
}

export interface SimulationResult {
  /** The same for two runs of one seed. */
  readonly digest: string;
  readonly placements: number;
  readonly simulatedMs: number;
}

/** For a life in which nothing goes wrong but what guests do. */
export const allFaults: ReadonlySet<string> = new Set(faults.map(({ name }) => name));

/** A life that broke an invariant. */
export class SimulationFailure extends Error {
  override readonly name = "SimulationFailure";
  readonly seed: number;
  readonly step: number;
  readonly tail: readonly string[];

  constructor(seed: number, step: number, cause: unknown, tail: readonly string[]) {
    super(`seed ${seed}, step ${step}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    this.seed = seed;
    this.step = step;
    this.tail = tail;
  }
}

/** How long a cluster without faults may take until nothing is left to do: the longest backoff is 6 minutes. */
const settleMsMax = 60 * 60_000;
/** After which a scheduler has forgotten what is gone: that a gang must wait for its turn, it knows for ten minutes. */
const forgetMs = 11 * 60_000;
/** The longest backoff of cron jobs is 10 seconds. */
const calmMs = 60_000;
/** Turns of the event loop after which what one timer caused is done. */
const turnsPerTimer = 3;

export async function simulate(options: SimulationOptions): Promise<SimulationResult> {
  const { seed, steps } = options;
  const time = new SimulatedTime();
  const trace = new Trace(time);
  const checks = new Checks();
  trace.onLine = options.onLine;
  trace.onError = (line) => checks.logged(line);
  const cluster = new Cluster({ seed, time, trace, witness: checks });
  const scene: Scene = { cluster, checks, machinesWanted: options.machines };
  let step = 0;
  try {
    watchJobs(scene);
    const retainedAtFirst = await begin(scene);
    for (; step < steps; step++) {
      happen(scene, pickHappening(scene, options.without ?? new Set()));
      await pass(cluster, stepMs(cluster));
      checks.check(cluster);
    }
    resumeAll(cluster);
    removeBudgets(cluster);
    await endCronJobs(scene);
    await settle(scene);
    checkSettled(cluster);
    if (faults.every(({ name }) => options.without?.has(name))) checks.checkExactly(cluster);
    requestEverything(cluster);
    await pass(cluster, calmMs);
    checkAwake(cluster);
    await settle(scene);
    checkSettled(cluster);
    for (const makeRoom of roomMakers) {
      makeRoom(cluster);
      await settle(scene);
      checkSettled(cluster);
    }
    deleteWorkloads(cluster);
    await settle(scene);
    checkSettled(cluster);
    deleteTheRest(cluster);
    await pass(cluster, forgetMs);
    checkRetained(cluster, retainedAtFirst);
  } catch (thrown) {
    throw new SimulationFailure(seed, step, thrown, trace.tail());
  }
  return { digest: trace.digest, placements: checks.placements, simulatedMs: time.elapsedMs };
}

function watchJobs({ cluster, checks }: Scene): void {
  const resource = { group: "wherry.dev", plural: "wasmjobs" };
  cluster.store.watch(resource, (event) => checks.jobStored(event), new AbortController().signal);
}

/** Cron jobs never settle: so they are looked at while they still go on. */
async function endCronJobs({ cluster, checks }: Scene): Promise<void> {
  endFaults(cluster);
  await pass(cluster, calmMs);
  checks.check(cluster);
  checkCronJobs(cluster);
  suspendCronJobs(cluster);
}

/** Answers what a scheduler keeps that knows of nothing. */
async function begin(scene: Scene): Promise<ReadonlyMap<string, number>> {
  const { cluster, machinesWanted } = scene;
  const { engine } = cluster.addScheduler();
  await pass(cluster, 100);
  const retained = retainedBy(engine);
  for (const name of priorityClassNames)
    if (cluster.dice.chance(0.8)) cluster.store.put("priorityclasses", makePriorityClass(cluster.dice, name));
  const addMachine = people.find(({ name }) => name === "add machine");
  for (let count = 0; count < machinesWanted; count++) happen(scene, addMachine);
  return retained;
}

function pickHappening({ cluster: { dice } }: Scene, without: ReadonlySet<string>): Happening | undefined {
  const all = [...people, ...faults].filter(({ name }) => !without.has(name));
  const total = all.reduce((sum, { weight }) => sum + weight, 0);
  let left = (dice.below(1_000_000) / 1_000_000) * total;
  return all.find(({ weight }) => (left -= weight) < 0);
}

function happen(scene: Scene, happening: Happening | undefined): void {
  const done = happening?.happen(scene);
  if (done !== undefined) scene.cluster.note(done);
}

/** Mostly no time to recover, now and then long enough for a node to be lost. */
function stepMs({ dice }: Cluster): number {
  const dices = dice.below(20);
  return dices === 0 ? dice.below(60_000) : dices < 8 ? dice.below(100) : dice.below(3_000);
}

async function pass({ time }: Cluster, ms: number): Promise<void> {
  const untilMs = time.elapsedMs + ms;
  do await turns();
  while (time.fireNext(untilMs));
}

async function turns(): Promise<void> {
  for (let turn = 0; turn < turnsPerTimer; turn++)
    await new Promise<void>((resolve) => void setImmediate(resolve));
}

async function settle({ cluster, checks }: Scene): Promise<void> {
  const untilMs = cluster.time.elapsedMs + settleMsMax;
  cluster.note("no more faults");
  do {
    endFaults(cluster);
    await pass(cluster, 60_000);
    checks.check(cluster);
  } while (!isSettled(cluster) && cluster.time.elapsedMs < untilMs);
}
