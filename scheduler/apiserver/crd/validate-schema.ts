/**
 * What Kubernetes asks of each schema in a CustomResourceDefinition beside being structural: no keyword that it does not
 * serve, list types with what they need, rules that say something.
 */
import {
  type FieldError,
  forbiddenValue,
  invalidValue,
  requiredValue,
  unsupportedValue,
} from "../../../api/validation/field-error.ts";
import { isObject, type Schema } from "../resource.ts";
import { validateListType } from "./validate-list-type.ts";
import { resolveFieldPath } from "./schema-path.ts";

interface Place {
  /** undefined: defaults are allowed. */
  readonly noDefaults: string | undefined;
  /** In apiVersion, kind or metadata of the object or of an embedded one. */
  readonly insideMeta: boolean;
}

export function validateKeywords(schema: Schema, path: string): readonly FieldError[] {
  return checkSchema(schema, path, { noDefaults: undefined, insideMeta: false }, true);
}

const types = ["array", "boolean", "integer", "number", "object", "string"];

function checkSchema(schema: Schema, path: string, place: Place, isRoot: boolean): readonly FieldError[] {
  const { not, allOf = [], anyOf = [], oneOf = [], items } = schema;
  const each = (list: readonly Schema[], name: string) =>
    list.flatMap((one, at) => checkSchema(one, `${path}.${name}[${at}]`, place, false));
  return [
    ...checkForbidden(schema, path, place),
    ...checkAdditional(schema, path, place),
    ...checkProperties(schema, path, place, isRoot),
    ...(not ? checkSchema(not, `${path}.not`, place, false) : []),
    ...each(allOf, "allOf"),
    ...each(oneOf, "oneOf"),
    ...each(anyOf, "anyOf"),
    ...(isObject(items) ? checkSchema(items, `${path}.items`, place, false) : []),
    ...checkMapType(schema, path),
    ...validateListType(schema, path),
    ...checkRuleTexts(schema, path),
  ];
}

const unsupportedKeywords = [
  "id",
  "additionalItems",
  "patternProperties",
  "definitions",
  "dependencies",
  "$ref",
] as const;

function checkForbidden(schema: Schema, path: string, place: Place): readonly FieldError[] {
  const errors: FieldError[] = [];
  const type: string | undefined = schema.type;
  if (type && !types.includes(type)) errors.push(unsupportedValue(`${path}.type`, type, types));
  if (schema.default !== undefined && place.noDefaults !== undefined)
    errors.push(forbiddenValue(`${path}.default`, `must not be set ${place.noDefaults}`));
  for (const keyword of unsupportedKeywords)
    if (isGiven(schema[keyword]))
      errors.push(forbiddenValue(`${path}.${keyword}`, `${keyword} is not supported`));
  if (type === "null")
    errors.push(forbiddenValue(`${path}.type`, "type cannot be set to null, use nullable as an alternative"));
  const { items, additionalProperties } = schema;
  if (Array.isArray(items))
    errors.push(forbiddenValue(`${path}.items`, "items must be a schema object and not an array"));
  else if (items !== undefined && !isObject(items))
    errors.push(invalidValue(`${path}.items`, items, "must be a schema object"));
  if (!isObject(additionalProperties) && !["undefined", "boolean"].includes(typeof additionalProperties))
    errors.push(
      invalidValue(
        `${path}.additionalProperties`,
        additionalProperties,
        "must be a schema object or a boolean",
      ),
    );
  if (place.insideMeta && schema["x-kubernetes-embedded-resource"] === true)
    errors.push(
      forbiddenValue(`${path}.x-kubernetes-embedded-resource`, "must not be used inside of resource meta"),
    );
  if (schema["uniqueItems"] === true)
    errors.push(
      forbiddenValue(
        `${path}.uniqueItems`,
        "uniqueItems cannot be set to true since the runtime complexity becomes quadratic",
      ),
    );
  if (schema["x-kubernetes-preserve-unknown-fields"] === false)
    errors.push(
      invalidValue(`${path}.x-kubernetes-preserve-unknown-fields`, false, "must be true or undefined"),
    );
  return errors;
}

/** Whether structural rules can be applied at all: the schema has only what Kubernetes' structural schemas can say. */
export function isConvertible(schema: Schema): boolean {
  const { items, additionalProperties } = schema;
  if (unsupportedKeywords.some((keyword) => isGiven(schema[keyword]))) return false;
  if (schema["x-kubernetes-preserve-unknown-fields"] === false) return false;
  if (items !== undefined && !isObject(items)) return false;
  if (!isObject(additionalProperties) && !["undefined", "boolean"].includes(typeof additionalProperties))
    return false;
  return subschemasOf(schema).every(isConvertible);
}

