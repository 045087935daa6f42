/**
 * Asks the probes of all instances of the node: one timer for all of them, a bound on questions at a time, and one reducer
 * (core/probing.ts) that says what follows from an answer.
 *
 *   follow ─▶ wakes ──due──▶ gate (256 in all, 64 of a namespace) ─▶ asked ─▶ answered ─▶ wakes …
 *               └──────────── forget, or another run: everything under way is dropped ───────┘
 *
 * Bounded by the instances: each probe is asleep, waiting in the gate or asked, and never twice.
 */
import type { Clock } from "../../kit/clock.ts";
import { errorMessage } from "../../kit/errors.ts";
import type { Log } from "../../kit/log.ts";
import type { Random } from "../../kit/random.ts";
import type { Health } from "../core/lifecycle-state.ts";
import type { ProbeConfigs, ProbeKind, ProbeTarget } from "../core/probe-config.ts";
import {
  beginProbing,
  probe,
  type ProbeAnswer,
  type Probing,
  type ProbingEvent,
  type ProbingStep,
} from "../core/probing.ts";
import { WakeTimer } from "../wake-timer.ts";
import { askHttp, askTcp } from "./http-probe.ts";
import { probeLimits } from "./limits.ts";
import { ShareGate } from "./share-gate.ts";

export interface ProbedRun {
  readonly uid: string;
  readonly run: number;
  readonly namespace: string;
  readonly probes: ProbeConfigs;
  readonly startedMonotonicMs: number;
  readonly health: Health;
  /** An earlier daemon has started it. */
  readonly adopted: boolean;
}

export interface ProberEvents {
  health(uid: string, run: number, health: Health): void;
  /** The grace is the instance's own when undefined. */
  unhealthy(uid: string, run: number, message: string, gracePeriodMs: number | undefined): void;
}

export interface ProberOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly events: ProberEvents;
  /** Asks in a fresh instance. Must answer within the timeout and what ending takes; may reject. */
  readonly exec: (question: ExecQuestion) => Promise<ProbeAnswer>;
}

export interface ExecQuestion {
  readonly uid: string;
  readonly probe: ProbeKind;
  readonly args: readonly string[];
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

interface Wake {
  readonly followed: Followed;
  readonly probe: ProbeKind;
  readonly dueMonotonicMs: number;
}

interface Followed {
  readonly subject: ProbedRun;
  probing: Probing;
  readonly gone: AbortController;
}

export class Prober {
  readonly #options: ProberOptions;
  readonly #followed = new Map<string, Followed>();
  readonly #wakes: WakeTimer<Wake>;
  readonly #gate = new ShareGate(probeLimits.askedMax, probeLimits.askedPerNamespaceMax);

  constructor(options: ProberOptions) {
    this.#options = options;
    this.#wakes = new WakeTimer(options.clock, (wake) => this.#wake(wake));
  }

  /** Again for the same run changes nothing; another run of the instance begins anew. */
  follow(subject: ProbedRun): void {
    const known = this.#followed.get(subject.uid);
    if (known?.subject.run === subject.run) return;
    this.forget(subject.uid);
    const step = beginProbing(subject.probes, subject, this.#now());
    const followed = { subject, probing: step.probing, gone: new AbortController() };
    this.#followed.set(subject.uid, followed);
    this.#take(followed, step);
  }

  /** Its run has ended, or is about to. */
  forget(uid: string): void {
    this.#followed.get(uid)?.gone.abort(new Error("the run is over"));
    this.#followed.delete(uid);
  }

  close(): void {
    this.#wakes.close();
    for (const uid of this.#followed.keys()) this.forget(uid);
  }

  #wake(wake: Wake): void {
    const { followed, probe: kind, dueMonotonicMs } = wake;
    if (followed.gone.signal.aborted) return;
    const leftMs = dueMonotonicMs - this.#options.clock.monotonic();
    // Node's timers may fire a fraction of a millisecond early.
    if (leftMs > 1) this.#wakes.after(Math.min(leftMs, probeLimits.wakeMsMax), wake);
    else this.#step(followed, { kind: "due", probe: kind });
  }

  #step(followed: Followed, event: ProbingEvent): void {
    if (followed.gone.signal.aborted) return;
    this.#take(followed, probe(followed.probing, event, this.#now()));
  }

  #take(followed: Followed, { probing, actions }: ProbingStep): void {
    followed.probing = probing;
    const { uid, run } = followed.subject;
    const { events, random } = this.#options;
    for (const action of actions) {
      switch (action.kind) {
        case "wakeAfter": {
          const { delayMs, spread } = action;
          const fraction = random.fraction();
          const share = spread ? fraction : 1 + probeLimits.jitter * (2 * fraction - 1);
          const dueMonotonicMs = this.#options.clock.monotonic() + delayMs * share;
          this.#wake({ followed, probe: action.probe, dueMonotonicMs });
          break;
        }
        case "ask":
          void this.#ask(followed, action.probe);
          break;
        case "health":
          events.health(uid, run, action.health);
          break;
        case "restart":
          events.unhealthy(uid, run, action.message, action.gracePeriodMs);
      }
    }
  }

  async #ask(followed: Followed, kind: ProbeKind): Promise<void> {
    const { subject, gone } = followed;
    const config = subject.probes[kind];
    if (!config) return;
    const answer = await this.#gate
      .run(subject.namespace, () => this.#answer(subject, kind, config.target, config.timeoutMs, gone.signal))
      .catch((thrown: unknown): ProbeAnswer => ({ kind: "unknown", message: errorMessage(thrown) }));
    if (answer.kind !== "success" && !gone.signal.aborted) {
      const { uid, namespace } = subject;
      this.#options.log.debug("probe not answered well", { uid, namespace, probe: kind, ...answer });
    }
    this.#step(followed, { kind: "answered", probe: kind, answer });
  }

  async #answer(
    { uid }: ProbedRun,
    kind: ProbeKind,
    target: ProbeTarget,
    timeoutMs: number,
    gone: AbortSignal,
  ): Promise<ProbeAnswer> {
    if (gone.aborted) return { kind: "unknown", message: "the run is over" };
    if (target.kind === "exec") {
      const { args } = target;
      return await this.#options.exec({ uid, probe: kind, args, timeoutMs, signal: gone });
    }
    const over = new AbortController();
    const giveUp = () => over.abort(new Error("no answer in time"));
    gone.addEventListener("abort", giveUp, { once: true });
    const timer = this.#options.clock.setTimer(timeoutMs, giveUp);
    try {
      return await (target.kind === "httpGet" ? askHttp(target, over.signal) : askTcp(target, over.signal));
    } finally {
      timer.cancel();
      gone.removeEventListener("abort", giveUp);
    }
  }

  #now() {
    const { clock } = this.#options;
    return { wallMs: clock.now(), monotonicMs: clock.monotonic() };
  }
}
