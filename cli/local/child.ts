/**
 * One child process of `wherry up`, and what becomes of it.
 *
 *   start ──▶ starting ──ready message──▶ running ──exit──▶ waiting ──backoff──▶ starting …
 *                │                           │                 │
 *                └─exit or too slow: failed  └────── stop ─────┴──▶ stopping ──exit──▶ stopped
 *
 * - It has a session of its own: Ctrl-C reaches only `up`, which stops its children in order.
 * - It has an IPC channel: when `up` is killed, the child sees `disconnect` and stops by itself.
 * - A child that fails before it was ready for the first time is not started again: that is a mistake in what it was
 *   told, and the caller says so. Later it is, with backoff, and every line says why.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { constants } from "node:os";
import type { Readable } from "node:stream";
import { backoffMs } from "../../kit/backoff.ts";
import { sleep, type Clock, type Timer } from "../../kit/clock.ts";
import { errorMessage } from "../../kit/errors.ts";
import { Failure } from "../failure.ts";
import { lines } from "../client/json-lines.ts";
import { localLimits } from "./limits.ts";
import { identify, type ProcessIdentity } from "./process-identity.ts";

export interface ChildSpec {
  /** For messages and the log file: `scheduler`, `node-NAME`. */
  readonly name: string;
  readonly program: string;
  /** Asked at every start: the scheduler's port is known only after its first. */
  readonly args: () => readonly string[];
  readonly stopMs: number;
}

export interface ChildEvents {
  readonly onLine: (child: string, line: string) => void;
  /** For people: what happened to a child. */
  readonly onNotice: (text: string) => void;
  /** Processes came or went. */
  readonly onProcesses: () => void;
}

type State =
  | { readonly kind: "new" }
  | { readonly kind: "starting"; readonly process: ChildProcess }
  | { readonly kind: "running"; readonly process: ChildProcess; readonly sinceMs: number }
  | { readonly kind: "waiting"; readonly timer: Timer }
  | { readonly kind: "stopping"; readonly process: ChildProcess }
  | { readonly kind: "stopped" };

export class SupervisedChild<Ready> {
  readonly #spec: ChildSpec;
  readonly #events: ChildEvents;
  readonly #clock: Clock;
  readonly #firstReady = Promise.withResolvers<Ready>();
  readonly #stopped = Promise.withResolvers<void>();
  readonly #lastLines: string[] = [];
  #state: State = { kind: "new" };
  #everReady = false;
  #crashes = 0;
  /** What the child itself said about why it cannot go on. */
  #complaint: string | undefined;
  #identity: ProcessIdentity | undefined;

  constructor(spec: ChildSpec, events: ChildEvents, clock: Clock) {
    this.#spec = spec;
    this.#events = events;
    this.#clock = clock;
    // Whoever stops a child before it was ready does not wait for that any more.
    this.#firstReady.promise.catch(() => {});
  }

  /** The running process, if any. */
  get identity(): ProcessIdentity | undefined {
    return this.#identity;
  }

  /** Resolves with the first ready message; rejects with a {@link Failure} when there will be none. */
  start(): Promise<Ready> {
    this.#spawn();
    return this.#firstReady.promise;
  }

  /** Asks the child to end, and ends it when it takes too long. Resolves when it is gone. Idempotent. */
  stop(): Promise<void> {
    const state = this.#state;
    switch (state.kind) {
      case "new":
        this.#becomeStopped();
        break;
      case "waiting":
        state.timer.cancel();
        this.#becomeStopped();
        break;
      case "starting":
      case "running":
        this.#state = { kind: "stopping", process: state.process };
        state.process.kill("SIGTERM");
        this.#killAfter(state.process, this.#spec.stopMs);
        break;
      case "stopping":
      case "stopped":
        break;
    }
    return this.#stopped.promise;
  }

  /** Ends the child at once. */
  kill(): void {
    if ("process" in this.#state) this.#state.process.kill("SIGKILL");
  }

  #becomeStopped(): void {
    this.#state = { kind: "stopped" };
    this.#firstReady.reject(new Failure(`${this.#spec.name} was stopped`));
    this.#stopped.resolve();
  }

