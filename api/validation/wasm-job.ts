import { isDeepStrictEqual } from "node:util";
import type { WasmJob } from "../gen/kinds.gen.ts";
import { type FieldError, invalidValue, unsupportedValue } from "./field-error.ts";
import { validateInstanceTemplate } from "./instance-template.ts";

export function validateWasmJob({ spec }: WasmJob, old: WasmJob | undefined): readonly FieldError[] {
  const { restartPolicy } = spec.template.spec;
  return [
    ...validateInstanceTemplate(spec.template, "spec.template"),
    ...(restartPolicy === "Always"
      ? [unsupportedValue("spec.template.spec.restartPolicy", restartPolicy, ["OnFailure", "Never"])]
      : []),
    ...(old ? validateImmutable(spec, old.spec) : []),
  ];
}

/** Completions are counted per index and template: changing either under a running job would make the count a lie. */
function validateImmutable(spec: WasmJob["spec"], old: WasmJob["spec"]): readonly FieldError[] {
  return (["completions", "template"] as const).flatMap((name) =>
    isDeepStrictEqual(spec[name], old[name])
      ? []
      : [invalidValue(`spec.${name}`, spec[name], "field is immutable; delete the job and create it again")],
  );
}
