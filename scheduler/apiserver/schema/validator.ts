import type { FieldError } from "../../../api/validation/field-error.ts";
import type { JsonObject, Schema } from "../resource.ts";
import { checkValue, errorsMax } from "./check-value.ts";
import { checkEmbeddedResources } from "./embedded-resource.ts";
import { patternAdvice } from "./pattern-advice.ts";
import { findListDuplicates } from "./structural.ts";

export type Validate = (object: JsonObject) => readonly FieldError[];

export interface SchemaOptions {
  /** Patterns of our own kinds are explained instead of quoted. */
  readonly advises: boolean;
  /** Lists that are sets or maps hold nothing twice: of custom kinds only, as in Kubernetes. */
  readonly checksListTypes: boolean;
}

/** The check of objects of one schema, with errors in Kubernetes' own words. */
export function compileSchema(schema: Schema, options: SchemaOptions): Validate {
  return (object) => {
    const errors = checkValue(object, schema, "");
    const said = options.advises ? errors.map(patternAdvice) : errors;
    // Only of what the schema has accepted: the rest may have any shape.
    const further =
      errors.length > 0 || !options.checksListTypes ? [] : findListDuplicates(object, schema, "");
    return [...said, ...checkEmbeddedResources(object, schema, ""), ...further].slice(0, errorsMax);
  };
}

const blockingReasons: ReadonlySet<string> = new Set([
  "FieldValueNotSupported",
  "FieldValueRequired",
  "FieldValueTooLong",
  "FieldValueTooMany",
  "FieldValueTypeInvalid",
]);

/** The CEL rules of an object of the wrong shape are not run; this is what is said instead. undefined: they may run. */
export function rulesBlockedBy(errors: readonly FieldError[]): FieldError | undefined {
  if (!errors.some(({ reason }) => blockingReasons.has(reason))) return undefined;
  return {
    reason: "FieldValueInvalid",
    field: "<nil>",
    message:
      "Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing errors to complete validation",
  };
}
