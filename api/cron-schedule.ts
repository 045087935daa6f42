/**
 * When a cron job is due: `croner` reads the schedule, this says what of it we accept. Pure: every question comes with the
 * time that it is about, and nothing here starts a timer.
 *
 * Daylight saving. A schedule whose seconds, minutes and hours have neither `*` nor a step means times of day: what falls
 * into the hour that is skipped is due at the end of that hour, and what falls into the hour that comes twice is due in the
 * first of the two. Any other schedule means an interval, and follows the time that really passes: it has no time in the hour
 * that is skipped, and times in both of the hours that come twice.
 */
import { Cron } from "croner";

export type ScheduleReading =
  | { readonly kind: "ok"; readonly schedule: CronSchedule }
  | { readonly kind: "invalid"; readonly message: string };

/** Longer ones cost more to read than anybody means. */
const lengthMax = 200;
interface Field {
  readonly name: string;
  readonly values: string;
}

const fields: readonly Field[] = [
  { name: "minute", values: "0-59" },
  { name: "hour", values: "0-23" },
  { name: "day of the month", values: "1-31, and L for the last" },
  { name: "month", values: "1-12 or JAN-DEC" },
  { name: "day of the week", values: "0-7 (0 and 7 are Sunday) or SUN-SAT" },
];
const fieldsWithSeconds: readonly Field[] = [{ name: "second", values: "0-59" }, ...fields];
const macros: ReadonlySet<string> = new Set([
  "@yearly",
  "@annually",
  "@monthly",
  "@weekly",
  "@daily",
  "@midnight",
  "@hourly",
]);
/** Calendars repeat after 400 years: whatever is due at all is due after this. */
const someTimeMs = Date.UTC(2000, 0, 1);

/** One schedule in one time zone. Times are milliseconds since the epoch, and whole seconds. */
export class CronSchedule {
  /** Whether it has a field for seconds; without one it is due at most once a minute. */
  readonly hasSeconds: boolean;
  readonly #cron: Cron;

  constructor(cron: Cron, hasSeconds: boolean) {
    this.#cron = cron;
    this.hasSeconds = hasSeconds;
  }

  /** The first time after `ms`; undefined: there is none. */
  nextAfter(ms: number): number | undefined {
    return this.#cron.nextRun(new Date(ms))?.getTime();
  }

  /** The last time that is not after `ms`; undefined: there is none. */
  lastUntil(ms: number): number | undefined {
    // croner answers with what is before, in whole seconds.
    return this.#cron.previousRuns(1, new Date(Math.floor(ms / 1000) * 1000 + 1000))[0]?.getTime();
  }
}

/** `timeZone` is one that `checkTimeZone` accepts; without one the schedule is in UTC. */
export function readSchedule(text: string, timeZone = "Etc/UTC"): ScheduleReading {
  const problem = checkForm(text);
  if (problem !== undefined) return { kind: "invalid", message: problem };
  const parts = partsOf(text);
  try {
    const schedule = new CronSchedule(makeCron(parts, timeZone), parts.length === fieldsWithSeconds.length);
    if (schedule.nextAfter(someTimeMs) !== undefined) return { kind: "ok", schedule };
    return {
      kind: "invalid",
      message:
        "it never comes: no year has such a day (February has at most 29; April, June, September and November have 30)",
    };
  } catch (thrown) {
    const message = findBadField(parts) ?? (thrown instanceof Error ? thrown.message : String(thrown));
    return { kind: "invalid", message };
  }
}

function makeCron(parts: readonly string[], timezone: string): Cron {
  // "no-wildcard": times of day may be lists and ranges, too. "sloppyRanges": 5/15 means 5-59/15, as in Kubernetes.
  return new Cron(parts.join(" "), {
    timezone,
    mode: "5-or-6-parts",
    fixedTimeRule: "no-wildcard",
    sloppyRanges: true,
  });
}

/** In Kubernetes `?` means `*`; in croner the time at which the schedule is read. */
function partsOf(text: string): readonly string[] {
  return text.trim().replaceAll("?", "*").split(/\s+/);
}

function checkForm(text: string): string | undefined {
  if (text.length > lengthMax) return `must be no more than ${lengthMax} characters`;
  if (/^\s*(CRON_)?TZ=/i.test(text))
    return "a time zone cannot be part of the schedule; set timeZone beside it";
  const parts = partsOf(text);
  const [first = ""] = parts;
  if (first.startsWith("@")) return checkMacro(first, parts.length);
  if (first === "") return 'must not be empty; for example, "*/5 * * * *" is every five minutes';
  if (parts.length === fields.length || parts.length === fieldsWithSeconds.length)
    return findBadCharacter(parts);
  if (parts.length > fieldsWithSeconds.length)
    return `has ${parts.length} fields; there is none for years, and nothing is due more often than once a second`;
  const names = fields.map(({ name }) => name).join(", ");
  return `has ${parts.length} of the ${fields.length} fields ${names} (before them, seconds may stand)`;
}

function checkMacro(macro: string, words: number): string | undefined {
  if (macro.toLowerCase() === "@every")
    return 'intervals (@every) are not supported; write the times, for example "*/10 * * * *" for every ten minutes';
  if (!macros.has(macro.toLowerCase())) return `"${macro.slice(0, 20)}" is none of ${[...macros].join(", ")}`;
  return words > 1 ? `nothing can follow ${macro}` : undefined;
}

function findBadCharacter(parts: readonly string[]): string | undefined {
  for (const [at, part] of parts.entries()) {
    const bad = /[^0-9A-Za-z*,/#-]/u.exec(part)?.[0];
    if (bad !== undefined) return `${describePart(parts, at)}: ${JSON.stringify(bad)} has no meaning here`;
    if (/(^|,)\//.test(part))
      return `${describePart(parts, at)}: before a step stands what it steps through, as in */5`;
  }
  return undefined;
}

/** Each part alone, so that the message can say which one it is. */
function findBadField(parts: readonly string[]): string | undefined {
  const at = parts.findIndex((part, at) => !isReadable(parts.map((_, other) => (other === at ? part : "*"))));
  if (at < 0) return undefined;
  const form = "a value, a list (1,3), a range (1-5), steps (*/2, 1-9/2) or *";
  return `${describePart(parts, at)}: must be ${form}; values are ${fieldAt(parts, at)?.values}`;
}

function isReadable(parts: readonly string[]): boolean {
  try {
    makeCron(parts, "Etc/UTC");
    return true;
  } catch {
    return false;
  }
}

function describePart(parts: readonly string[], at: number): string {
  return `field ${at + 1} (${fieldAt(parts, at)?.name}) ${JSON.stringify(parts[at])}`;
}

function fieldAt(parts: readonly string[], at: number): Field | undefined {
  return (parts.length === fields.length ? fields : fieldsWithSeconds)[at];
}
