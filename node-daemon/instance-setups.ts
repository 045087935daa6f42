import { WherryError } from "../kit/errors.ts";
import type { Log } from "../kit/log.ts";
import type { VolumeContent } from "./core/assignment.ts";
import { hasSideRuns } from "./core/instance-config.ts";
import type { LifecycleEvent } from "./core/lifecycle-state.ts";
import { configOf, type HeldInstance } from "./held-instance.ts";
import type { RunSpec, RuntimeDriver } from "./runtimes/runtime-driver.ts";
import {
  type ReadyInstance,
  type RunContext,
  runSpecOf,
  setUp,
  setUpAgain,
  type SetupPorts,
  type SetupRequest,
} from "./setup.ts";

export interface SetupsOptions {
  readonly ports: SetupPorts;
  readonly loadContents: (templateId: string) => readonly VolumeContent[];
  readonly context: () => RunContext;
  readonly log: Log;
}

/** What the agent's instances start from: got before a run, and kept or got again for what runs beside it. */
export class InstanceSetups {
  readonly #options: SetupsOptions;

  constructor(options: SetupsOptions) {
    this.#options = options;
  }

  /** Each step comes back as an event with this attempt, unless it is cancelled. */
  begin(
    held: HeldInstance,
    attempt: number,
    preferredDigest: string | undefined,
    emit: (event: LifecycleEvent) => void,
  ): void {
    const { ports, log } = this.#options;
    held.setup = new AbortController();
    const request = this.#requestOf(held, attempt, preferredDigest, held.setup.signal);
    setUp(request, ports, emit, (ready) => (held.ready = ready)).catch((err: unknown) =>
      log.error("bug in a setup", { uid: held.assignment.uid, err }),
    );
  }

  cancel(held: HeldInstance): void {
    held.setup?.abort(new Error("the instance was stopped"));
    held.setup = undefined;
  }

  /** The specification of a run whose setup is done; it is used up by that. */
  take(held: HeldInstance, run: number): RunSpec | undefined {
    const { ready } = held;
    if (!ready) return undefined;
    held.basis = hasSideRuns(ready.config) ? Promise.resolve(ready) : undefined;
    held.ready = undefined;
    held.setup = undefined;
    return runSpecOf(held.assignment, run, ready, this.#options.context());
  }

  driverOf(held: HeldInstance): RuntimeDriver | undefined {
    return this.#options.ports.drivers.get(configOf(held)?.runtime ?? "");
  }

  /** What runs beside this instance start from. Rejects when it is not to be had now. */
  async besides(held: HeldInstance): Promise<{ readonly driver: RuntimeDriver; readonly spec: RunSpec }> {
    const driver = this.driverOf(held);
    if (!driver) throw new WherryError("RuntimeUnavailable", "this node no longer has its runtime");
    const basis = (held.basis ??= this.#again(held));
    try {
      const ready = await basis;
      return { driver, spec: runSpecOf(held.assignment, held.lifecycle.run, ready, this.#options.context()) };
    } catch (thrown) {
      // The next one tries again.
      if (held.basis === basis) held.basis = undefined;
      throw thrown;
    }
  }

  /** An earlier daemon had it. The digest is retained, so nothing is downloaded. */
  #again(held: HeldInstance): Promise<ReadyInstance> {
    const { attempt, moduleDigest } = held.lifecycle;
    const { signal } = new AbortController();
    return setUpAgain(this.#requestOf(held, attempt, moduleDigest, signal), this.#options.ports);
  }

  #requestOf(
    { assignment, template }: HeldInstance,
    attempt: number,
    preferredDigest: string | undefined,
    signal: AbortSignal,
  ): SetupRequest {
    const contents = () => this.#options.loadContents(assignment.templateId);
    return { assignment, template: template.outcome, attempt, preferredDigest, contents, signal };
  }
}
