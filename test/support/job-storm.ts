/**
 * `kill -9` of daemons, of their shims and of the scheduler beside one large indexed job. At every version of its status that
 * a reader sees: what is counted as succeeded was really done, nothing is counted twice, no count shrinks.
 */
import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { IndexRanges } from "../../api/index-ranges.ts";
import { eventually, TestCluster } from "./cluster.ts";
import { guestFolder, guestImage } from "./guests.ts";
import { logsOf } from "./jobs.ts";
import { job } from "./manifests.ts";

export interface JobStormOptions {
  readonly completions: number;
  readonly parallelism: number;
  readonly workMs: number;
  readonly tell: (line: string) => void;
}

export interface StormStatus {
  readonly phase?: string;
  readonly active?: number;
  readonly terminating?: number;
  readonly succeeded?: number;
  readonly failed?: number;
  readonly completedIndexes?: string;
  readonly failedAttempts?: readonly unknown[];
}

export interface JobStormResult {
  readonly status: StormStatus;
  /** For each index, how many guests have left a file that says they did it. */
  readonly done: ReadonlyMap<number, number>;
  /** Indexes of the instances that have succeeded and are still there to be looked at. */
  readonly kept: readonly number[];
  /** Indexes in what the guests have printed, as far as the nodes still have it. */
  readonly logged: ReadonlySet<number>;
  /** Versions of the status that were looked at. */
  readonly looks: number;
}

const nodes = ["one", "two", "three"] as const;
const name = "storm";
/** Nodes are declared lost, and come back, in some of the kills; in others they are back before. */
const lostAfterMs = 3_000;

interface Kill {
  readonly what: string;
  readonly run: (cluster: TestCluster) => Promise<void>;
}

const kills: readonly Kill[] = [
  { what: "daemon one", run: (cluster) => killDaemons(cluster, ["one"], 500) },
  { what: "the scheduler", run: (cluster) => killScheduler(cluster, 500) },
  { what: "daemon two with its shims", run: (cluster) => killDaemons(cluster, ["two"], 500, true) },
  { what: "the scheduler, at once again", run: (cluster) => killScheduler(cluster, 0) },
  {
    what: "daemon three, until it is lost",
    run: (cluster) => killDaemons(cluster, ["three"], lostAfterMs + 2_000),
  },
  { what: "shims of one", run: async (cluster) => cluster.killShims("one") },
  {
    what: "everything but shims",
    run: async (cluster) => {
      await Promise.all([...nodes.map((node) => cluster.killNode(node)), cluster.killScheduler()]);
      await cluster.startScheduler();
      await Promise.all(nodes.map((node) => cluster.startNode(node)));
    },
  },
  { what: "all daemons", run: (cluster) => killDaemons(cluster, nodes, 1_000) },
];

export async function runJobStorm(options: JobStormOptions): Promise<JobStormResult> {
  const image = await guestImage("worker");
  await using cluster = await TestCluster.start(nodes, {
    hostPaths: [guestFolder()],
    lostAfter: `${lostAfterMs / 1_000}s`,
  });
  const folder = join(cluster.folder, "out");
  mkdirSync(folder);
  await cluster.apply(manifest(image, folder, options));
  const reader = new StatusReader(cluster, folder);
  const step = Math.floor(options.completions / (kills.length + 1));
  for (const [at, { what, run }] of kills.entries()) {
    await reader.until(({ succeeded = 0 }) => succeeded >= step * (at + 1));
    options.tell(`${reader.last.succeeded} of ${options.completions}: kill -9 of ${what}`);
    await run(cluster);
  }
  await reader.until(({ phase }) => phase === "Complete" || phase === "Failed");
  await reader.until(({ active, terminating }) => active === 0 && terminating === 0);
  const kept = (await cluster.instances())
    .filter(({ status }) => status.phase === "Succeeded")
    .map(({ spec }) => spec.completionIndex ?? -1);
  const logged = await loggedBy(cluster);
  return { status: reader.last, done: doneIn(folder), kept, logged, looks: reader.looks };
}

function manifest(
  image: string,
  folder: string,
  { completions, parallelism, workMs }: JobStormOptions,
): string {
  const template = {
    env: [
      { name: "INSTANCE", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } },
      { name: "WORK_MS", value: String(workMs) },
    ],
    volumes: [{ name: "out", hostPath: { path: folder } }],
    mounts: [{ volume: "out", path: "/out" }],
  };
  // A killed process is a failure of its instances, and here there are many.
  return job({ name, image, spec: { completions, parallelism, backoffLimit: 1_000_000 }, template });
}

async function killDaemons(
  cluster: TestCluster,
  names: readonly string[],
  awayMs: number,
  withShims = false,
): Promise<void> {
  await Promise.all(names.map((node) => cluster.killNode(node)));
  if (withShims) for (const node of names) cluster.killShims(node);
  await pause(awayMs);
  await Promise.all(names.map((node) => cluster.startNode(node)));
}

async function killScheduler(cluster: TestCluster, awayMs: number): Promise<void> {
  await cluster.killScheduler();
  await pause(awayMs);
  await cluster.startScheduler();
}

class StatusReader {
  last: StormStatus = {};
  looks = 0;
  readonly #cluster: TestCluster;
  readonly #folder: string;
  #completed = IndexRanges.none;

  constructor(cluster: TestCluster, folder: string) {
    this.#cluster = cluster;
    this.#folder = folder;
  }

  /** Looks again until it holds; fails at once when something is counted that should not be. */
  async until(holds: (status: StormStatus) => boolean): Promise<void> {
    let fault: Error | undefined;
    await eventually(async () => {
      const { status = {} } = await this.#cluster.json<{ status?: StormStatus }>("wasmjob", name);
      fault = this.#faultOf(status);
      if (fault) return;
      if (!holds(status)) throw new Error(`the job is at ${JSON.stringify(status)}`);
    }, 180_000);
    if (fault) throw fault;
  }

  #faultOf(status: StormStatus): Error | undefined {
    this.looks++;
    const completed = IndexRanges.parse(status.completedIndexes);
    const { succeeded = 0, failed = 0 } = status;
    if (succeeded !== completed.size)
      return new Error(`succeeded is ${succeeded}, and completedIndexes are ${status.completedIndexes}`);
    for (const index of this.#completed)
      if (!completed.has(index)) return new Error(`index ${index} is not completed any more`);
    if (failed < (this.last.failed ?? 0)) return new Error(`failed was ${this.last.failed} and is ${failed}`);
    const done = doneIn(this.#folder);
    for (const index of completed)
      if (!done.has(index)) return new Error(`index ${index} counts, and nobody has done it`);
    this.#completed = completed;
    this.last = status;
    return undefined;
  }
}

/** Files are named INDEX.INSTANCE. */
function doneIn(folder: string): ReadonlyMap<number, number> {
  const done = new Map<number, number>();
  for (const file of readdirSync(folder)) {
    const index = Number(file.split(".")[0]);
    done.set(index, (done.get(index) ?? 0) + 1);
  }
  return done;
}

async function loggedBy(cluster: TestCluster): Promise<ReadonlySet<number>> {
  const { code, stdout, stderr } = await logsOf(cluster, name);
  if (code !== 0) throw new Error(`the logs of job ${name} cannot be read:\n${stderr.slice(0, 4000)}`);
  return new Set(Array.from(stdout.matchAll(/index (\d+) done$/gm), ([, index]) => Number(index)));
}
