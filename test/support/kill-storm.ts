/**
 * `kill -9` of shims, of the daemon, of both, at random, beside instances that count aloud. After each: nobody runs anew but
 * who was in a killed process, each restart is counted once, and the others' counting has no gap.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "yaml";
import { type Random, seededRandom } from "../../kit/random.ts";
import { eventually, TestCluster, type TestInstance } from "./cluster.ts";
import { guestFolder, guestImage } from "./guests.ts";
import { deployment, job } from "./manifests.ts";

export interface KillStormOptions {
  readonly seed: number;
  readonly kills: number;
  readonly tell: (line: string) => void;
}

const node = "one";
const namespaces = ["red", "green", "blue", "white"] as const;
type Namespace = (typeof namespaces)[number];
const tickersEach = 5;
/** Before the next kill, each has counted so far: what is compared is on disk. */
const ticksSeen = 3;
/** A restart waits twice as long each time; after so many the namespace's instances are made anew. */
const restartsMax = 3;
const completions = 10;

/** What is known of the instances of one namespace. */
interface Flock {
  restarts: number;
  generation: number;
}

export async function runKillStorm({ seed, kills, tell }: KillStormOptions): Promise<void> {
  const images = {
    ticker: await guestImage("ticker"),
    worker: await guestImage("worker"),
    spinner: await guestImage("spinner"),
  };
  await using cluster = await TestCluster.start([node], { hostPaths: [guestFolder()], lostAfter: "60s" });
  const storm = new KillStorm(cluster, images, seededRandom(seed), tell);
  await storm.begin();
  for (let kill = 1; kill <= kills; kill++) await storm.kill(kill);
  await storm.finish();
}

class KillStorm {
  readonly #cluster: TestCluster;
  readonly #images: { readonly ticker: string; readonly worker: string; readonly spinner: string };
  readonly #random: Random;
  readonly #tell: (line: string) => void;
  readonly #flocks = new Map<Namespace, Flock>();
  #jobs = 0;

  constructor(
    cluster: TestCluster,
    images: { readonly ticker: string; readonly worker: string; readonly spinner: string },
    random: Random,
    tell: (line: string) => void,
  ) {
    this.#cluster = cluster;
    this.#images = images;
    this.#random = random;
    this.#tell = tell;
  }

  async begin(): Promise<void> {
    for (const name of [...namespaces, "work", "load"]) {
      await this.#cluster.apply(stringify({ apiVersion: "v1", kind: "Namespace", metadata: { name } }));
    }
    await this.#apply(deployment(2, { name: "spinner", image: this.#images.spinner }), "load");
    for (const namespace of namespaces) {
      this.#flocks.set(namespace, { restarts: 0, generation: 0 });
      await this.#makeFlock(namespace);
    }
    await this.#settled();
  }

  async kill(number: number): Promise<void> {
    const what = this.#pick(["shims", "daemon", "both"] as const);
    const chosen = what === "daemon" ? [] : namespaces.filter(() => this.#random.fraction() < 0.4);
    const victims = what !== "daemon" && chosen.length === 0 ? [this.#pick(namespaces)] : chosen;
    await this.#beginJob();
    // Some of its instances end while there is no daemon, and some with their process.
    const pids = this.#shimsOf(
      this.#random.fraction() < 0.5 || what === "daemon" ? victims : [...victims, "work"],
    );
    this.#tell(`kill ${number}: ${what} ${victims.join(" ")}`);
    if (what !== "shims") await this.#cluster.killNode(node);
    for (const pid of pids) process.kill(pid, "SIGKILL");
    for (const namespace of victims) this.#flock(namespace).restarts++;
    if (what !== "shims") await this.#cluster.startNode(node);
    await this.#settled();
    for (const namespace of namespaces) {
      if (this.#flock(namespace).restarts >= restartsMax) await this.#renew(namespace);
    }
  }

  /** Every job that was begun has all its completions, each counted once. */
  async finish(): Promise<void> {
    const expected = Array.from({ length: this.#jobs }, (_, index) => `work-${index + 1} ${completions}`);
    await eventually(async () => {
      const { items } = await this.#cluster.json<{
        items: readonly { metadata: { name: string }; status?: { succeeded?: number } }[];
      }>("wasmjobs", "-n", "work");
      const seen = items.map(({ metadata, status }) => `${metadata.name} ${status?.succeeded ?? 0}`);
      insist(seen.sort().join() === expected.sort().join(), `jobs: ${seen.join(", ")}`);
    }, 120_000);
  }

  #flock(namespace: Namespace): Flock {
    const flock = this.#flocks.get(namespace);
    if (!flock) throw new Error(`no instances in ${namespace}`);
    return flock;
  }

  async #apply(manifest: string, namespace: string): Promise<void> {
    await this.#cluster.apply(manifest.replace("metadata:\n", `metadata:\n  namespace: ${namespace}\n`));
  }

  #makeFlock(namespace: Namespace): Promise<void> {
    const name = `ticker-${this.#flock(namespace).generation}`;
    return this.#apply(deployment(tickersEach, { name, image: this.#images.ticker }), namespace);
  }

