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
