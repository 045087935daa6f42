/**
 * What an instance's run needs beside being started and stopped: its probes, its preStop, and its termination message. The agent tells
 * it how lifecycles change, and gets events for them back; it changes none itself.
 */
import { rm } from "node:fs/promises";
import type { Clock } from "../../kit/clock.ts";
import type { Log } from "../../kit/log.ts";
import type { Random } from "../../kit/random.ts";
import { Gate } from "../core/gate.ts";
import { hasSideRuns } from "../core/instance-config.ts";
import type { LifecycleEvent } from "../core/lifecycle-state.ts";
import type { ProbeAnswer } from "../core/probing.ts";
import { type HeldInstance, configOf, graceOf } from "../held-instance.ts";
import { readLogTail } from "../logs/log-tail.ts";
import type { RunEnd, RunId, RunSpec, RuntimeDriver } from "../runtimes/runtime-driver.ts";
import { logFolderOf } from "../setup.ts";
import type { NodeServing } from "../serving/node-serving.ts";
import type { VolumeStore } from "../volumes/volume-store.ts";
import { readMessageFile } from "./termination-message.ts";
import { probeLimits, sweepsAtOnceMax, terminationMessageLimits } from "./limits.ts";
import { PreStops } from "./pre-stops.ts";
import { type ExecQuestion, Prober } from "./prober.ts";
import { ShareGate } from "./share-gate.ts";
import { sideLogsOf, type SideOutcome, type SidePurpose, SideRuns } from "./side-runs.ts";

export interface AttendantOptions {
  readonly stateDir: string;
  readonly volumes: Pick<VolumeStore, "mount">;
  readonly serving: Pick<NodeServing, "drained" | "forgetDrain">;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly instanceOf: (uid: string) => HeldInstance | undefined;
  /** What a run beside this one starts from. */
  readonly besides: (
    held: HeldInstance,
  ) => Promise<{ readonly driver: RuntimeDriver; readonly spec: RunSpec }>;
  readonly dispatch: (uid: string, event: LifecycleEvent) => void;
}

export class RunAttendant {
  readonly #options: AttendantOptions;
  readonly #sideRuns: SideRuns;
  readonly #prober: Prober;
  readonly #preStops: PreStops;
  readonly #preStopGate = new ShareGate(probeLimits.preStopsMax, probeLimits.preStopsPerNamespaceMax);
  readonly #processGate = new ShareGate(probeLimits.processesMax, probeLimits.processesPerNamespaceMax);
  readonly #sweeps = new Gate(sweepsAtOnceMax);
  readonly #reads = new Gate(terminationMessageLimits.readsMax);