  async #renew(namespace: Namespace): Promise<void> {
    const flock = this.#flock(namespace);
    await this.#cluster.wherry("delete", "wasmdeployment", `ticker-${flock.generation}`, "-n", namespace);
    flock.generation++;
    flock.restarts = 0;
    await this.#makeFlock(namespace);
    await this.#settled();
  }

  /** One at a time is enough: a job's instances end while something is killed. */
  async #beginJob(): Promise<void> {
    const name = `work-${++this.#jobs}`;
    const template = {
      env: [
        { name: "INSTANCE", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } },
        { name: "WORK_MS", value: "300" },
      ],
      volumes: [{ name: "out", emptyDir: {} }],
      mounts: [{ volume: "out", path: "/out" }],
    };
    const spec = { completions, parallelism: 3, backoffLimit: 1_000 };
    await this.#apply(job({ name, image: this.#images.worker, spec, template }), "work");
  }

  /** Waits until all count again, and compares what they have counted. */
  async #settled(): Promise<void> {
    await eventually(async () => {
      const instances = (await this.#cluster.instances()).filter(({ status }) => status.phase !== "Failed");
      for (const namespace of namespaces) this.#check(namespace, instances);
    }, 120_000);
  }

  #check(namespace: Namespace, all: readonly TestInstance[]): void {
    const { restarts, generation } = this.#flock(namespace);
    const own = all.filter(
      ({ metadata, spec }) => metadata.namespace === namespace && spec.owner.name === `ticker-${generation}`,
    );
    insist(own.length === tickersEach, `${namespace}: ${own.length} instances`);
    for (const { metadata, status } of own) {
      insist(status.display === "Running", `${metadata.name}: ${status.display}`);
      insist(status.restarts === restarts, `${metadata.name}: ${status.restarts} restarts, not ${restarts}`);
      const runs = this.#countedBy(metadata.uid);
      insist(
        runs.length === restarts + 1,
        `${metadata.name}: ${runs.length} runs in its log, not ${restarts + 1}`,
      );
      insist((runs.at(-1)?.length ?? 0) >= ticksSeen, `${metadata.name}: counts no further yet`);
      for (const run of runs) {
        const gap = run.findIndex((tick, index) => tick !== index);
        insist(gap < 0, `${metadata.name}: after ${run[gap - 1]} came ${run[gap]}`);
      }
    }
  }

  /** What an instance's log has, run by run: each begins with 0. */
  #countedBy(uid: string): number[][] {
    const folder = join(this.#cluster.directory.node(node), "instances", uid, "logs");
    const runs: number[][] = [];
    for (const [, digits] of textsIn(folder).matchAll(/ tick (\d+)$/gm)) {
      const tick = Number(digits);
      if (tick === 0 || runs.length === 0) runs.push([]);
      runs.at(-1)?.push(tick);
    }
    return runs;
  }

  #shimsOf(victims: readonly string[]): readonly number[] {
    const shims = join(this.#cluster.directory.node(node), "runtimes/v8/shims");
    return readdirSync(shims).flatMap((shim) => {
      const { namespace } = readJson<{ namespace?: string }>(join(shims, shim, "config.json"));
      const { pid } = readJson<{ pid?: number }>(join(shims, shim, "process.json"));
      return pid !== undefined && victims.some((victim) => victim === namespace) ? [pid] : [];
    });
  }

  #pick<T>(choices: readonly T[]): T {
    const choice = choices[Math.floor(this.#random.fraction() * choices.length)];
    if (choice === undefined) throw new Error("nothing to choose from");
    return choice;
  }
}

function insist(holds: boolean, complaint: string): void {
  if (!holds) throw new Error(complaint);
}

function readJson<T extends object>(file: string): Partial<T> {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as T;
  } catch {
    return {};
  }
}

/** The older file goes first. */
function textsIn(folder: string): string {
  try {
    const files = readdirSync(folder).filter((file) => file.endsWith(".log"));
    const ordered = files.sort((a, b) => Number(a === "current.log") - Number(b === "current.log"));
    return ordered.map((file) => readFileSync(join(folder, file), "utf8")).join("");
  } catch {
    return "";
  }
}
