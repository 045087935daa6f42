/**
 * The probes of one run, as values: `(probing, event, now) → probing and actions`. No I/O, no clock. The rules are the kubelet's
 * (pkg/kubelet/prober).
 *
 *   each probe:   asleep ──due──▶ asked ──answered──▶ asleep, until a period after it was asked
 *   startup       holds the other two back until its first success; its failure ends the run
 *   readiness     begins unready, follows its streaks for as long as the run lives
 *   liveness      its failure ends the run
 *
 * Invariants:
 * - A probe is asked once at a time, and each `asked` is answered or its run is forgotten.
 * - A result counts once its streak has reached its threshold. `unknown` is no result: the question failed, not the guest.
 * - Once a run is to end nothing is asked any more.
 * - Health is told when it has changed, not at each answer: at most once for the first failure before a success, and once
 *   for each turn of a result.
 */
import type { Health, Now } from "./lifecycle-state.ts";
import { type ProbeConfig, type ProbeConfigs, type ProbeKind } from "./probe-config.ts";

export type ProbeAnswer =
  | { readonly kind: "success" }
  | { readonly kind: "failure"; readonly message: string }
  | { readonly kind: "unknown"; readonly message: string };

/** Of one probe. */
interface Streak {
  readonly last: "success" | "failure" | undefined;
  readonly length: number;
  readonly askedMonotonicMs: number;
}

export interface Probing {
  readonly probes: ProbeConfigs;
  readonly startedMonotonicMs: number;
  readonly health: Health;
  readonly streaks: Readonly<Partial<Record<ProbeKind, Streak>>>;
  /** Whether it was told that a probe could not be asked. */
  readonly troubled: boolean;
  /** The run is to end. */
  readonly over: boolean;
}

export type ProbingEvent =
  | { readonly kind: "due"; readonly probe: ProbeKind }
  | { readonly kind: "answered"; readonly probe: ProbeKind; readonly answer: ProbeAnswer };

export type ProbingAction =
  | { readonly kind: "ask"; readonly probe: ProbeKind }
  /** `spread`: at any moment within the delay, so that a daemon that starts again does not ask everybody at once. */
  | {
      readonly kind: "wakeAfter";
      readonly probe: ProbeKind;
      readonly delayMs: number;
      readonly spread: boolean;
    }
  | { readonly kind: "health"; readonly health: Health }
  | {
      readonly kind: "restart";
      readonly message: string;
      /** The instance's own when undefined. */
      readonly gracePeriodMs: number | undefined;
    };

export interface ProbingStep {
  readonly probing: Probing;
  readonly actions: readonly ProbingAction[];
}

/** `adopted`: an earlier daemon has probed this run, and what it found holds until there is something new. */
export function beginProbing(
  probes: ProbeConfigs,
  run: { readonly startedMonotonicMs: number; readonly health: Health; readonly adopted: boolean },
  now: Now,
): ProbingStep {
  const { adopted, ...known } = run;
  const probing = { probes, ...known, streaks: {}, troubled: false, over: false };
  const first = (["startup", "readiness", "liveness"] as const).filter(
    (kind) =>
      probes[kind] && (kind === "startup") === (probes.startup !== undefined && !known.health.started),
  );
  return { probing, actions: first.map((kind) => firstWake(probing, kind, adopted, now)) };
}

export function probe(probing: Probing, event: ProbingEvent, now: Now): ProbingStep {
  const config = probing.probes[event.probe];
  if (!config || probing.over) return { probing, actions: [] };
  if (event.kind === "due") {
    const streak = { ...streakOf(probing, event.probe), askedMonotonicMs: now.monotonicMs };
    return {
      probing: withStreak(probing, event.probe, streak),
      actions: [{ kind: "ask", probe: event.probe }],
    };
  }
  return onAnswer(probing, event.probe, config, event.answer, now);
}

