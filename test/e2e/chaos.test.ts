/**
 * A cluster under random events, from a seed; what must hold once they have stopped.
 *
 * Four actors go their own way at the same time, each on its own random source: whoever kills the scheduler, one for
 * each node, and a user. The seed fixes what they decide, not how that interleaves with the processes.
 *
 *   WHERRY_CHAOS_SEED=N      the run to repeat
 *   WHERRY_CHAOS_SECONDS=N   how long the events go on
 */
import { readdirSync, readFileSync, mkdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { expect, test } from "vitest";
import { seededRandom, type Random } from "../../kit/random.ts";
import { eventually, TestCluster, type TestInstance } from "../support/cluster.ts";
import { guestFolder, guestImage } from "../support/guests.ts";
import { deployment, job } from "../support/manifests.ts";

/** CI always takes the same, so that a red run says something about the change; everybody else a new one. */
const defaultSeed = process.env["CI"] ? 1 : Math.floor(Math.random() * 2 ** 31);
const seed = Number(process.env["WHERRY_CHAOS_SEED"] ?? defaultSeed);
const eventsMs = Number(process.env["WHERRY_CHAOS_SECONDS"] ?? 20) * 1_000;
/** Instances whose process was killed often wait for long before they start again. */
const settleMsMax = 120_000;
const nodeNames = ["one", "two"] as const;
const completions = 200;
/** One job takes so long without trouble. */
const jobMs = 15_000;
const parallelism = 20;

interface JobStatus {
  readonly succeeded?: number;
  readonly active?: number;
  readonly completedIndexes?: string;
  readonly conditions?: readonly { readonly type: string; readonly status: string }[];
}

/** What the user has asked for last. */
interface Wish {
  readonly replicas: number;
  readonly version: number;
}

class Chaos {
  readonly cluster: TestCluster;
  readonly outFolder: string;
  wish: Wish = { replicas: 6, version: 1 };
  readonly jobs: string[] = [];
  readonly #images: { readonly ticker: string; readonly worker: string };
  readonly #until = performance.now() + eventsMs;

  constructor(cluster: TestCluster, images: { readonly ticker: string; readonly worker: string }) {
    this.cluster = cluster;
    this.#images = images;
    this.outFolder = join(cluster.folder, "out");
    mkdirSync(this.outFolder);
  }

  async run(): Promise<void> {
    await this.#applyDeployment();
    await Promise.all([
      this.#act(1, (random) => this.#disturbScheduler(random)),
      ...nodeNames.map((name, at) => this.#act(2 + at, (random) => this.#disturbNode(name, random))),
      this.#act(9, (random) => this.#disturbAsUser(random)),
      this.#runJobs(),
    ]);
    // Some must be left whose work shows how much time has passed.
    this.wish = { ...this.wish, replicas: Math.max(1, this.wish.replicas) };
    await this.#applyDeployment();
  }

  async #act(stream: number, event: (random: Random) => Promise<void>): Promise<void> {
    const random = seededRandom(seed + stream * 7_919);
    for (;;) {
      // The pace of the events; nothing is checked by it.
      await pause(500 + random.fraction() * 4_000);
      if (performance.now() > this.#until) return;
      await event(random);
    }
  }

  async #disturbScheduler(random: Random): Promise<void> {
    const awayMs = upTo(random, 2_500);
    tell(`scheduler: kill -9, away for ${awayMs} ms`);
    await this.cluster.killScheduler();
    await pause(awayMs);
    await this.cluster.startScheduler();
  }

  async #disturbNode(name: string, random: Random): Promise<void> {
    const { cluster } = this;
    const choice = pick(random, ["kill", "killAll", "killShims", "stop", "freeze"] as const);
    const awayMs = upTo(random, 5_000);
    tell(`node ${name}: ${choice}${choice === "killShims" ? "" : `, away for ${awayMs} ms`}`);
    if (choice === "killShims") return cluster.killShims(name);
    if (choice === "freeze") {
      cluster.freezeNode(name);
      await pause(awayMs);
      return cluster.thawNode(name);
    }
    await (choice === "stop" ? cluster.stopNode(name) : cluster.killNode(name));
    if (choice === "killAll") cluster.killShims(name);
    await pause(awayMs);
    await cluster.startNode(name);
  }

  async #disturbAsUser(random: Random): Promise<void> {
    const choice = pick(random, ["scale", "template", "both", "delete"] as const);
    if (choice === "delete") {
      const instances = await insist(() => this.cluster.instances());
      const alive = instances.filter(({ status }) => status.phase === "Running");
      if (alive.length === 0) return;
      const { name } = pick(random, alive).metadata;
      tell(`user: delete ${name}`);
      // It may be gone already.
      await this.cluster.wherry("delete", "wasminstance", name, "--wait=false");
      return;
    }
    const { wish } = this;
    this.wish = {
      replicas: choice === "template" ? wish.replicas : upTo(random, 12),
      version: choice === "scale" ? wish.version : wish.version + 1,
    };
    tell(`user: ${this.wish.replicas} replicas of version ${this.wish.version}`);
    await this.#applyDeployment();
  }

  async #applyDeployment(): Promise<void> {
    const { replicas, version } = this.wish;
    const image = this.#images.ticker;
    const labels = { version: `v${version}` };
    const manifest = deployment(replicas, { name: "ticker", image, labels });
    await insist(() => this.cluster.apply(manifest));
  }

  /** One after the other, for as long as there are events. */
  async #runJobs(): Promise<void> {
    do {
      const name = `work-${this.jobs.length + 1}`;
      this.jobs.push(name);
      const folder = join(this.outFolder, name);
      mkdirSync(folder);
      const manifest = this.#job(name, folder);
      await insist(() => this.cluster.apply(manifest));
      while (performance.now() < this.#until && !isComplete(await insist(() => this.jobStatus(name)))) {
        await pause(1_000);
      }
    } while (performance.now() < this.#until);
  }

  #job(name: string, folder: string): string {
    const template = {
      env: [
        { name: "INSTANCE", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } },
        { name: "WORK_MS", value: String((jobMs * parallelism) / completions) },
      ],
      volumes: [{ name: "out", hostPath: { path: folder } }],
      mounts: [{ volume: "out", path: "/out" }],
    };
    // A killed process is a failure of its instance, and here there are many.
    const limits = { completions, parallelism, backoffLimit: 100_000 };
    return job({ name, image: this.#images.worker, spec: limits, template });
  }

  async jobStatus(name: string): Promise<JobStatus> {
    return (await this.cluster.json<{ status?: JobStatus }>("wasmjob", name)).status ?? {};
  }

  async checkJob(name: string): Promise<void> {
    const status = await this.jobStatus(name);
    expect(status).toMatchObject({ succeeded: completions, completedIndexes: `0-${completions - 1}` });
    expect(isComplete(status)).toBe(true);
    expect(status.active ?? 0).toBe(0);
    const done = new Set(readdirSync(join(this.outFolder, name)).map((file) => Number(file.split(".")[0])));
    expect([...done].sort((a, b) => a - b)).toEqual(Array.from({ length: completions }, (_, index) => index));
  }

  /** Returns the deployment's instances, once they are what was asked for and nothing else is alive. */
  async checkDeployment(): Promise<readonly TestInstance[]> {
    const alive = (await this.cluster.instances()).filter(
      ({ status }) => status.phase !== "Succeeded" && status.phase !== "Failed",
    );
    const seen = alive.map(
      ({ spec, status, metadata }) => `${spec.owner.name} ${metadata.labels["version"]} ${status.display}`,
    );
    const { replicas, version } = this.wish;
    expect(seen).toEqual(Array(replicas).fill(`ticker v${version} Running`));
    const { status } = await this.cluster.json<{ status: Record<string, unknown> }>(
      "wasmdeployment",
      "ticker",
    );
    const counted = [status["replicas"], status["updatedReplicas"], status["readyReplicas"]];
    expect(counted.map((count) => count ?? 0)).toEqual([replicas, replicas, replicas]);
    return alive;
  }

  /** The logs are what the guests really do: exactly those of `expected` may grow. */
  async checkGuests(expected: readonly TestInstance[]): Promise<void> {
    const before = this.#logSizes();
    let grown: string[] = [];
    // An instance too many is as busy as the others, so it has written by the time when all of them have.
    await eventually(async () => {
      const now = this.#logSizes();
      const grownBy = (log: string) => (now.get(log) ?? 0) - (before.get(log) ?? 0);
      grown = [...now.keys()].filter((log) => grownBy(log) > 0);
      const busy = new Set([...now.keys()].filter((log) => grownBy(log) > 500));
      for (const instance of expected) expect(busy).toContain(logOf(instance));
    }, 30_000);
    expect(grown.sort()).toEqual(expected.map(logOf).sort());
  }

  /** Bytes in the log folder of each instance of each node, by `node/uid`. */
  #logSizes(): ReadonlyMap<string, number> {
    const sizes = new Map<string, number>();
    for (const name of nodeNames) {
      const instances = join(this.cluster.directory.node(name), "instances");
      for (const uid of list(instances)) sizes.set(`${name}/${uid}`, bytesUnder(join(instances, uid)));
    }
    return sizes;
  }
}

