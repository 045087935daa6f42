import { isObject, type Schema } from "../resource.ts";

export type FieldPath =
  | { readonly kind: "valid"; readonly names: readonly string[]; readonly schema: Schema }
  | { readonly kind: "invalid"; readonly message: string };

/** Between dots and brackets; a text in single quotes is one token. */
const token = /'(?:[^'\\]|\\.)*'|[.[\]]|[^.[\]']+/gy;

const invalid = (message: string): FieldPath => ({ kind: "invalid", message });

/**
 * The field of a schema that a path such as `.spec.color` or `.metadata['a.b']` names: of selectable fields, which have no
 * brackets, and of the `fieldPath` of rules.
 */
export function resolveFieldPath(path: string, root: Schema, takesBrackets: boolean): FieldPath {
  const tokens = path.match(token) ?? [];
  if (tokens.join("") !== path) return invalid("unexpected character in JSON path");
  const names: string[] = [];
  let schema = root;
  for (let at = 0; at < tokens.length;) {
    let name = tokens[at + 1];
    if (tokens[at] === "[") {
      if (!takesBrackets) return invalid("array notation is not allowed");
      if (name === undefined) return invalid("unexpected end of JSON path");
      if (!name.startsWith("'")) return invalid(`expected single quoted string but got ${name}`);
      name = name.slice(1, -1).replaceAll(/\\(.)/g, "$1");
      const end = tokens[at + 2];
      if (end === undefined) return invalid("unexpected end of JSON path");
      if (end !== "]") return invalid(`expected ] but got ${end}`);
      at += 3;
    } else if (tokens[at] === ".") {
      if (name === undefined) return invalid("unexpected end of JSON path");
      at += 2;
    } else return invalid(`expected [ or . but got: ${tokens[at]}`);
    const next = fieldOf(schema, name);
    if (!next) return invalid("does not refer to a valid field");
    names.push(name);
    schema = next;
  }
  return { kind: "valid", names, schema };
}

function fieldOf({ properties, additionalProperties }: Schema, name: string): Schema | undefined {
  if (properties) return Object.hasOwn(properties, name) ? properties[name] : undefined;
  return isObject(additionalProperties) ? additionalProperties : undefined;
}