  constructor(options: AttendantOptions) {
    this.#options = options;
    const { clock, random, log, dispatch } = options;
    this.#sideRuns = new SideRuns({ clock, log, generation: random.uuid().slice(0, 8) });
    this.#prober = new Prober({
      clock,
      random,
      log,
      exec: (question) => this.#execProbe(question),
      events: {
        health: (uid, run, health) => dispatch(uid, { kind: "health", run, health }),
        unhealthy: (uid, run, message, gracePeriodMs) => {
          const held = options.instanceOf(uid);
          const graceMs = gracePeriodMs ?? (held ? graceOf(held) : 0);
          dispatch(uid, { kind: "restart", run, reason: "Unhealthy", message, graceMs, again: "backoff" });
        },
      },
    });
    this.#preStops = new PreStops({
      clock,
      log,
      exec: (uid, args, timeoutMs, signal) => {
        const namespace = options.instanceOf(uid)?.assignment.namespace ?? "";
        const task = () => this.#beside(uid, "preStop", args, timeoutMs, signal);
        return this.#preStopGate.run(namespace, task);
      },
      drained: (uid) => options.serving.drained(uid),
      forgetDrain: (uid) => options.serving.forgetDrain(uid),
      done: (uid, run) => dispatch(uid, { kind: "preStopDone", run }),
    });
  }

  /** After each change of an instance's lifecycle. `adopted`: an earlier daemon had started its run. */
  attend(held: HeldInstance, adopted = false): void {
    const probes = configOf(held)?.probes;
    if (!probes) return;
    const { uid, namespace } = held.assignment;
    const { state, run } = held.lifecycle;
    if (state.kind !== "running") {
      this.#prober.forget(uid);
      return;
    }
    const { startedMonotonicMs, health } = state;
    this.#prober.follow({ uid, run, namespace, probes, startedMonotonicMs, health, adopted });
  }

  /** What an earlier daemon's runs beside this instance have written. */
  sweep(held: HeldInstance): void {
    const config = configOf(held);
    if (!config || !hasSideRuns(config)) return;
    const folder = sideLogsOf(logFolderOf(this.#options.stateDir, held.assignment.uid));
    this.#sweeps
      .run(() => rm(folder, { recursive: true, force: true }))
      .catch((err: unknown) => this.#options.log.warn("logs of side runs not removed", { folder, err }));
  }

  /** Comes back as `preStopDone`. A server is told nothing before what it has under way is done. */
  beginPreStop(held: HeldInstance, run: number, graceMs: number): void {
    const { uid } = held.assignment;
    const { preStop, server } = configOf(held) ?? {};
    if (preStop || server) this.#preStops.begin({ uid, run, preStop, drains: server !== undefined }, graceMs);
    else this.#options.dispatch(uid, { kind: "preStopDone", run });
  }

  cancelPreStop(uid: string): void {
    this.#preStops.cancel(uid);
  }

  /** False when the run is an instance's own. */
  started(id: RunId): boolean {
    return this.#sideRuns.started(id);
  }

  /** False when the run is an instance's own. */
  ended(id: RunId, end: RunEnd): boolean {
    return this.#sideRuns.ended(id, end);
  }

  /** An instance's own run is over: nothing more is asked of it. Its termination message, if they have to be waited for. */
  runEnded(held: HeldInstance, end: RunEnd): Promise<string> | undefined {
    const { uid } = held.assignment;
    this.#prober.forget(uid);
    this.#preStops.cancel(uid);
    return this.terminationMessage(held, end);
  }

  /** Undefined when there is nothing to read, which is so for most. Never rejects. */
  terminationMessage(held: HeldInstance, end: RunEnd): Promise<string> | undefined {
    const config = configOf(held)?.terminationMessage;
    const { state } = held.lifecycle;
    const startedMs = "startedMs" in state ? state.startedMs : undefined;
    if (!config || startedMs === undefined) return undefined;
    const failed = !(end.kind === "exited" && end.exitCode === 0) && end.kind !== "stopped";
    const fromLog = config.fallbackToLog && failed;
    if (!config.file && !fromLog) return undefined;
    const read = this.#reads.run(async () => {
      const left = config.file ? await this.#messageFile(held, config.file, startedMs) : "";
      return left === "" && fromLog ? await this.#logTail(held, startedMs) : left;
    });
    return this.#inTime(read);
  }

  close(): void {
    this.#prober.close();
    this.#preStops.close();
  }

  async #messageFile(
    held: HeldInstance,
    { mountPath, below }: { readonly mountPath: string; readonly below: readonly string[] },
    sinceMs: number,
  ): Promise<string> {
    const { uid, namespace, templateId } = held.assignment;
    const mounts = configOf(held)?.mounts.filter(({ guestPath }) => guestPath === mountPath) ?? [];
    // Judged again: what may be mounted may have changed since.
    const outcome = await this.#options.volumes.mount({
      uid,
      namespace,
      templateId,
      mounts,
      contents: () => [],
    });
    const directory = outcome.kind === "mounted" ? outcome.mounts[0]?.hostPath : undefined;
    return directory === undefined ? "" : await readMessageFile({ directory, below, sinceMs });
  }

  async #logTail(held: HeldInstance, sinceMs: number): Promise<string> {
    const { logLinesMax: linesMax, logBytesMax: bytesMax } = terminationMessageLimits;
    const folder = logFolderOf(this.#options.stateDir, held.assignment.uid);
    return await readLogTail({ folder, sinceMs, linesMax, bytesMax });
  }

  async #inTime(read: Promise<string>): Promise<string> {
    const { clock, log } = this.#options;
    const late = Promise.withResolvers<string>();
    const timer = clock.setTimer(terminationMessageLimits.readMsMax, () => late.resolve(""));
    const message = read.catch((err: unknown) => {
      log.warn("termination message not read", { err });
      return "";
    });
    const text = await Promise.race([message, late.promise]);
    timer.cancel();
    return text;
  }

  async #execProbe(question: ExecQuestion): Promise<ProbeAnswer> {
    const { uid, probe, args, timeoutMs, signal } = question;
    return answerOf(await this.#beside(uid, probe, args, timeoutMs, signal), timeoutMs);
  }

  async #beside(
    uid: string,
    purpose: SidePurpose,
    args: readonly string[],
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<SideOutcome> {
    const held = this.#options.instanceOf(uid);
    if (!held || signal.aborted) return { kind: "notStarted", message: "the instance has ended" };
    const run = async () => {
      const { driver, spec } = await this.#options.besides(held);
      return await this.#sideRuns.run({ driver, spec, purpose, args, timeoutMs, signal });
    };
    const { assignment, lifecycle } = held;
    return lifecycle.isolation === "shared"
      ? await run()
      : await this.#processGate.run(assignment.namespace, run);
  }
}

function answerOf(outcome: SideOutcome, timeoutMs: number): ProbeAnswer {
  const failure = (what: string, output: string): ProbeAnswer => ({
    kind: "failure",
    message: output === "" ? what : `${what}: ${output}`,
  });
  if (outcome.kind === "notStarted") return { kind: "unknown", message: outcome.message };
  if (outcome.kind === "timedOut")
    return failure(`it did not end within ${timeoutMs / 1000} s`, outcome.output);
  const { end, output } = outcome;
  if (end.kind === "exited")
    return end.exitCode === 0 ? { kind: "success" } : failure(`it exited with code ${end.exitCode}`, output);
  if (end.kind === "trapped") return failure(`${end.reason}: ${end.message}`, output);
  return {
    kind: "unknown",
    message: end.kind === "lost" || end.kind === "refused" ? end.message : "it was stopped",
  };
}
