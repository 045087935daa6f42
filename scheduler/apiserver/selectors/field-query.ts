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

/** Everything that the query says of one field. */
interface FieldDemand {
  readonly path: readonly string[];
  /** undefined: any. */
  only: string | undefined;
  readonly not: Set<string>;
}

const alwaysSelectable = ["metadata.name", "metadata.namespace"];

/** A `fieldSelector` parameter. Throws BadRequest for fields that the kind cannot be selected by. */
export function parseFieldQuery(query: string, resource: ResourceDefinition): FieldQuery | undefined {
  if (query.trim() === "") return undefined;
  const selectable = new Set([...alwaysSelectable, ...resource.selectableFields]);
  const terms = splitTerms(query).map((text) => parseTerm(text, selectable));
  const exact = (field: string) => terms.find((term) => term.equal && term.field === field)?.value;
  return { matches: matcherOf(terms), name: exact("metadata.name"), namespace: exact("metadata.namespace") };
}

/** What it costs to match an object grows with the fields that the query names, not with how often it names them. */
function matcherOf(terms: readonly Term[]): FieldQuery["matches"] {
  const demands = new Map<string, FieldDemand>();
  for (const { field, value, equal } of terms) {
    const demand = demands.get(field) ?? { path: field.split("."), only: undefined, not: new Set() };
    demands.set(field, demand);
    if (!equal) demand.not.add(value);
    // A field can't have two values.
    else if (demand.only !== undefined && demand.only !== value) return () => false;
    else demand.only = value;
  }
  const all = [...demands.values()];
  return (object) =>
    all.every(({ path, only, not }) => {
      const text = fieldText(object, path);
      return (only === undefined || text === only) && !not.has(text);
    });
}

/** At commas that no backslash precedes. */
function splitTerms(query: string): readonly string[] {
  return query.split(/(?<!\\),/).filter((term) => term.trim() !== "");
}

function parseTerm(text: string, selectable: ReadonlySet<string>): Term {
  const match = /^(?<field>[^=!]+)(?<operator>==|=|!=)(?<value>.*)$/s.exec(text.trim())?.groups;
  if (!match)
    throw badRequest(`invalid field selector ${JSON.stringify(text)}: expected field=value or field!=value`);
  const field = (match["field"] ?? "").trim();
  if (!selectable.has(field)) throw badRequest(`field label not supported: ${field}`);
  const value = (match["value"] ?? "").replaceAll(/\\([\\,=])/g, "$1");
  return { field, value, equal: match["operator"] !== "!=" };
}

function fieldText(object: ApiObject, path: readonly string[]): string {
  let value: unknown = object;
  for (const part of path) value = isObject(value) && Object.hasOwn(value, part) ? value[part] : undefined;
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean"
    ? String(value)
    : "";
}
