import { isDeepStrictEqual } from "node:util";
import type { InstanceTemplate, WasmJob, WasmJobSpec } from "../gen/kinds.gen.ts";
import { type FieldError, invalidValue } from "./field-error.ts";
import { validateJobSpec } from "./job-spec.ts";

export function validateWasmJob({ spec }: WasmJob, old: WasmJob | undefined): readonly FieldError[] {
  return [...validateJobSpec(spec, "spec"), ...(old ? validateChange(spec, old) : [])];
}

/** Completions are counted per index, template and policy: changing these under a running job would make the count a lie. */
function validateChange(spec: WasmJobSpec, old: WasmJob): readonly FieldError[] {
  const immutable = (["backoffLimitPerIndex", "failurePolicy", "successPolicy"] as const).flatMap((name) =>
    isDeepStrictEqual(spec[name], old.spec[name])
      ? []
      : [invalidValue(`spec.${name}`, spec[name], "field is immutable; delete the job and create it again")],
  );
  return [
    ...validateCompletions(spec, old.spec),
    ...validateTemplateChange(spec.template, old),
    ...immutable,
  ];
}

function validateCompletions(spec: WasmJobSpec, old: WasmJobSpec): readonly FieldError[] {
  const { completions, parallelism } = spec;
  if (completions === old.completions) return [];
  if (completions === undefined || old.completions === undefined)
    return [
      invalidValue(
        "spec.completions",
        completions,
        "cannot be added or taken away: a queue of work counts otherwise; delete the job and create it again",
      ),
    ];
  if (completions === parallelism) return [];
  return [
    invalidValue(
      "spec.completions",
      completions,
      `can only be modified in tandem with spec.parallelism, which is ${parallelism}; set both to the same number, or delete the ` +
        "job and create it again",
    ),
  ];
}

/** What decides only where instances run, and how they are labelled. */
const directives = [
  "nodeSelector",
  "affinity",
  "tolerations",
  "topologySpreadConstraints",
  "placementProfile",
  "priorityClassName",
  "resources",
] as const satisfies readonly (keyof InstanceTemplate["spec"])[];

function validateTemplateChange(template: InstanceTemplate, old: WasmJob): readonly FieldError[] {
  if (isDeepStrictEqual(template, old.spec.template)) return [];
  const isDirectiveOnly = isDeepStrictEqual(
    withoutDirectives(template),
    withoutDirectives(old.spec.template),
  );
  const kept = directives.map((name) => `spec.${name}`).join(", ");
  if (!isDirectiveOnly)
    return [
      invalidValue(
        "spec.template",
        template,
        "field is immutable; delete the job and create it again. Only metadata.labels, metadata.annotations, " +
          `${kept} can be changed, while the job is suspended`,
      ),
    ];
  if (isAtRest(old)) return [];
  return [
    invalidValue(
      "spec.template",
      template,
      "can only be changed while the job is suspended and has no instances: set spec.suspend to true, wait for condition " +
        "Suspended and for status.active and status.terminating to be 0, then change it",
    ),
  ];
}

/** No instance of the template as it was can be there any more. */
function isAtRest({ spec, status = {} }: WasmJob): boolean {
  const { startTime, active = 0, terminating = 0 } = status;
  return spec.suspend && startTime === undefined && active + terminating === 0;
}

function withoutDirectives({ spec }: InstanceTemplate): Readonly<Record<string, unknown>> {
  const names: readonly string[] = directives;
  return Object.fromEntries(Object.entries(spec).filter(([name]) => !names.includes(name)));
}
