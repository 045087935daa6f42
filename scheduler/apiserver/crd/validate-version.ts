/** What belongs to a version: columns, subresources, selectable fields, and the schema as a whole. */
import {
  duplicateValue,
  type FieldError,
  forbiddenValue,
  invalidValue,
  requiredValue,
  tooMany,
} from "../../../api/validation/field-error.ts";
import type { Schema } from "../resource.ts";
import { compileJsonPath } from "../../../kit/json-path.ts";
import type { CrdColumn, Subresources } from "./crd.ts";
import { resolveFieldPath } from "./schema-path.ts";
import { validateDefaults } from "./validate-defaults.ts";
import { isConvertible, subschemasOf, validateKeywords } from "./validate-schema.ts";
import { validateStructural } from "./validate-structural.ts";

/** Compiles the CEL rules of a whole schema, which is valid otherwise, and says what is wrong with them. */
export type CheckRules = (schema: Schema, path: string) => readonly FieldError[];

const selectableFieldsMax = 8;
/** The largest CustomResourceDefinitions in use have some ten thousand. */
const schemasMax = 50_000;

export function validateSchema(
  schema: Schema,
  options: { readonly hasStatus: boolean; readonly checkRules: CheckRules },
  path: string,
): readonly FieldError[] {
  if (countSchemas(schema) > schemasMax)
    return [invalidValue(path, "", `must not have more than ${schemasMax} schemas in it`)];
  const convertible = isConvertible(schema);
  const structural = convertible ? validateStructural(schema, path) : [];
  const defaults = convertible && structural.length === 0 ? validateDefaults(schema, path) : [];
  const errors = [
    ...(options.hasStatus ? checkRoot(schema, path) : []),
    ...(schema.nullable === true
      ? [forbiddenValue(`${path}.nullable`, "nullable cannot be true at the root")]
      : []),
    ...structural,
    ...defaults,
    ...validateKeywords(schema, path),
  ];
  return errors.length > 0 ? errors : options.checkRules(schema, path);
}

function countSchemas(schema: Schema): number {
  return subschemasOf(schema).reduce((count, one) => count + countSchemas(one), 1);
}

/** The keywords by which status, taken out of the schema, loses nothing; with Go's names of the fields. */
const rootKeywords: Readonly<Record<string, string>> = {
  description: "Description",
  type: "Type",
  format: "Format",
  title: "Title",
  maximum: "Maximum",
  exclusiveMaximum: "ExclusiveMaximum",
  minimum: "Minimum",
  exclusiveMinimum: "ExclusiveMinimum",
  maxLength: "MaxLength",
  minLength: "MinLength",
  pattern: "Pattern",
  maxItems: "MaxItems",
  minItems: "MinItems",
  uniqueItems: "UniqueItems",
  multipleOf: "MultipleOf",
  required: "Required",
  items: "Items",
  properties: "Properties",
  externalDocs: "ExternalDocs",
  example: "Example",
  "x-kubernetes-preserve-unknown-fields": "XPreserveUnknownFields",
  "x-kubernetes-validations": "XValidations",
};

function checkRoot(schema: Schema, path: string): readonly FieldError[] {
  if (schema.type !== undefined && schema.type !== "object")
    return [
      invalidValue(
        `${path}.type`,
        schema.type,
        'only "object" is allowed as the type at the root of the schema if the status subresource is enabled',
      ),
    ];
  const isOther = Object.entries(schema).some(
    ([keyword, value]) => value !== false && !Object.hasOwn(rootKeywords, keyword),
  );
  if (!isOther) return [];
  const allowed = Object.values(rootKeywords).join(" ");
  return [
    invalidValue(
      path,
      schema,
      `only [${allowed}] fields are allowed at the root of the schema if the status subresource is enabled`,
    ),
  ];
}

export function validateSubresources({ scale }: Subresources, path: string): readonly FieldError[] {
  if (!scale) return [];
  const { specReplicasPath, statusReplicasPath, labelSelectorPath } = scale;
  return [
    ...checkScalePath(specReplicasPath, `${path}.scale.specReplicasPath`, [".spec."], "under .spec"),
    ...checkScalePath(statusReplicasPath, `${path}.scale.statusReplicasPath`, [".status."], "under .status"),
    ...(labelSelectorPath
      ? checkScalePath(
          labelSelectorPath,
          `${path}.scale.labelSelectorPath`,
          [".spec.", ".status."],
          "under either .spec or .status",
        )
      : []),
  ];
}

function checkScalePath(
  text: string | undefined,
  field: string,
  prefixes: readonly string[],
  where: string,
): readonly FieldError[] {
  if (!text) return [requiredValue(field)];
  if (!text.startsWith(".")) return [invalidValue(field, text, notSimple)];
  if (!isCompilable(text)) return [invalidValue(field, text, "must be a json path in the dot notation")];
  if (prefixes.some((prefix) => text.startsWith(prefix))) return [];
  return [invalidValue(field, text, `should be a json path ${where}`)];
}

const notSimple = "must be a simple json path starting with .";

function isCompilable(path: string): boolean {
  try {
    compileJsonPath(path);
    return true;
  } catch {
    return false;
  }
}

const columnTypes = ["boolean", "date", "integer", "number", "string"];
const columnFormats = ["byte", "date", "date-time", "double", "float", "int32", "int64", "password"];

export function validateColumn(column: CrdColumn, path: string): readonly FieldError[] {
  const { name, type, format, jsonPath } = column;
  const errors: FieldError[] = [];
  const typeAdvice = `must be one of ${columnTypes.join(",")}`;
  if (!name) errors.push(requiredValue(`${path}.name`));
  if (!type) errors.push(requiredValue(`${path}.type`, typeAdvice));
  else if (!columnTypes.includes(type)) errors.push(invalidValue(`${path}.type`, type, typeAdvice));
  if (format && !columnFormats.includes(format))
    errors.push(invalidValue(`${path}.format`, format, `must be one of ${columnFormats.join(",")}`));
  if (!jsonPath) errors.push(requiredValue(`${path}.JSONPath`));
  // Kubernetes looks at no more than this; a path that can't be followed makes an empty column.
  else if (!jsonPath.startsWith(".")) errors.push(invalidValue(`${path}.JSONPath`, jsonPath, notSimple));
  return errors;
}

export function validateSelectableFields(
  fields: readonly { readonly jsonPath: string }[],
  schema: Schema | undefined,
  path: string,
): readonly FieldError[] {
  if (fields.length === 0) return [];
  if (!schema) return [invalidValue(path, "", "may only be set when validations.schema is included")];
  const seen = new Set<string>();
  const errors = fields.flatMap(({ jsonPath }, at) => {
    const place = `${path}[${at}].jsonPath`;
    if (!jsonPath) return [requiredValue(place)];
    const found = resolveFieldPath(jsonPath, schema, false);
    if (found.kind === "invalid")
      return [invalidValue(place, jsonPath, `is an invalid path: ${found.message}`)];
    const key = JSON.stringify(found.names);
    const isRepeated = seen.has(key);
    seen.add(key);
    return [
      ...(found.names[0] === "metadata"
        ? [invalidValue(place, jsonPath, "must not point to fields in metadata")]
        : []),
      ...(["string", "boolean", "integer"].includes(found.schema.type ?? "")
        ? []
        : [
            invalidValue(
              place,
              jsonPath,
              "must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.",
            ),
          ]),
      ...(isRepeated ? [duplicateValue(place, jsonPath)] : []),
    ];
  });
  return seen.size > selectableFieldsMax
    ? [...errors, tooMany(path, seen.size, selectableFieldsMax)]
    : errors;
}
