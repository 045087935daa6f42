import type { WasmCronJob, WasmCronJobSpec } from "../gen/kinds.gen.ts";
import { readSchedule } from "../cron-schedule.ts";
import { checkTimeZone } from "../time-zone.ts";
import { type FieldError, invalidValue } from "./field-error.ts";
import { validateAnnotations, validateLabels } from "./metadata.ts";
import { validateJobSpec } from "./job-spec.ts";

/** A job's name is that of its cron job, a hyphen and at most ten digits, and is at most 63 characters long. */
const nameLengthMax = 52;

export function validateWasmCronJob(
  cronJob: WasmCronJob,
  old: WasmCronJob | undefined,
): readonly FieldError[] {
  const { metadata, spec } = cronJob;
  const { labels = {}, annotations = {} } = spec.jobTemplate.metadata ?? {};
  return [
    ...validateName(metadata.name),
    // What was right once may be wrong now, as zones come and go; it must not keep others from changing something else.
    ...(old?.spec.schedule === spec.schedule && old.spec.timeZone === spec.timeZone
      ? []
      : validateTimes(spec)),
    ...validateLabels(labels, "spec.jobTemplate.metadata.labels"),
    ...validateAnnotations(annotations, "spec.jobTemplate.metadata.annotations"),
    ...validateJobSpec(spec.jobTemplate.spec, "spec.jobTemplate.spec"),
  ];
}

function validateName(name: string): readonly FieldError[] {
  if (name.length <= nameLengthMax) return [];
  const why = `must be no more than ${nameLengthMax} characters: the names of its jobs are longer by eleven`;
  return [invalidValue("metadata.name", name, why)];
}

function validateTimes({ schedule, timeZone }: WasmCronJobSpec): readonly FieldError[] {
  const zoneProblem = timeZone === undefined ? undefined : checkTimeZone(timeZone);
  const reading = readSchedule(schedule);
  return [
    ...(zoneProblem === undefined ? [] : [invalidValue("spec.timeZone", timeZone, zoneProblem)]),
    ...(reading.kind === "ok" ? [] : [invalidValue("spec.schedule", schedule, reading.message)]),
  ];
}
