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
 * - There are `processesMax` shims for one run each at most, and as many shared ones; a run that would need one more is refused.
 */
import { join } from "node:path";
import type { Isolation } from "../../../api/isolation.ts";
import type { Clock } from "../../../kit/clock.ts";
import { errorMessage } from "../../../kit/errors.ts";
import type { Log } from "../../../kit/log.ts";
import type { Random } from "../../../kit/random.ts";
import type { OwnRunRecord, RunReport, ShimIdentity } from "../../shim/protocol.ts";
import type { RunId } from "../runtime-driver.ts";
import type { Shim, ShimUse } from "./hosting.ts";
import { driverLimits } from "./limits.ts";
import { type Placement, type Refused, refusalOf } from "./placement.ts";
import { outdatingOf } from "./shim-age.ts";
import { listShimFolders, readConfig, removeShimFolder } from "./shim-folder.ts";
import { type RunMessage, type ShimDeath, ShimHandle, type ShimHandleEvents } from "./shim-handle.ts";
import { type OwnShimNeeds, processLimitsOf, type ShimNeeds } from "./shim-needs.ts";
import { removeUnusedPrograms } from "../../own-program.ts";
import { type ShimStarter, startShim } from "./shim-start.ts";
import { Spares } from "./spares.ts";

export interface PoolEvents {
  /** After each inventory. `found`: the first of a shim that an earlier daemon left. */
  ready(shim: Shim, reports: readonly RunReport[], found: boolean): void;
  message(shim: Shim, message: RunMessage): void;
  /** It is forgotten already. */
  died(shim: Shim, death: ShimDeath): void;
  /** Its runs are to be started anew. */
  outdated(shim: Shim, why: string): void;
}

export interface PoolOptions extends ShimStarter {
  readonly shimsRoot: string;
  readonly buildId: string;
  readonly spares: number;
  /** Of use `own`, and as many again of use `shared`. */
  readonly processesMax: number;
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
  readonly #spares: Spares;
  /** Of use `own`, unless they are about to go. */
  readonly #own = new Set<Shim>();
  readonly #starting = new Set<Shim>();
  #heardAtMs: number | undefined;
  readonly #finding = new Map<Shim, () => void>();
  #closed = false;

  constructor(options: PoolOptions) {
    this.#options = options;
    this.#clock = options.clock;
    this.#spares = new Spares({
      max: options.spares,
      clock: options.clock,
      busy: () => this.#starting.size > 0,
      start: () => this.#spawned({ namespace: undefined, isolation: "shared" }, "spare", undefined),
    });
  }

  /** The last is the strongest. */
  get tiers(): readonly Isolation[] {
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
    this.#spares.want();
  }

  /** One with room (`near` before others), a spare, or a new one; a run is to be sent to it once it is ready. Or why there is none. */
  place(needs: ShimNeeds, near?: Shim): Placement {
    const shim = needs.kind === "shared" ? this.#withRoom(needs.namespace, near) : undefined;
    if (shim) return { kind: "placed", shim };
    const refused = this.#refusal(needs);
    return refused ?? { kind: "placed", shim: this.#claimSpare(needs) ?? this.#start(needs) };
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
    this.#spares.close();
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
    this.#spares.close();
    for (const shim of this.#shims.values()) {
      shim.emptyTimer?.cancel();
      shim.ageTimer?.cancel();
      shim.handle.close();
    }
    this.#shims.clear();
  }

  // Choosing.

  #withRoom(namespace: string, near: Shim | undefined): Shim | undefined {
    const shims = this.#byNamespace.get(namespace);
    if (near && shims?.has(near) && this.#hasRoom(near)) return near;
    for (const shim of shims ?? []) if (this.#hasRoom(shim)) return shim;
    return undefined;
  }

  #hasRoom(shim: Shim): boolean {
    const takes = !shim.full && !shim.retiring && !shim.found && shim.outdated === undefined;
    return takes && shim.live < this.#options.limits.instancesMax;
  }

  #refusal(needs: ShimNeeds): Refused | undefined {
    const { launcher, processesMax } = this.#options;
    const own = this.#own.size;
    const shared = this.#shims.size - own - this.#spares.size;
    return refusalOf(needs, { tiers: launcher.tiers, own, shared, processesMax });
  }

  #claimSpare(needs: ShimNeeds): Shim | undefined {
    if (needs.kind === "own" && (needs.isolation === "confined" || needs.heapMb !== undefined))
      return undefined;
    const spare = this.#spares.take();
    if (!spare) return undefined;
    this.#spares.want();
    const { handle } = spare;
    try {
      if (needs.kind === "own" && handle.pid !== undefined)
        this.#options.launcher.hold(handle.folder, handle.pid, processLimitsOf(needs));
    } catch (thrown) {
      this.#options.log.warn("a spare cannot be held to limits", { err: errorMessage(thrown) });
      this.#retire(spare);
      return undefined;
    }
    handle.claim({
      namespace: needs.namespace,
      isolation: needs.kind === "own" ? needs.isolation : "shared",
    });
    this.#useFor(spare, needs.kind);
    return spare;
  }

  #start(needs: ShimNeeds): Shim {
    this.#spares.want();
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
    const { folder, identity } = handle;
    try {
      const child = await startShim({ folder, identity, own }, this.#options, () => !this.#closed);
      if (child) handle.watch(child);
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
    if (use === "own") this.#own.add(shim);
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
    const useless = shim.outdated !== undefined || this.#spares.isSurplus(shim);
    if (shim.use === "spare" && useless) this.#retire(shim);
    if (this.#heardAtMs !== undefined) {
      handle.send({ kind: "heard", agoMs: this.#clock.monotonic() - this.#heardAtMs });
    }
    this.#options.events.ready(shim, reports, found);
    // What was sent to a shim that was not ready did not reach it.
    if (shim.retiring) handle.send({ kind: "exit", when: "empty" });
    this.#spares.review();
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
    const endedFor = shim.use === "own" ? this.#options.launcher.letGo(handle.folder).endedFor : undefined;
    this.#options.events.died(shim, { ...death, endedFor });
    this.#found(shim);
    shim.gone.resolve();
    this.#spares.review();
  }

  #found(shim: Shim): void {
    this.#finding.get(shim)?.();
    this.#finding.delete(shim);
  }

  #forget(shim: Shim): void {
    this.#shims.delete(shim.handle);
    this.#starting.delete(shim);
    this.#spares.remove(shim);
    this.#own.delete(shim);
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
    this.#spares.remove(shim);
    this.#own.delete(shim);
    shim.handle.send({ kind: "exit", when: "empty" });
  }

  // Age.

  #watchAge(shim: Shim): void {
    if (shim.ageTimer || shim.outdated !== undefined) return;
    const { handle } = shim;
    const fraction = this.#options.random.fraction();
    const { why, afterMs, already } = outdatingOf(handle, this.#options, this.#clock.monotonic(), fraction);
    if (already) shim.outdated = why;
    shim.ageTimer = this.#clock.setTimer(afterMs, () => {
      shim.outdated = why;
      this.#options.log.info("a shim is to be replaced", {
        shim: handle.identity.shimId,
        why,
        runs: shim.live,
      });
      if (shim.use === "spare") {
        this.#retire(shim);
        return this.#spares.want();
      }
      this.#options.events.outdated(shim, why);
      this.leave(shim);
    });
  }
}

const neverStarted: ShimDeath = {
  endedFor: undefined,
  why: "it was never started",
  killedBy: undefined,
  tail: "",
  heapMb: undefined,
};
