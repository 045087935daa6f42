import type { Schema } from "../resource.ts";

export type FieldPath =
  | { readonly kind: "ok"; readonly path: string }
  | { readonly kind: "invalid"; readonly problem: string };

const token = /\.|\[|\]|'(?:[^'\\]|\\.)*'|[^.[\]]+/gs;

/** Reads a rule's `fieldPath`, `.spec.x` or `.spec['a.b'].c`, which must name a field of the schema. */
export function readFieldPath(text: string, root: Schema): FieldPath {
  const tokens = text.match(token) ?? [];
  const invalid = (problem: string): FieldPath => ({ kind: "invalid", problem });
  let schema = root;
  let path = "";
  for (let at = 0; at < tokens.length;) {
    const opening = tokens[at++];
    if (opening !== "." && opening !== "[") return invalid(`expected [ or . but got: ${opening}`);
    const name = tokens[at++];
    if (name === undefined) return invalid("unexpected end of JSON path");
    const isQuoted = /^'.*'$/s.test(name) && name.length > 1;
    if (opening === "[" && !isQuoted) return invalid(`expected single quoted string but got ${name}`);
    const property = opening === "[" ? unescape(name.slice(1, -1)) : name;
    const next = step(schema, property);
    if (!next) return invalid("does not refer to a valid field");
    schema = next.schema;
    path += next.isKey ? `[${property}]` : path === "" ? property : `.${property}`;
    if (opening === "[" && tokens[at++] !== "]") return invalid("expected ] at the end of the JSON path");
  }
  return { kind: "ok", path };
}

function step(
  schema: Schema,
  name: string,
): { readonly schema: Schema; readonly isKey: boolean } | undefined {
  const { properties, additionalProperties } = schema;
  if (properties) {
    const own = Object.hasOwn(properties, name) ? properties[name] : undefined;
    return own && { schema: own, isKey: false };
  }
  return typeof additionalProperties === "object" ? { schema: additionalProperties, isKey: true } : undefined;
}

function unescape(text: string): string {
  return text.replace(/\\(.)/gs, "$1");
}
