import type { ApiObject } from "../../../api/object-meta.ts";
import { isObject, type ResourceDefinition } from "../resource.ts";
import { badRequest } from "../status.ts";

interface Term {
  readonly field: string;
  readonly value: string;
  readonly equal: boolean;
}

export interface FieldQuery {
  readonly matches: (object: ApiObject) => boolean;
  /** The only name that can match, when the query says so: then one lookup does. */
  readonly name: string | undefined;
  readonly namespace: string | undefined;
}

const alwaysSelectable = ["metadata.name", "metadata.namespace"];

/** A `fieldSelector` parameter. Throws BadRequest for fields that the kind cannot be selected by. */
export function parseFieldQuery(query: string, resource: ResourceDefinition): FieldQuery | undefined {
  if (query.trim() === "") return undefined;
  const terms = splitTerms(query).map((text) => parseTerm(text, resource));
  const exact = (field: string) => terms.find((term) => term.equal && term.field === field)?.value;
  return {
    matches: (object) => terms.every((term) => (fieldText(object, term.field) === term.value) === term.equal),
    name: exact("metadata.name"),
    namespace: exact("metadata.namespace"),
  };
}

/** At commas that no backslash precedes. */
function splitTerms(query: string): readonly string[] {
  return query.split(/(?<!\\),/).filter((term) => term.trim() !== "");
}

function parseTerm(text: string, resource: ResourceDefinition): Term {
  const match = /^(?<field>[^=!]+)(?<operator>==|=|!=)(?<value>.*)$/s.exec(text.trim())?.groups;
  if (!match)
    throw badRequest(`invalid field selector ${JSON.stringify(text)}: expected field=value or field!=value`);
  const field = (match["field"] ?? "").trim();
  if (![...alwaysSelectable, ...resource.selectableFields].includes(field))
    throw badRequest(`field label not supported: ${field}`);
  const value = (match["value"] ?? "").replaceAll(/\\([\\,=])/g, "$1");
  return { field, value, equal: match["operator"] !== "!=" };
}

function fieldText(object: ApiObject, field: string): string {
  let value: unknown = object;
  for (const part of field.split(".")) value = isObject(value) ? value[part] : undefined;
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean"
    ? String(value)
    : "";
}
