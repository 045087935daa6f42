import type {
  AdoptedRun,
  GarbageOutcome,
  PrepareOutcome,
  PrepareRequest,
  RunEnd,
  RunId,
  RunListener,
  RunSpec,
  RunUsage,
  RuntimeDriver,
  RuntimeFacts,
} from "../runtimes/runtime-driver.ts";

export interface FakeRun {
  readonly spec: RunSpec;
  state: "starting" | "running" | "ended";
  stops: number[];
}

/** A driver whose runs do what the test says. Times are the test's. */
export class FakeDriver implements RuntimeDriver {
  readonly runs = new Map<string, FakeRun>();
  readonly settled: RunId[] = [];
  readonly stopped: { readonly uid: string; readonly graceMs: number }[] = [];
  /** What an earlier daemon left. */
  adopted: readonly AdoptedRun[] = [];
  readonly heardAgoMs: number[] = [];
  closedAs: "keep" | "stop" | undefined;
  /** Runs start, and obey stops, by themselves. */
  obedient = true;
  outcomeOf: (digest: string, file: string) => PrepareOutcome = (digest, file) => ({
    kind: "prepared",
    module: { digest, file, memoryBytesMin: 65_536, needsProcess: [] },
  });
  #listener: RunListener | undefined;

  detect(): Promise<RuntimeFacts> {
    return Promise.resolve({ name: "v8", version: "fake", features: [] });
  }

  adopt(listener: RunListener): Promise<readonly AdoptedRun[]> {
    this.#listener = listener;
    return Promise.resolve(this.adopted);
  }

  prepare({ digest, file }: PrepareRequest): Promise<PrepareOutcome> {
    return Promise.resolve(this.outcomeOf(digest, file));
  }

  collectGarbage(): Promise<GarbageOutcome> {
    return Promise.resolve({ keptBytes: 0, freedBytes: 0 });
  }

  processes(): Readonly<Record<string, number>> {
    return { shared: 1 };
  }

  start(spec: RunSpec): void {
    const run: FakeRun = { spec, state: "starting", stops: [] };
    this.runs.set(`${spec.id.uid}/${spec.id.run}`, run);
    if (this.obedient) this.started(spec.id.uid, spec.id.run);
  }

  stop(uid: string, graceMs: number): void {
    this.stopped.push({ uid, graceMs });
    for (const run of this.runs.values()) {
      if (run.spec.id.uid !== uid || run.state === "ended") continue;
      run.stops.push(graceMs);
      if (this.obedient) this.end(uid, run.spec.id.run, { kind: "stopped" });
    }
  }

  settle(id: RunId): void {
    this.settled.push(id);
  }

  requestFolderOf(uid: string): string | undefined {
    const running = [...this.runs.values()].some(
      ({ spec, state }) => spec.id.uid === uid && state === "running",
    );
    return running ? `/shims/${uid}` : undefined;
  }

  /** By uid and name. */
  readonly ports = new Map<string, number>();

  boundPortOf(uid: string, listener: string): number | undefined {
    return this.ports.get(`${uid}/${listener}`);
  }

  heard(agoMs: number): void {
    this.heardAgoMs.push(agoMs);
  }

  close(what: "keep" | "stop"): Promise<void> {
    this.closedAs = what;
    return Promise.resolve();
  }

  use(uid: string, run: number, usage: Omit<RunUsage, "id">): void {
    this.#listener?.usage([{ id: { uid, run }, ...usage }]);
  }

  started(uid: string, run = 0, atMs = 1_000): void {
    this.#at(uid, run).state = "running";
    this.#listener?.started({ uid, run }, atMs, this.#at(uid, run).spec.isolation);
  }

  end(uid: string, run: number, end: RunEnd, atMs = 2_000): void {
    this.#at(uid, run).state = "ended";
    this.#listener?.ended({ uid, run }, atMs, end);
  }

  /** Tells the listener something about a run that was never started here. */
  get listener(): RunListener {
    if (!this.#listener) throw new Error("nobody has adopted yet");
    return this.#listener;
  }

  #at(uid: string, run: number): FakeRun {
    const found = this.runs.get(`${uid}/${run}`);
    if (!found) throw new Error(`run ${uid}/${run} was not started`);
    return found;
  }
}
