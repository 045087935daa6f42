/**
 * What hosts the runs of one machine: the shims, as far as a daemon can tell. It survives daemons, and the machine's
 * reboot ends it. What becomes of a run is decided by the dice when it starts.
 *
 *   start ──delay──▶ running ──its time is over──▶ ended ──settle──▶ forgotten
 *                       └── stop: within its grace ──▶ ended      stopAloneAfter without a daemon that is heard ──▶ ended
 *
 * Reports go to the daemon that has adopted last, if it still lives; the next one is told what is here.
 */
import type { Isolation } from "../../api/isolation.ts";
import type { Timer } from "../../kit/clock.ts";
import type {
  AdoptedRun,
  RunEnd,
  RunId,
  RunListener,
  RunSpec,
  RuntimeDriver,
} from "../../node-daemon/runtimes/runtime-driver.ts";
import type { Dice } from "../soak/dice.ts";
import type { ProcessClock } from "./simulated-time.ts";

/** In the name of a module that never starts. */
export const brokenModule = "broken";
/** How often it looks whether anybody has heard of it. */
const watchdogMs = 1_000;

interface Run {
  readonly spec: RunSpec;
  readonly isolation: Isolation;
  state:
    | { readonly kind: "starting" }
    | { readonly kind: "running"; readonly startedMs: number }
    | { readonly kind: "ended"; readonly atMs: number; readonly end: RunEnd };
  timer: Timer | undefined;
}

export interface ShimHostOptions {
  readonly clock: ProcessClock;
  readonly dice: Dice;
  /** How much slower than others this machine is. */
  readonly slowness: () => number;
  /** When calm, nothing fails, crashes or takes long. */
  readonly isCalm: () => boolean;
  /** What really happened. */
  readonly onEnd: (spec: RunSpec, end: RunEnd) => void;
}

export class ShimHost {
  readonly #options: ShimHostOptions;
  readonly #runs = new Map<string, Run>();
  #listener: RunListener | undefined;
  #heardAtMs = 0;

  constructor(options: ShimHostOptions) {
    this.#options = options;
    this.#heardAtMs = options.clock.monotonic();
    this.#watch();
  }

  /** What one daemon process sees of it. */
  connect(): DriverHandle {
    return new DriverHandle(this);
  }

  /** Uids of runs that execute. */
  liveUids(): readonly string[] {
    return [...this.#runs.values()].flatMap(({ spec, state }) =>
      state.kind === "ended" ? [] : [spec.id.uid],
    );
  }

  /** Runs that are long-lived now end soon: when faults are over, everything must come to its end. */
  hurry(): void {
    for (const run of this.#runs.values())
      if (run.state.kind === "running" && isOfJob(run.spec)) this.#planEnd(run, 100, exit(0));
  }

  /** One of its processes dies, and with it what it hosts. */
  loseSome(): void {
    for (const run of this.#runs.values())
      if (run.state.kind !== "ended" && this.#options.dice.chance(0.5))
        this.#end(run, { kind: "lost", message: "its process died" });
  }

  adopt(listener: RunListener): readonly AdoptedRun[] {
    this.#listener = listener;
    this.#heardAtMs = this.#options.clock.monotonic();
    return [...this.#runs.values()].flatMap(({ spec, state, isolation }): readonly AdoptedRun[] => {
      const { id } = spec;
      if (state.kind === "ended") return [{ kind: "ended", id, atMs: state.atMs, end: state.end }];
      // One that starts reports that itself.
      const startedMs = state.kind === "running" ? state.startedMs : this.#options.clock.now();
      return [{ kind: "running", id, startedMs, isolation }];
    });
  }

  /** The daemon is gone. */
  abandon(): void {
    this.#listener = undefined;
  }

  start(spec: RunSpec): void {
    const { dice, isCalm } = this.#options;
    const learns = spec.module.needsProcess.length > 0 && spec.isolation === "shared";
    const run: Run = {
      spec,
      isolation: learns ? "process" : spec.isolation,
      state: { kind: "starting" },
      timer: undefined,
    };
    this.#runs.set(keyOf(spec.id), run);
    if (spec.module.file.includes(brokenModule) || (!isCalm() && dice.chance(0.03))) {
      const message = "its module could not be compiled";
      this.#planEnd(run, this.#ms(200), { kind: "trapped", reason: "Crashed", message });
      return;
    }
    run.timer = this.#options.clock.setTimer(this.#ms(isCalm() ? 5 : 400), () => this.#started(run));
  }

  stop(uid: string, graceMs: number): void {
    for (const run of this.#runs.values())
      if (run.spec.id.uid === uid && run.state.kind !== "ended")
        this.#planEnd(run, this.#options.dice.below(graceMs + 1), { kind: "stopped" });
  }

  settle(id: RunId): void {
    const run = this.#runs.get(keyOf(id));
    if (run?.state.kind === "ended") this.#runs.delete(keyOf(id));
  }

  heard(agoMs: number): void {
    this.#heardAtMs = this.#options.clock.monotonic() - agoMs;
  }

  /** The machine is off: nothing of it goes on. */
  powerOff(): void {
    this.#options.clock.stop();
  }

  #watch(): void {
    this.#options.clock.setTimer(watchdogMs, () => {
      this.#stopAlone();
      this.#watch();
    });
  }

