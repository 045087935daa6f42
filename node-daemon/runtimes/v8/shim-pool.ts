/**
 * The processes that host runs: which there are, for whom, and for how long. Knows nothing of how a run goes.
 *
 *                     ┌── spawned ahead ──▶ spare ──claimed──┐
 *   nothing fits ─────┤                                      ├──▶ shared or own ── empty, told to exit ──▶ gone
 *                     └── spawned for it ────────────────────┘        │ too old, another build
 *                                                                     ▼
 *                                                                  outdated: takes nothing new, goes once it is empty
 * Invariants:
 * - A namespace never shares a shim with another: a spare has served nobody before it is claimed, and nobody else afterwards.
 * - A shim of one's own hosts one run and goes with it.
 * - There are `spares` spares at most. One is started at first, and when somebody took one, never because one died: a machine
 *   on which none can live is not kept busy by them.
 */
import { join } from "node:path";
import type { Clock, Timer } from "../../../kit/clock.ts";
import { errorMessage } from "../../../kit/errors.ts";
import type { Log } from "../../../kit/log.ts";
import type { Random } from "../../../kit/random.ts";
import type { ShimLimits } from "../../shim/limits.ts";
import type { OwnRunRecord, RunReport, ShimIdentity } from "../../shim/protocol.ts";
import type { RunId } from "../runtime-driver.ts";
import type { Shim, ShimUse } from "./hosting.ts";
import type { LaunchPlan, ShimLauncher } from "./launcher.ts";
import { driverLimits } from "./limits.ts";
import { createShimFolder, listShimFolders, readConfig, removeShimFolder } from "./shim-folder.ts";
import { type RunMessage, type ShimDeath, ShimHandle, type ShimHandleEvents } from "./shim-handle.ts";
import type { OwnShimNeeds, ShimNeeds } from "./shim-needs.ts";
import { nodeFlags, removeUnusedPrograms, type ShimProgram } from "./shim-program.ts";

export interface PoolEvents {
  /** After each inventory. `found`: the first of a shim that an earlier daemon left. */
  ready(shim: Shim, reports: readonly RunReport[], found: boolean): void;
  message(shim: Shim, message: RunMessage): void;
  /** It is forgotten already. */
  died(shim: Shim, death: ShimDeath): void;
  /** Its runs are to be started anew. */
  outdated(shim: Shim, why: string): void;
}

export interface PoolOptions {
  readonly shimsRoot: string;
  readonly program: ShimProgram;
  readonly buildId: string;
  readonly limits: ShimLimits;
  readonly execPath: string;
  readonly launcher: ShimLauncher;
  readonly spares: number;
  readonly shimAgeMsMax: number;
  readonly clock: Clock;
  readonly log: Log;
  readonly random: Random;
  readonly events: PoolEvents;
}

/** What is known of a shim beside who it is. */
interface Kept {
  readonly heapMb?: number | undefined;
  readonly onlyRun?: RunId | undefined;
}

export class ShimPool {
  readonly #options: PoolOptions;
  readonly #clock: Clock;
  readonly #shims = new Map<ShimHandle, Shim>();
  /** Those of use `shared`. */
  readonly #byNamespace = new Map<string, Set<Shim>>();
  readonly #spares = new Set<Shim>();
  readonly #starting = new Set<Shim>();
  /** Since the last was started. */
  #sparesWanted = false;
  #spareTimer: Timer | undefined;
  #heardAtMs: number | undefined;
  readonly #finding = new Map<Shim, () => void>();
  #closed = false;

  constructor(options: PoolOptions) {
    this.#options = options;
    this.#clock = options.clock;
  }

  get tiers(): ShimLauncher["tiers"] {
    return this.#options.launcher.tiers;
  }

