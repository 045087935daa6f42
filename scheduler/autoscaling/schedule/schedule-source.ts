/**
 * Readings of schedules: 1 from each start until the end that follows, and 0 outside of that. It is within when it
 * began after it last ended, so windows that reach into each other are one, and an end at the same moment as a start counts for less. Times are of the wall
 * clock: when that is set, it is judged anew.
 */
import type { AutoscalerMetric } from "../../../api/gen/kinds.gen.ts";
import { type CronSchedule, readSchedule } from "../../../api/cron-schedule.ts";
import type { Clock, Timer } from "../../../kit/clock.ts";
import { Bug } from "../../../kit/errors.ts";
import type { Reading } from "../../core/autoscaling/reading.ts";
import { WallClockAlarms } from "../../alarms.ts";
import { unknown } from "../asking/question.ts";
import type { MetricOwner, MetricSource, MetricWatch } from "../metric-source.ts";

type ScheduleMetric = NonNullable<AutoscalerMetric["schedule"]>;

/** How long a clock that was set back goes unnoticed. */
const lookAgainMs = 20_000;
/** A clock that is corrected little by little is none that was set. */
const jumpMsMin = 500;

interface Phase {
  readonly isWithin: boolean;
  /** It holds from then until then, by the wall clock. */
  readonly fromMs: number;
  readonly untilMs: number;
}

interface Window {
  readonly key: string;
  readonly schedules:
    | { readonly kind: "ok"; readonly start: CronSchedule; readonly end: CronSchedule }
    | { readonly kind: "invalid"; readonly message: string };
  readonly watchers: Set<() => void>;
  phase: Phase | undefined;
  /** What the watchers know. */
  wasWithin: boolean;
}

export class ScheduleSource implements MetricSource {
  readonly #clock: Clock;
  /** One for all that begin and end alike. */
  readonly #windows = new Map<string, Window>();
  readonly #alarms: WallClockAlarms;
  #jumpTimer: Timer | undefined;
  /** Wall clock less monotonic clock. */
  #offsetMs: number;
  #isClosed = false;

  constructor({ clock }: { readonly clock: Clock }) {
    this.#clock = clock;
    this.#offsetMs = this.#readOffsetMs();
    this.#alarms = new WallClockAlarms(clock, (key) => this.#due(key));
  }

  watch({ schedule }: AutoscalerMetric, _owner: MetricOwner, changed: () => void): MetricWatch {
    if (!schedule) throw new Bug("a metric of type Schedule has no field schedule");
    const key = JSON.stringify([schedule.start, schedule.end, schedule.timeZone ?? ""]);
    const window = this.#windows.get(key) ?? this.#add(key, schedule);
    const watcher = () => changed();
    window.watchers.add(watcher);
    return {
      read: () => this.#read(window),
      close: () => {
        if (!window.watchers.delete(watcher) || window.watchers.size > 0) return;
        this.#windows.delete(key);
        this.#alarms.set(key, undefined);
      },
    };
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    this.#alarms.close();
    this.#jumpTimer?.cancel();
    return Promise.resolve();
  }

  #add(key: string, metric: ScheduleMetric): Window {
    const schedules = readSchedules(metric);
    const window: Window = { key, schedules, watchers: new Set(), phase: undefined, wasWithin: false };
    this.#windows.set(key, window);
    window.wasWithin = this.#isWithin(window);
    this.#setAlarm(window);
    if (!this.#jumpTimer) this.#watchClock();
    return window;
  }

  #read(window: Window): Reading {
    if (window.schedules.kind === "invalid") return unknown("Misdeclared", window.schedules.message);
    const value = this.#isWithin(window) ? 1 : 0;
    return { kind: "value", value, isAtLeast: false, atMs: this.#clock.now() };
  }

  #isWithin(window: Window): boolean {
    if (window.schedules.kind === "invalid") return false;
    const nowMs = this.#clock.now();
    const { phase } = window;
    if (phase && phase.fromMs <= nowMs && nowMs < phase.untilMs) return phase.isWithin;
    const next = phaseAt(window.schedules, nowMs);
    window.phase = next;
    return next.isWithin;
  }

  #setAlarm({ key, phase }: Window): void {
    const untilMs = phase?.untilMs ?? Infinity;
    this.#alarms.set(key, untilMs === Infinity ? undefined : untilMs);
  }

  #due(key: string): void {
    const window = this.#windows.get(key);
    if (window) this.#look(window);
  }

  #look(window: Window): void {
    const isWithin = this.#isWithin(window);
    this.#setAlarm(window);
    if (isWithin === window.wasWithin) return;
    window.wasWithin = isWithin;
    for (const watcher of window.watchers) watcher();
  }

  /** Alarms notice a clock that was set forward. One that was set back makes nothing due. */
  #watchClock(): void {
    this.#jumpTimer = this.#clock.setTimer(lookAgainMs, () => {
      this.#jumpTimer = undefined;
      const offsetMs = this.#readOffsetMs();
      const hasJumped = Math.abs(offsetMs - this.#offsetMs) >= jumpMsMin;
      this.#offsetMs = offsetMs;
      if (hasJumped) for (const window of this.#windows.values()) this.#look(window);
      if (this.#windows.size > 0 && !this.#isClosed) this.#watchClock();
    });
  }

  #readOffsetMs(): number {
    return this.#clock.now() - this.#clock.monotonic();
  }
}

function readSchedules({ start, end, timeZone }: ScheduleMetric): Window["schedules"] {
  const zone = timeZone === undefined || timeZone === "" ? undefined : timeZone;
  const starts = readSchedule(start, zone);
  const ends = readSchedule(end, zone);
  // Validation refuses them; what was stored before a rule was there may still be read.
  if (starts.kind === "invalid") return { kind: "invalid", message: `start: ${starts.message}` };
  if (ends.kind === "invalid") return { kind: "invalid", message: `end: ${ends.message}` };
  return { kind: "ok", start: starts.schedule, end: ends.schedule };
}

/** A schedule that was never due, or never is again, was or is so outside of all time. */
function phaseAt(
  schedules: { readonly start: CronSchedule; readonly end: CronSchedule },
  nowMs: number,
): Phase {
  const beganMs = schedules.start.lastUntil(nowMs) ?? -Infinity;
  const endedMs = schedules.end.lastUntil(nowMs) ?? -Infinity;
  const isWithin = beganMs > -Infinity && beganMs >= endedMs;
  const next = isWithin ? schedules.end : schedules.start;
  return {
    isWithin,
    fromMs: Math.max(beganMs, endedMs),
    untilMs: next.nextAfter(nowMs) ?? Infinity,
  };
}
