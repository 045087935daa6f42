import { type FieldError, invalidValue, requiredValue } from "../../../api/validation/field-error.ts";
import { validateAnnotations, validateLabels } from "../../../api/validation/metadata.ts";
import { isObject, type JsonObject, type Schema } from "../resource.ts";

/** Whole objects inside of an object (x-kubernetes-embedded-resource): they must say what they are. */
export function checkEmbeddedResources(value: unknown, schema: Schema, path: string): readonly FieldError[] {
  if (Array.isArray(value)) {
    const { items } = schema;
    if (!items || !mayEmbed(items)) return [];
    return value.flatMap((one, at) => checkEmbeddedResources(one, items, `${path}[${at}]`));
  }
  if (!isObject(value) || !mayEmbed(schema)) return [];
  const own = schema["x-kubernetes-embedded-resource"] === true ? checkResource(value, path) : [];
  const { properties = {}, additionalProperties } = schema;
  const nested = Object.entries(value).flatMap(([name, field]) => {
    if (Object.hasOwn(properties, name) && properties[name])
      return checkEmbeddedResources(field, properties[name], path === "" ? name : `${path}.${name}`);
    if (isObject(additionalProperties))
      return checkEmbeddedResources(field, additionalProperties, `${path}[${name}]`);
    return [];
  });
  return [...own, ...nested];
}

const embedding = new WeakMap<Schema, boolean>();

/** Whether there is any in the schema: there are none in nearly all, and then nothing is walked. */
function mayEmbed(schema: Schema): boolean {
  const known = embedding.get(schema);
  if (known !== undefined) return known;
  // For a schema that holds itself.
  embedding.set(schema, false);
  const { properties = {}, additionalProperties, items } = schema;
  const parts = [...Object.values(properties), items, isObject(additionalProperties) && additionalProperties];
  const found =
    schema["x-kubernetes-embedded-resource"] === true ||
    parts.some((one) => one !== undefined && one !== false && mayEmbed(one));
  embedding.set(schema, found);
  return found;
}

function checkResource(value: JsonObject, path: string): readonly FieldError[] {
  const { apiVersion, kind, metadata } = value;
  return [
    ...checkName(apiVersion, `${path}.apiVersion`, versionProblem),
    ...checkName(kind, `${path}.kind`, kindProblem),
    ...(metadata === undefined ? [] : checkMetadata(metadata, `${path}.metadata`)),
  ];
}

function checkName(
  value: unknown,
  field: string,
  problemOf: (text: string) => string | undefined,
): readonly FieldError[] {
  if (value === undefined) return [requiredValue(field)];
  if (typeof value !== "string") return [invalidValue(field, value, "must be a string")];
  const problem = value === "" ? "must not be empty" : problemOf(value);
  return problem === undefined ? [] : [invalidValue(field, value, problem)];
}

function versionProblem(text: string): string | undefined {
  return text.split("/").length > 2 ? `unexpected GroupVersion string: ${text}` : undefined;
}

function kindProblem(text: string): string | undefined {
  if (text.length <= 63 && /^[a-z](?:[-a-z0-9]*[a-z0-9])?$/.test(text.toLowerCase())) return undefined;
  return "may have mixed case, but should otherwise match: a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
}

function checkMetadata(metadata: unknown, path: string): readonly FieldError[] {
  if (!isObject(metadata)) return [invalidValue(path, metadata, "must be an object")];
  const texts = (name: string) => {
    const value = metadata[name];
    return isObject(value) && Object.values(value).every((one) => typeof one === "string")
      ? // Looked at in the line above.
        (value as Record<string, string>)
      : {};
  };
  return [
    ...validateLabels(texts("labels"), `${path}.labels`),
    ...validateAnnotations(texts("annotations"), `${path}.annotations`),
  ];
}
