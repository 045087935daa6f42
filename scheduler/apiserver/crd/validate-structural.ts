/**
 * Whether a schema is structural: every field has one type, said at its place, and allOf, anyOf, oneOf and not only narrow
 * the values of fields that are there. Everything else (pruning, defaults, tables, apply) rests on that.
 * https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#specifying-a-structural-schema
 */
import { isDeepStrictEqual } from "node:util";
import {
  type FieldError,
  forbiddenValue,
  invalidValue,
  requiredValue,
} from "../../../api/validation/field-error.ts";
import { isObject, type Schema } from "../resource.ts";
import { patternProblem } from "../schema/pattern.ts";

type Level = "root" | "item" | "field";

export function validateStructural(schema: Schema, path: string): readonly FieldError[] {
  const errors = [...checkLevel(schema, "root", path), ...checkCombined(schema, schema, path, path)];
  const textOf = ({ field, message }: FieldError) => `${field}: ${message}`;
  return errors.toSorted((a, b) => (textOf(a) < textOf(b) ? -1 : 1));
}

function checkLevel(schema: Schema, level: Level, path: string): readonly FieldError[] {
  const { items, properties = {}, additionalProperties } = schema;
  const errors: FieldError[] = [];
  if (schema.type === "array" && !items) errors.push(requiredValue(`${path}.items`, "must be specified"));
  if (items) addAll(errors, checkLevel(items, "item", `${path}.items`));
  for (const [name, one] of Object.entries(properties))
    addAll(errors, checkLevel(one, "field", `${path}.properties[${name}]`));
  if (additionalProperties !== undefined && level === "root")
    errors.push(forbiddenValue(`${path}.additionalProperties`, "must not be used at the root"));
  if (isObject(additionalProperties))
    addAll(errors, checkLevel(additionalProperties, "field", `${path}.additionalProperties`));
  addAll(errors, checkExtensions(schema, path));
  addAll(errors, checkNarrowing(schema, isEitherPattern(schema), isEitherInAllOf(schema), path));
  addAll(errors, checkTypes(schema, level, path));
  addAll(errors, checkMetaFields(schema, level, path));
  return errors;
}

/** One by one: there may be more of them than a call takes arguments. */
function addAll(errors: FieldError[], more: readonly FieldError[]): void {
  for (const error of more) errors.push(error);
}

function checkExtensions(schema: Schema, path: string): readonly FieldError[] {
  if (schema["x-kubernetes-int-or-string"] !== true) return [];
  const others = ["x-kubernetes-preserve-unknown-fields", "x-kubernetes-embedded-resource"] as const;
  return others
    .filter((name) => schema[name] === true)
    .map((name) =>
      invalidValue(`${path}.${name}`, true, "must be false if x-kubernetes-int-or-string is true"),
    );
}

const emptyTypes: Readonly<Record<Level, string>> = {
  root: "must not be empty at the root",
  item: "must not be empty for specified array items",
  field: "must not be empty for specified object fields",
};

function checkTypes(schema: Schema, level: Level, path: string): readonly FieldError[] {
  const { type = "" as const, properties = {} } = schema;
  const errors: FieldError[] = [];
  const isEmbedded = schema["x-kubernetes-embedded-resource"] === true;
  const keepsUnknown = schema["x-kubernetes-preserve-unknown-fields"] === true;
  if (isEmbedded && type !== "object") {
    const why = "must be object if x-kubernetes-embedded-resource is true";
    errors.push(type === "" ? requiredValue(`${path}.type`, why) : invalidValue(`${path}.type`, type, why));
  } else if (type === "" && !keepsUnknown && schema["x-kubernetes-int-or-string"] !== true)
    errors.push(requiredValue(`${path}.type`, emptyTypes[level]));
  if (isEmbedded && schema.additionalProperties !== undefined)
    errors.push(
      forbiddenValue(
        `${path}.additionalProperties`,
        "must not be used if x-kubernetes-embedded-resource is set",
      ),
    );
  if (level === "root" && type !== "" && type !== "object")
    errors.push(invalidValue(`${path}.type`, type, "must be object at the root"));
  if (isEmbedded && !keepsUnknown && Object.keys(properties).length === 0)
    errors.push(
      requiredValue(
        `${path}.properties`,
        "must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields",
      ),
    );
  return errors;
}

/** kind, apiVersion and metadata of whole objects are Kubernetes' to define; of metadata only the name may be narrowed. */
function checkMetaFields(schema: Schema, level: Level, path: string): readonly FieldError[] {
  if (level !== "root" && schema["x-kubernetes-embedded-resource"] !== true) return [];
  const { properties = {} } = schema;
  const errors: FieldError[] = [];
  const wanted = { kind: "string", apiVersion: "string", metadata: "object" } as const;
  for (const [name, type] of Object.entries(wanted)) {
    const own = ownOf(properties, name);
    if (own && own.type !== type)
      errors.push(invalidValue(`${path}.properties[${name}].type`, own.type ?? "", `must be ${type}`));
  }
  const metadata = ownOf(properties, "metadata");
  if (level === "root" && metadata && !narrowsNameOnly(metadata))
    errors.push(
      forbiddenValue(
        `${path}.properties[metadata]`,
        "must not specify anything other than name and generateName, but metadata is implicitly specified",
      ),
    );
  return errors;
}

