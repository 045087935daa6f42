import type { InstanceSpec } from "../gen/kinds.gen.ts";
import { type FieldError, forbiddenValue, invalidValue } from "./field-error.ts";

/** Guests count nanoseconds from 1970 in 64 bits, some of them with a sign. */
const startMsMin = 0;
const startMsMax = Date.UTC(2262, 0, 1);

/** What a deterministic run may not have, as it comes from outside and at its own time. */
export function determinismFaults(spec: InstanceSpec, field: string): readonly FieldError[] {
  const { deterministic, listeners = [], network } = spec;
  if (!deterministic) return [];
  const faults: FieldError[] = [];
  const startMs = Date.parse(deterministic.startTime);
  // A date that is none was found by the schema.
  if (startMs < startMsMin || startMs >= startMsMax)
    faults.push(
      invalidValue(
        `${field}.deterministic.startTime`,
        deterministic.startTime,
        "must be from 1970-01-01T00:00:00Z to before 2262-01-01T00:00:00Z",
      ),
    );
  const why = "may not be used with `deterministic`: what comes from outside differs from run to run";
  if (listeners.length > 0) faults.push(forbiddenValue(`${field}.listeners`, why));
  if ((network?.allow ?? []).length > 0) faults.push(forbiddenValue(`${field}.network.allow`, why));
  return faults;
}