/** The schemas right inside of this one. */
export function subschemasOf(schema: Schema): readonly Schema[] {
  const { items, additionalProperties, not, properties = {} } = schema;
  const { allOf = [], anyOf = [], oneOf = [] } = schema;
  const single = [items, additionalProperties, not].filter((one): one is Schema => isObject(one));
  return [...single, ...Object.values(properties), ...allOf, ...anyOf, ...oneOf];
}

function isGiven(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0;
  if (isObject(value)) return Object.keys(value).length > 0;
  return value !== undefined && value !== "";
}

function checkAdditional(schema: Schema, path: string, place: Place): readonly FieldError[] {
  const { additionalProperties, properties = {} } = schema;
  if (additionalProperties === undefined) return [];
  const inside = place.insideMeta
    ? { ...place, noDefaults: "inside additionalProperties applying to object metadata" }
    : place;
  const isBoth = Object.keys(properties).length > 0 && additionalProperties !== true;
  return [
    ...(isBoth
      ? [
          forbiddenValue(
            `${path}.additionalProperties`,
            "additionalProperties and properties are mutual exclusive",
          ),
        ]
      : []),
    ...(isObject(additionalProperties)
      ? checkSchema(additionalProperties, `${path}.additionalProperties`, inside, false)
      : []),
  ];
}

const metaFields = new Set(["metadata", "kind", "apiVersion"]);

function checkProperties(schema: Schema, path: string, place: Place, isRoot: boolean): readonly FieldError[] {
  const isResource = isRoot || schema["x-kubernetes-embedded-resource"] === true;
  return Object.entries(schema.properties ?? {}).flatMap(([name, one]) => {
    const isMeta = isResource && metaFields.has(name);
    const inside: Place = {
      insideMeta: place.insideMeta || isMeta,
      noDefaults: isMeta && isRoot ? `in top-level ${name}` : place.noDefaults,
    };
    return checkSchema(one, `${path}.properties[${name}]`, inside, false);
  });
}

function checkMapType(schema: Schema, path: string): readonly FieldError[] {
  const mapType = schema["x-kubernetes-map-type"];
  if (mapType === undefined) return [];
  const errors: FieldError[] = [];
  const why = "must be object if x-kubernetes-map-type is specified";
  if (!schema.type) errors.push(requiredValue(`${path}.type`, why));
  else if (schema.type !== "object") errors.push(invalidValue(`${path}.type`, schema.type, why));
  if (mapType !== "atomic" && mapType !== "granular")
    errors.push(unsupportedValue(`${path}.x-kubernetes-map-type`, mapType, ["atomic", "granular"]));
  return errors;
}

const ruleReasons = ["FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired"];

/** The texts around CEL rules; the rules themselves are compiled elsewhere. */
function checkRuleTexts(schema: Schema, path: string): readonly FieldError[] {
  const rules = schema["x-kubernetes-validations"];
  if (!Array.isArray(rules)) return [];
  return rules.filter(isObject).flatMap((rule, at) => {
    const errors: FieldError[] = [];
    const place = `${path}.x-kubernetes-validations[${at}]`;
    const textOf = (name: string) => {
      const value = rule[name];
      return typeof value === "string" ? value : "";
    };
    const message = textOf("message");
    const text = textOf("rule").trim();
    if (text === "") errors.push(requiredValue(`${place}.rule`, "rule is not specified"));
    else if (message !== "" && message.trim() === "")
      errors.push(invalidValue(`${place}.message`, message, "must be non-empty if specified"));
    else if (/[\n\r]/.test(message.trim()))
      errors.push(invalidValue(`${place}.message`, message, "must not contain line breaks"));
    else if (/[\n\r]/.test(text) && message.trim() === "")
      errors.push(
        requiredValue(`${place}.message`, "message must be specified if rule contains line breaks"),
      );
    if (textOf("messageExpression") !== "" && textOf("messageExpression").trim() === "")
      errors.push(
        requiredValue(`${place}.messageExpression`, "messageExpression must be non-empty if specified"),
      );
    const reason = rule["reason"];
    if (reason !== undefined && !ruleReasons.some((one) => one === reason))
      errors.push(unsupportedValue(`${place}.reason`, reason, ruleReasons));
    return [...errors, ...checkRulePath(schema, textOf("fieldPath"), `${place}.fieldPath`)];
  });
}

function checkRulePath(schema: Schema, fieldPath: string, place: string): readonly FieldError[] {
  if (fieldPath === "") return [];
  const errors: FieldError[] = [];
  if (fieldPath.trim() === "") errors.push(invalidValue(place, fieldPath, "must be non-empty if specified"));
  if (/[\n\r]/.test(fieldPath)) errors.push(invalidValue(place, fieldPath, "must not contain line breaks"));
  if (resolveFieldPath(fieldPath, schema, true).kind === "invalid")
    errors.push(invalidValue(place, fieldPath, "must be a valid path"));
  return errors;
}