  #killAfter(child: ChildProcess, delayMs: number): void {
    const timer = this.#clock.setTimer(delayMs, () => {
      this.#events.onNotice(`${this.#spec.name} did not stop within ${delayMs / 1000} s: killed`);
      child.kill("SIGKILL");
    });
    child.once("exit", () => timer.cancel());
  }

  #spawn(): void {
    const child = spawn(process.execPath, [this.#spec.program, ...this.#spec.args()], {
      stdio: ["ignore", "pipe", "pipe", "ipc"],
      detached: true,
    });
    this.#state = { kind: "starting", process: child };
    this.#identity = child.pid === undefined ? undefined : identify(child.pid);
    this.#events.onProcesses();
    const slow = this.#clock.setTimer(localLimits.readyMs, () => {
      this.#events.onNotice(
        `${this.#spec.name} was not ready within ${localLimits.readyMs / 1000} s: killed`,
      );
      child.kill("SIGKILL");
    });
    const output = Promise.all([this.#read(child.stdout), this.#read(child.stderr)]);
    child.on("message", (message) => {
      this.#complaint = complaintOf(message) ?? this.#complaint;
      if (!isReady(message) || this.#state.kind !== "starting") return;
      slow.cancel();
      this.#state = { kind: "running", process: child, sinceMs: this.#clock.monotonic() };
      this.#everReady = true;
      // The shape is the contract with the two programs, which are of the same version as this one.
      this.#firstReady.resolve(message as Ready);
    });
    const ended = (how: string) => {
      slow.cancel();
      // What the child itself started may hold its pipes open for ever.
      void Promise.race([output, sleep(this.#clock, localLimits.lastOutputMs)]).then(() => {
        child.stdout?.destroy();
        child.stderr?.destroy();
        this.#onExit(how);
      });
    };
    child.once("error", (error) => {
      if (child.pid === undefined) ended(`could not be started: ${errorMessage(error)}`);
    });
    child.once("exit", (code, signal) => ended(describeExit(code, signal)));
  }

  async #read(stream: Readable | null): Promise<void> {
    if (!stream) return;
    try {
      for await (const line of lines(stream, Number.POSITIVE_INFINITY)) {
        const text = line.subarray(0, localLimits.logLineBytesMax).toString("utf8");
        this.#lastLines.push(text);
        if (this.#lastLines.length > localLimits.lastLines) this.#lastLines.shift();
        this.#events.onLine(this.#spec.name, text);
      }
    } catch {
      // The pipe broke with the child; its exit says the rest.
    }
  }

  #onExit(how: string): void {
    const state = this.#state;
    this.#identity = undefined;
    this.#events.onProcesses();
    if (state.kind === "stopping" || state.kind === "stopped") {
      this.#becomeStopped();
      return;
    }
    const complaint = this.#complaint === undefined ? [] : [this.#complaint];
    this.#complaint = undefined;
    // Its own reason says more than the end of its log, which is kept in its file.
    const lastLines = this.#lastLines.splice(0);
    const lastWords = (complaint.length > 0 ? complaint : lastLines).map((line) => `  ${line}`);
    const name = this.#spec.name;
    if (!this.#everReady) {
      this.#state = { kind: "stopped" };
      this.#stopped.resolve();
      this.#firstReady.reject(new Failure([`${name} ${how} before it was ready:`, ...lastWords].join("\n")));
      return;
    }
    const ranMs = state.kind === "running" ? this.#clock.monotonic() - state.sinceMs : 0;
    this.#crashes = ranMs >= localLimits.restartResetMs ? 0 : this.#crashes + 1;
    const delayMs = this.#crashes === 0 ? 0 : backoffMs(this.#crashes - 1, localLimits.restart);
    const why = complaint.map((text) => ` (${text})`).join("");
    const when = delayMs === 0 ? "at once" : `in ${delayMs / 1000} s`;
    this.#events.onNotice(`${name} ${how}${why}; starting it again ${when}`);
    const timer = this.#clock.setTimer(delayMs, () => this.#spawn());
    this.#state = { kind: "waiting", timer };
  }
}

/** `{kind: "failed", message}` is what a child says before it gives up. */
function complaintOf(message: unknown): string | undefined {
  if (typeof message !== "object" || message === null || !("message" in message)) return undefined;
  return typeof message.message === "string" ? message.message : undefined;
}

function isReady(message: unknown): boolean {
  return typeof message === "object" && message !== null && "kind" in message && message.kind === "ready";
}

function describeExit(code: number | null, signal: NodeJS.Signals | null): string {
  if (signal !== null) return `was ended by ${signal} (${constants.signals[signal]})`;
  return `ended with exit code ${code ?? "unknown"}`;
}