  /** What may not go on without a scheduler stops by itself in time, whether there is a daemon or not. */
  #stopAlone(): void {
    const silentMs = this.#options.clock.monotonic() - this.#heardAtMs;
    for (const run of this.#runs.values()) {
      const { stopAloneAfterMs } = run.spec;
      if (stopAloneAfterMs !== undefined && silentMs >= stopAloneAfterMs && run.state.kind !== "ended")
        this.#end(run, { kind: "stopped" });
    }
  }

  #started(run: Run): void {
    if (run.state.kind !== "starting") return;
    const { clock, dice, isCalm } = this.#options;
    const startedMs = clock.now();
    run.state = { kind: "running", startedMs };
    this.#listener?.started(run.spec.id, startedMs, run.isolation);
    if (isOfJob(run.spec))
      this.#planEnd(
        run,
        isCalm() ? 100 : this.#ms(15_000),
        exit(isCalm() || dice.chance(0.75) ? 0 : 1 + dice.below(3)),
      );
    else if (!isCalm() && dice.chance(0.1)) this.#planEnd(run, this.#ms(60_000), exit(dice.below(2)));
  }

  /** Sooner than planned before, never later. */
  #planEnd(run: Run, delayMs: number, end: RunEnd): void {
    run.timer?.cancel();
    run.timer = this.#options.clock.setTimer(delayMs, () => this.#end(run, end));
  }

  #end(run: Run, end: RunEnd): void {
    if (run.state.kind === "ended") return;
    run.timer?.cancel();
    const atMs = this.#options.clock.now();
    run.state = { kind: "ended", atMs, end };
    this.#options.onEnd(run.spec, end);
    this.#listener?.ended(run.spec.id, atMs, end);
  }

  #ms(most: number): number {
    return (1 + this.#options.dice.below(most)) * this.#options.slowness();
  }
}

/** The driver of one daemon process; mute once that is dead. */
export class DriverHandle implements RuntimeDriver {
  readonly #host: ShimHost;
  #isClosed = false;

  constructor(host: ShimHost) {
    this.#host = host;
  }

  detect(): ReturnType<RuntimeDriver["detect"]> {
    return Promise.resolve({ name: "v8", version: "14.6", features: ["isolation-process"] });
  }

  adopt(listener: RunListener): Promise<readonly AdoptedRun[]> {
    return Promise.resolve(this.#host.adopt(listener));
  }

  prepare({
    digest,
    file,
  }: {
    readonly digest: string;
    readonly file: string;
  }): ReturnType<RuntimeDriver["prepare"]> {
    const needsProcess = file.includes("needs-process") ? ["shared memory"] : [];
    return Promise.resolve({
      kind: "prepared",
      module: { digest, file, memoryBytesMin: 65_536, needsProcess },
    });
  }

  collectGarbage(): ReturnType<RuntimeDriver["collectGarbage"]> {
    return Promise.resolve({ keptBytes: 0, freedBytes: 0 });
  }

  processes(): Readonly<Record<string, number>> {
    return {};
  }

  start(spec: RunSpec): void {
    if (!this.#isClosed) this.#host.start(spec);
  }

  stop(uid: string, graceMs: number): void {
    if (!this.#isClosed) this.#host.stop(uid, graceMs);
  }

  settle(id: RunId): void {
    if (!this.#isClosed) this.#host.settle(id);
  }

  requestFolderOf(): string | undefined {
    return undefined;
  }

  boundPortOf(): number | undefined {
    return undefined;
  }

  heard(agoMs: number): void {
    if (!this.#isClosed) this.#host.heard(agoMs);
  }

  close(): Promise<void> {
    if (!this.#isClosed) this.#host.abandon();
    this.#isClosed = true;
    return Promise.resolve();
  }
}

export function isOfJob({ env }: RunSpec): boolean {
  return env.some(([name]) => name === "JOB_COMPLETION_INDEX");
}

function exit(exitCode: number): RunEnd {
  return { kind: "exited", exitCode };
}

function keyOf({ uid, run }: RunId): string {
  return `${uid}/${run}`;
}