function narrowsNameOnly(metadata: Schema): boolean {
  const { type: _type, default: _default, properties = {}, ...rest } = metadata;
  return (
    Object.keys(rest).length === 0 &&
    Object.keys(properties).every((name) => name === "name" || name === "generateName")
  );
}

const eitherTypes = [{ type: "integer" }, { type: "string" }];

/** The two forms in which int-or-string may say its types again. */
function isEitherPattern({ anyOf }: Schema): boolean {
  return isDeepStrictEqual(anyOf, eitherTypes);
}

function isEitherInAllOf({ allOf }: Schema): boolean {
  return isDeepStrictEqual(allOf?.[0]?.anyOf, eitherTypes);
}

function checkNarrowing(
  schema: Schema,
  skipsAnyOf: boolean,
  skipsFirstAllOf: boolean,
  path: string,
): readonly FieldError[] {
  const { anyOf = [], allOf = [], oneOf = [], not, pattern } = schema;
  const problem = pattern ? patternProblem(pattern) : undefined;
  return [
    ...(skipsAnyOf ? [] : anyOf.flatMap((one, at) => checkNested(one, false, `${path}.anyOf[${at}]`))),
    ...allOf.flatMap((one, at) => checkNested(one, skipsFirstAllOf && at === 0, `${path}.allOf[${at}]`)),
    ...oneOf.flatMap((one, at) => checkNested(one, false, `${path}.oneOf[${at}]`)),
    ...(not ? checkNested(not, false, `${path}.not`) : []),
    ...(problem === undefined
      ? []
      : [
          invalidValue(
            `${path}.pattern`,
            pattern,
            `must be a valid regular expression, but isn't: ${problem}`,
          ),
        ]),
  ];
}

/** What must be said where the field stands, and how its absence is called. */
const structuralKeywords: readonly (readonly [keyword: string, absence: string])[] = [
  ["type", "empty"],
  ["additionalProperties", "undefined"],
  ["default", "undefined"],
  ["title", "empty"],
  ["description", "empty"],
  ["nullable", "false"],
  ["x-kubernetes-preserve-unknown-fields", "false"],
  ["x-kubernetes-embedded-resource", "false"],
  ["x-kubernetes-int-or-string", "false"],
  ["x-kubernetes-list-map-keys", "empty"],
  ["x-kubernetes-list-type", "undefined"],
  ["x-kubernetes-map-type", "undefined"],
  ["x-kubernetes-validations", "empty"],
];

function checkNested(schema: Schema, skipsAnyOf: boolean, path: string): readonly FieldError[] {
  const { items, properties = {} } = schema;
  const said = structuralKeywords.filter(([keyword]) => isSaid(schema[keyword]));
  return [
    ...checkNarrowing(schema, skipsAnyOf, false, path),
    ...(items ? checkNested(items, false, `${path}.items`) : []),
    ...Object.entries(properties).flatMap(([name, one]) =>
      checkNested(one, false, `${path}.properties[${name}]`),
    ),
    ...said.map(([keyword, absence]) =>
      forbiddenValue(`${path}.${keyword}`, `must be ${absence} to be structural`),
    ),
    ...(ownOf(properties, "metadata")
      ? [forbiddenValue(`${path}.properties[metadata]`, "must not be specified in a nested context")]
      : []),
  ];
}

function isSaid(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0;
  return value !== undefined && value !== "" && value !== false;
}

/** What allOf, anyOf, oneOf and not speak of must be in the schema itself. */
function checkCombined(
  narrowing: Schema,
  schema: Schema,
  path: string,
  narrowingPath: string,
): readonly FieldError[] {
  const { not, allOf = [], anyOf = [], oneOf = [] } = narrowing;
  const each = (list: readonly Schema[], name: string) =>
    list.flatMap((one, at) => checkPresence(one, schema, path, `${narrowingPath}.${name}[${at}]`));
  return [
    ...(not ? checkPresence(not, schema, path, `${narrowingPath}.not`) : []),
    ...each(allOf, "allOf"),
    ...each(anyOf, "anyOf"),
    ...each(oneOf, "oneOf"),
  ];
}

function checkPresence(
  narrowing: Schema,
  schema: Schema | undefined,
  path: string,
  narrowingPath: string,
): readonly FieldError[] {
  if (!schema) return [requiredValue(path, `because it is defined in ${narrowingPath}`)];
  const { items, properties = {} } = narrowing;
  return [
    ...checkCombined(narrowing, schema, path, narrowingPath),
    ...(items ? checkPresence(items, schema.items, `${path}.items`, `${narrowingPath}.items`) : []),
    ...Object.entries(properties).flatMap(([name, one]) =>
      checkPresence(
        one,
        ownOf(schema.properties, name),
        `${path}.properties[${name}]`,
        `${narrowingPath}.properties[${name}]`,
      ),
    ),
  ];
}

function ownOf(properties: Schema["properties"], name: string): Schema | undefined {
  return properties && Object.hasOwn(properties, name) ? properties[name] : undefined;
}