function onAnswer(
  probing: Probing,
  kind: ProbeKind,
  config: ProbeConfig,
  answer: ProbeAnswer,
  now: Now,
): ProbingStep {
  const before = streakOf(probing, kind);
  const again = wakeAgain(kind, config, before, now);
  if (answer.kind === "unknown") return onUnknown(probing, kind, answer.message, again);
  const length = before.last === answer.kind ? before.length + 1 : 1;
  const next = withStreak(probing, kind, { ...before, last: answer.kind, length });
  if (answer.kind === "success") {
    const counts = length >= config.successThreshold;
    return counts ? onSuccess(next, kind, again, now) : { probing: next, actions: [again] };
  }
  const counts = length >= config.failureThreshold;
  return onFailure(next, kind, { counts, length, message: answer.message, config }, again);
}

function onSuccess(probing: Probing, kind: ProbeKind, again: ProbingAction, now: Now): ProbingStep {
  const { health, probes } = probing;
  if (kind === "startup") {
    const message = "its readiness probe has not succeeded yet";
    const started: Health = probes.readiness
      ? { started: true, ready: false, reason: "NotReady", message }
      : ready;
    const held = (["readiness", "liveness"] as const).filter((other) => probes[other]);
    const wakes = held.map((other) => firstWake(probing, other, false, now));
    return {
      probing: { ...probing, health: started },
      actions: [{ kind: "health", health: started }, ...wakes],
    };
  }
  if (kind === "liveness" || health.ready) return { probing, actions: [again] };
  return { probing: { ...probing, health: ready }, actions: [{ kind: "health", health: ready }, again] };
}

/** Said once while it waits for a first success: otherwise nobody would learn what it waits for. */
function onUnknown(probing: Probing, kind: ProbeKind, why: string, again: ProbingAction): ProbingStep {
  const { health } = probing;
  if (kind === "liveness" || health.reason !== "NotReady" || probing.troubled)
    return { probing, actions: [again] };
  const troubled: Health = { ...health, message: `its ${kind} probe could not be asked: ${why}` };
  const next = { ...probing, health: troubled, troubled: true };
  return { probing: next, actions: [{ kind: "health", health: troubled }, again] };
}

interface Failure {
  readonly counts: boolean;
  readonly length: number;
  readonly message: string;
  readonly config: ProbeConfig;
}

function onFailure(probing: Probing, kind: ProbeKind, failure: Failure, again: ProbingAction): ProbingStep {
  const { counts, length, config } = failure;
  const times = length === 1 ? "" : ` ${length} times in a row`;
  const message = `its ${kind} probe failed${times}: ${failure.message}`;
  if (counts && kind !== "readiness") {
    const { gracePeriodMs } = config;
    return { probing: { ...probing, over: true }, actions: [{ kind: "restart", message, gracePeriodMs }] };
  }
  // While it waits for a first success, the first failure says what it is waiting for.
  const isNews =
    kind !== "liveness" && (probing.health.ready ? counts : probing.health.reason === "NotReady");
  if (!isNews) return { probing, actions: [again] };
  const health: Health = { ...probing.health, ready: false, reason: "Unhealthy", message };
  return { probing: { ...probing, health }, actions: [{ kind: "health", health }, again] };
}

const ready: Health = { started: true, ready: true, reason: "", message: "" };
const never: Streak = { last: undefined, length: 0, askedMonotonicMs: 0 };

function streakOf(probing: Probing, kind: ProbeKind): Streak {
  return probing.streaks[kind] ?? never;
}

function withStreak(probing: Probing, kind: ProbeKind, streak: Streak): Probing {
  return { ...probing, streaks: { ...probing.streaks, [kind]: streak } };
}

function firstWake(
  { probes, startedMonotonicMs }: Probing,
  kind: ProbeKind,
  adopted: boolean,
  now: Now,
): ProbingAction {
  const { initialDelayMs = 0, periodMs = 0 } = probes[kind] ?? {};
  const initialMs = Math.max(0, startedMonotonicMs + initialDelayMs - now.monotonicMs);
  const spread = adopted && initialMs === 0;
  return { kind: "wakeAfter", probe: kind, delayMs: spread ? periodMs : initialMs, spread };
}

/** A slow answer delays no later question, unless it took longer than a period. */
function wakeAgain(
  probe: ProbeKind,
  { periodMs }: ProbeConfig,
  { askedMonotonicMs }: Streak,
  now: Now,
): ProbingAction {
  const delayMs = Math.max(0, askedMonotonicMs + periodMs - now.monotonicMs);
  return { kind: "wakeAfter", probe, delayMs, spread: false };
}