  counts(): Readonly<Record<ShimUse, number>> {
    const counts = { shared: 0, own: 0, spare: 0 };
    for (const { use } of this.#shims.values()) counts[use]++;
    return counts;
  }

  /** Once all that an earlier daemon left have said what they run, or are gone. */
  async find(): Promise<void> {
    const folders = await listShimFolders(this.#options.shimsRoot);
    await Promise.all(folders.map((folder) => this.#find(folder)));
    const builds = Array.from(this.#shims.keys(), ({ identity }) => identity.buildId);
    await removeUnusedPrograms(this.#options.program, builds);
    this.#wantSpare();
  }

  /** One with room, a spare, or a new one. Its runs are to be sent once it is ready. */
  place(needs: ShimNeeds): Shim {
    const shim = (needs.kind === "shared" && this.#withRoom(needs.namespace)) || this.#claimSpare(needs);
    return shim ?? this.#start(needs);
  }

  enter(shim: Shim): void {
    shim.emptyTimer?.cancel();
    shim.emptyTimer = undefined;
    shim.live++;
  }

  /** It may go if nothing is left in it. */
  leave(shim: Shim): void {
    if (shim.runs.size > 0 || shim.retiring || shim.emptyTimer || this.#closed) return;
    if (!this.#shims.has(shim.handle) || shim.use === "spare" || shim.found) return;
    if (shim.use === "own" || shim.outdated !== undefined) return this.#retire(shim);
    shim.emptyTimer = this.#clock.setTimer(driverLimits.emptyShimMs, () => {
      shim.emptyTimer = undefined;
      if (shim.runs.size === 0) this.#retire(shim);
    });
  }

  /** The scheduler has heard this node. */
  heard(agoMs: number): void {
    this.#heardAtMs = this.#clock.monotonic() - agoMs;
    for (const { handle } of this.#shims.values()) handle.send({ kind: "heard", agoMs });
  }

  /** Ends all of them; what they host ends as stopped. */
  async stop(): Promise<void> {
    this.#closed = true;
    const shims = [...this.#shims.values()];
    const timer = this.#clock.setTimer(driverLimits.closeMs, () => {
      for (const { handle } of this.#shims.values()) handle.kill("SIGKILL", "it does not end");
    });
    for (const shim of shims) {
      if (shim.handle.isReady) shim.handle.send({ kind: "exit", when: "now" });
      else if (shim.handle.pid === undefined) this.#onDied(shim.handle, neverStarted);
      else shim.handle.kill("SIGTERM", "the driver is closing");
    }
    await Promise.all(shims.map((shim) => shim.gone.promise));
    timer.cancel();
  }

  /** Lets go of them. */
  close(): void {
    this.#closed = true;
    this.#spareTimer?.cancel();
    for (const shim of this.#shims.values()) {
      shim.emptyTimer?.cancel();
      shim.ageTimer?.cancel();
      shim.handle.close();
    }
    this.#shims.clear();
  }

  // Choosing.

  #withRoom(namespace: string): Shim | undefined {
    for (const shim of this.#byNamespace.get(namespace) ?? []) {
      const takes = !shim.full && !shim.retiring && !shim.found && shim.outdated === undefined;
      if (takes && shim.live < this.#options.limits.instancesMax) return shim;
    }
    return undefined;
  }

  #claimSpare(needs: ShimNeeds): Shim | undefined {
    if (needs.kind === "own" && (needs.isolation === "confined" || needs.heapMb !== undefined))
      return undefined;
    const spares = [...this.#spares];
    // One that is still starting is nearer than one that is not even started.
    const spare = spares.find(({ handle }) => handle.isReady) ?? spares[0];
    if (!spare) return undefined;
    const isolation = needs.kind === "own" ? needs.isolation : "shared";
    spare.handle.claim({ namespace: needs.namespace, isolation });
    this.#spares.delete(spare);
    this.#useFor(spare, needs.kind);
    this.#wantSpare();
    return spare;
  }

  #start(needs: ShimNeeds): Shim {
    this.#wantSpare();
    const isolation = needs.kind === "own" ? needs.isolation : "shared";
    const own = needs.kind === "own" ? needs : undefined;
    return this.#spawned({ namespace: needs.namespace, isolation }, needs.kind, own);
  }

  // Processes.

  async #find(folder: string): Promise<void> {
    const config = await readConfig(folder);
    if (!config) return removeShimFolder(folder);
    const { heapMb, onlyRun, ...identity } = config;
    const shim = this.#add(folder, identity, { heapMb, onlyRun }, true);
    const settled = new Promise<void>((resolve) => this.#finding.set(shim, resolve));
    await shim.handle.find();
    await settled;
  }

  #spawned(
    whose: Pick<ShimIdentity, "namespace" | "isolation">,
    use: ShimUse,
    own: OwnShimNeeds | undefined,
  ): Shim {
    const { shimsRoot, buildId, random } = this.#options;
    const shimId = random.uuid();
    const onlyRun = own?.isolation === "confined" ? own.run : undefined;
    const kept = { heapMb: own?.heapMb, onlyRun };
    const shim = this.#add(join(shimsRoot, shimId), { shimId, buildId, ...whose }, kept, false);
    this.#starting.add(shim);
    this.#useFor(shim, use);
    void this.#spawn(shim, own);
    return shim;
  }

  async #spawn(shim: Shim, own: OwnShimNeeds | undefined): Promise<void> {
    const { handle } = shim;
    const { execPath, launcher, limits, program } = this.#options;
    const heapMb = own?.heapMb;
    try {
      await createShimFolder(handle.folder, {
        ...handle.identity,
        limits,
        ...(heapMb !== undefined && { heapMb }),
        ...(own?.isolation === "confined" && { onlyRun: own.run }),
      });
      if (this.#closed) return;
      const plan: LaunchPlan = {
        folder: handle.folder,
        execPath,
        nodeFlags: heapMb === undefined ? nodeFlags : [...nodeFlags, `--max-old-space-size=${heapMb}`],
        mainFile: program.mainFile,
        programPaths: [program.folder],
        isolation: handle.identity.isolation,
        readOnlyPaths: own?.readOnlyPaths ?? [],
        writablePaths: own?.writablePaths ?? [],
        network: own?.network ?? true,
        ...(own && { memoryBytesMax: own.memoryBytesMax }),
        ...(own?.cpuMillisMax !== undefined && { cpuMillisMax: own.cpuMillisMax }),
      };
      handle.watch(launcher.launch(plan));
    } catch (thrown) {
      const why = `the process that was to host it could not be started: ${errorMessage(thrown)}`;
      this.#onDied(handle, { ...neverStarted, why });
    }
  }

  #add(folder: string, identity: ShimIdentity, kept: Kept, found: boolean): Shim {
    const { clock, log } = this.#options;
    const { heapMb, onlyRun } = kept;
    const events: ShimHandleEvents = {
      ready: (from, reports) => this.#onReady(from, reports),
      message: (from, message) => {
        const shim = this.#shims.get(from);
        if (shim) this.#options.events.message(shim, message);
      },
      silent: (from, record) => this.#onSilent(from, record),
      died: (from, death) => this.#onDied(from, death),
    };
    const handle = new ShimHandle({ folder, identity, heapMb, onlyRun, clock, log, events });
    const shim: Shim = {
      handle,
      runs: new Set(),
      use: "spare",
      found,
      live: 0,
      full: false,
      outdated: undefined,
      retiring: false,
      emptyTimer: undefined,
      ageTimer: undefined,
      gone: Promise.withResolvers(),
    };
    this.#shims.set(handle, shim);
    return shim;
  }

  #useFor(shim: Shim, use: ShimUse): void {
    shim.use = use;
    const { namespace } = shim.handle.identity;
    if (use === "spare") this.#spares.add(shim);
    if (use !== "shared" || namespace === undefined) return;
    const shims = this.#byNamespace.get(namespace) ?? new Set();
    this.#byNamespace.set(namespace, shims.add(shim));
  }

  #onReady(handle: ShimHandle, reports: readonly RunReport[]): void {
    const shim = this.#shims.get(handle);
    if (!shim) return;
    const { found } = shim;
    shim.found = false;
    this.#starting.delete(shim);
    const { namespace, isolation } = handle.identity;
    if (found)
      this.#useFor(shim, namespace === undefined ? "spare" : isolation === "shared" ? "shared" : "own");
    this.#watchAge(shim);
    if (this.#heardAtMs !== undefined) {
      handle.send({ kind: "heard", agoMs: this.#clock.monotonic() - this.#heardAtMs });
    }
    this.#options.events.ready(shim, reports, found);
    // What was sent to a shim that was not ready did not reach it.
    if (shim.retiring) handle.send({ kind: "exit", when: "empty" });
    if (this.#spares.has(shim) && this.#spares.size > this.#options.spares) this.#retire(shim);
    this.#watchSpares();
    this.leave(shim);
    this.#found(shim);
  }

  /** What it has written down counts as its inventory. */
  #onSilent(handle: ShimHandle, { report }: OwnRunRecord): void {
    const shim = this.#shims.get(handle);
    if (!shim?.found) return;
    shim.found = false;
    this.#useFor(shim, "own");
    this.#options.events.ready(shim, [report], true);
    this.#found(shim);
  }

  #onDied(handle: ShimHandle, death: ShimDeath): void {
    const shim = this.#shims.get(handle);
    if (!shim) return;
    this.#forget(shim);
    this.#options.events.died(shim, death);
    this.#found(shim);
    shim.gone.resolve();
    this.#watchSpares();
  }

  #found(shim: Shim): void {
    this.#finding.get(shim)?.();
    this.#finding.delete(shim);
  }

  #forget(shim: Shim): void {
    this.#shims.delete(shim.handle);
    this.#starting.delete(shim);
    this.#spares.delete(shim);
    shim.emptyTimer?.cancel();
    shim.ageTimer?.cancel();
    const { namespace } = shim.handle.identity;
    const shims = namespace === undefined ? undefined : this.#byNamespace.get(namespace);
    if (namespace !== undefined && shims?.delete(shim) === true && shims.size === 0) {
      this.#byNamespace.delete(namespace);
    }
  }

  #retire(shim: Shim): void {
    shim.retiring = true;
    this.#spares.delete(shim);
    shim.handle.send({ kind: "exit", when: "empty" });
  }

  // Age.

  #watchAge(shim: Shim): void {
    if (shim.ageTimer || shim.outdated !== undefined) return;
    const { buildId, shimAgeMsMax, random } = this.#options;
    const { handle } = shim;
    const otherBuild = handle.identity.buildId !== buildId;
    const ageMsMax = shimAgeMsMax * (1 - driverLimits.shimAgeJitter * random.fraction());
    const leftMs = otherBuild ? 0 : handle.startedAtMs + ageMsMax - this.#clock.monotonic();
    const why = otherBuild
      ? `its process is of build ${handle.identity.buildId}, the node daemon of build ${buildId}`
      : `its process has reached the age of ${formatAge(ageMsMax)}`;
    if (otherBuild) shim.outdated = why;
    shim.ageTimer = this.#clock.setTimer(Math.max(driverLimits.outdatedDelayMs, leftMs), () => {
      shim.outdated = why;
      this.#options.log.info("a shim is to be replaced", {
        shim: handle.identity.shimId,
        why,
        runs: shim.live,
      });
      if (shim.use === "spare") return this.#retire(shim);
      this.#options.events.outdated(shim, why);
      this.leave(shim);
    });
  }

  // Spares.

  #wantSpare(): void {
    this.#sparesWanted = this.#options.spares > 0;
    this.#watchSpares();
  }

  #watchSpares(): void {
    if (this.#closed) return;
    const missing = this.#options.spares - this.#spares.size;
    if (this.#sparesWanted && missing > 0 && this.#starting.size === 0) {
      this.#spareTimer ??= this.#clock.setTimer(driverLimits.spareDelayMs, () => {
        this.#spareTimer = undefined;
        if (!this.#closed && this.#starting.size === 0) this.#startSpare();
      });
    }
  }

  #startSpare(): void {
    if (this.#spares.size + 1 >= this.#options.spares) this.#sparesWanted = false;
    if (process.availableMemory() < driverLimits.spareMemoryBytesMin) return;
    this.#spawned({ namespace: undefined, isolation: "shared" }, "spare", undefined);
  }
}

const neverStarted: ShimDeath = {
  why: "it was never started",
  killedBy: undefined,
  tail: "",
  heapMb: undefined,
};

function formatAge(ms: number): string {
  const hours = ms / 3_600_000;
  return hours >= 48 ? `${Math.round(hours / 24)} days` : `${Math.max(1, Math.round(hours))} hours`;
}