function logOf({ spec, metadata }: TestInstance): string {
  return `${spec.nodeName}/${metadata.uid}`;
}

function isComplete({ conditions = [] }: JobStatus): boolean {
  return conditions.some(({ type, status }) => type === "Complete" && status === "True");
}

function tell(event: string): void {
  console.log(`${new Date().toISOString()} ${event}`);
}

function upTo(random: Random, max: number): number {
  return Math.floor(random.fraction() * (max + 1));
}

function pick<T>(random: Random, choices: readonly T[]): T {
  return choices[Math.floor(random.fraction() * choices.length)]!;
}

/** The scheduler may be away just now. */
async function insist<T>(attempt: () => Promise<T>): Promise<T> {
  let result: { readonly value: T } | undefined;
  await eventually(async () => {
    result = { value: await attempt() };
  });
  return result!.value;
}

/** A folder may vanish while it is read. */
function list(folder: string, recursive = false): readonly string[] {
  try {
    return readdirSync(folder, { recursive, encoding: "utf8" });
  } catch {
    return [];
  }
}

function bytesUnder(folder: string): number {
  let bytes = 0;
  for (const file of list(folder, true))
    bytes += statSync(join(folder, file), { throwIfNoEntry: false })?.size ?? 0;
  return bytes;
}

/** Processes with the folder in their command lines: all that a cluster starts have it there. */
function processesOf(folder: string): readonly string[] {
  return readdirSync("/proc").flatMap((entry) => {
    if (!/^\d+$/.test(entry)) return [];
    try {
      const command = readFileSync(`/proc/${entry}/cmdline`, "utf8");
      return command.includes(folder) ? [`${entry}: ${command.replaceAll("\0", " ")}`] : [];
    } catch {
      return [];
    }
  });
}

test(
  "whatever was killed, what was declared is there in the end, and nothing else",
  async () => {
    console.log(`chaos seed ${seed}`);
    const images = { ticker: await guestImage("ticker"), worker: await guestImage("worker") };
    let folder: string;
    {
      await using cluster = await TestCluster.start(nodeNames, {
        lostAfter: "3s",
        hostPaths: [guestFolder()],
      });
      folder = cluster.folder;
      const chaos = new Chaos(cluster, images);
      await chaos.run();
      tell(`the events are over; wanted: ${JSON.stringify(chaos.wish)}`);
      for (const name of chaos.jobs) await eventually(() => chaos.checkJob(name), settleMsMax);
      tell("the jobs are complete");
      let alive: readonly TestInstance[] = [];
      await eventually(async () => void (alive = await chaos.checkDeployment()), settleMsMax);
      tell("the deployment is whole");
      await chaos.checkGuests(alive);
      await Promise.all(nodeNames.map((name) => cluster.stopNode(name)));
      for (const name of nodeNames) expect(cluster.shims(name)).toEqual([]);
    }
    expect(processesOf(folder)).toEqual([]);
  },
  eventsMs + 4 * settleMsMax,
);
