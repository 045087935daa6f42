import { type FieldError, invalidValue } from "../../../api/validation/field-error.ts";
import type { Schema } from "../resource.ts";
import { checkValue } from "../schema/check-value.ts";
import { checkEmbeddedResources } from "../schema/embedded-resource.ts";
import { unknownFieldsOf } from "../schema/structural.ts";

/** Defaults must be valid themselves, and have no field that would be dropped. Those in maps are refused elsewhere. */
export function validateDefaults(schema: Schema, path: string): readonly FieldError[] {
  const { items, properties = {} } = schema;
  return [
    ...(schema.default === undefined ? [] : checkDefault(schema, `${path}.default`)),
    ...(items ? validateDefaults(items, `${path}.items`) : []),
    ...Object.entries(properties).flatMap(([name, one]) =>
      validateDefaults(one, `${path}.properties[${name}]`),
    ),
  ];
}

function checkDefault(schema: Schema, path: string): readonly FieldError[] {
  const { default: value } = schema;
  const isPruned = unknownFieldsOf(value, schema).length === 0;
  const embedded = checkEmbeddedResources(value, schema, path);
  // Field paths begin at the default.
  const shaped = checkValue(value, schema, "").map((error) => ({
    ...error,
    field: error.field === "<nil>" ? path : `${path}.${error.field}`.replace(".[", "["),
  }));
  return [
    ...(isPruned ? [] : [invalidValue(path, value, "must not have unknown fields")]),
    ...(embedded.length > 0 ? embedded : shaped),
  ];
}
