import { readSchedule, type ScheduleReading } from "../../../api/cron-schedule.ts";
import { checkTimeZone } from "../../../api/time-zone.ts";

/** croner's form of a schedule takes 80 KiB: ten thousand cron jobs could not have one each. */
const keptMax = 256;

/** Schedules that were read, those asked for last; reading one takes a tenth of a millisecond. */
export class ScheduleCache {
  readonly #readings = new Map<string, ScheduleReading>();

  read({
    schedule,
    timeZone = "Etc/UTC",
  }: {
    readonly schedule: string;
    readonly timeZone?: string;
  }): ScheduleReading {
    const key = `${timeZone} ${schedule}`;
    const reading = this.#readings.get(key) ?? read(schedule, timeZone);
    // Behind all others again.
    this.#readings.delete(key);
    this.#readings.set(key, reading);
    const [oldest] = this.#readings.keys();
    if (this.#readings.size > keptMax && oldest !== undefined) this.#readings.delete(oldest);
    return reading;
  }
}

/** What one version of Node has accepted may be unknown to another. */
function read(schedule: string, timeZone: string): ScheduleReading {
  const problem = checkTimeZone(timeZone);
  if (problem !== undefined) return { kind: "invalid", message: `${JSON.stringify(timeZone)}: ${problem}` };
  return readSchedule(schedule, timeZone);
}
