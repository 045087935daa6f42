/** From structural schemas to TypeScript. A property with a default is always there: objects are defaulted at the edge. */
export interface Schema {
  readonly type?: string;
  readonly typeName?: string;
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema;
  readonly items?: Schema;
  readonly required?: readonly string[];
  readonly enum?: readonly string[];
  readonly default?: unknown;
  readonly "x-kubernetes-int-or-string"?: boolean;
}

export function namedInterface(name: string, schema: Schema): string {
  const doc = comment(schema.description, "");
  return schema.properties
    ? `${doc}export interface ${name} ${objectType(schema, "")}`
    : `${doc}export type ${name} = ${typeOf(schema, "")};`;
}

export function kindInterface(
  kind: string,
  apiVersion: string,
  description: string,
  source: { readonly properties: Readonly<Record<string, Schema>>; readonly required?: readonly string[] },
): string {
  const { spec, status } = source.properties;
  const parts = [
    // A spec that is a named type of its own (a job's, which cron jobs have too) has been written with the others.
    spec && spec.typeName === undefined ? `export interface ${kind}Spec ${objectType(spec, "")}` : "",
    status ? `export interface ${kind}Status ${objectType(status, "")}` : "",
    `${comment(description, "")}export interface ${kind} {\n` +
      `  readonly apiVersion: "${apiVersion}";\n  readonly kind: "${kind}";\n  readonly metadata: ObjectMeta;\n` +
      `  readonly spec: ${kind}Spec;\n  readonly status?: ${kind}Status;\n}`,
  ];
  return parts.filter(Boolean).join("\n\n");
}

function comment(text: string | undefined, indent: string): string {
  return text ? `${indent}/** ${text.trim().replaceAll("*/", "*\\/")} */\n` : "";
}

function objectType(schema: Schema, indent: string): string {
  const inner = `${indent}  `;
  const lines = Object.entries(schema.properties ?? {}).map(([name, property]) => {
    const present = schema.required?.includes(name) === true || property.default !== undefined;
    return `${comment(property.description, inner)}${inner}readonly ${name}${present ? "" : "?"}: ${typeOf(property, inner)};`;
  });
  return `{\n${lines.join("\n")}\n${indent}}`;
}

function typeOf(schema: Schema, indent: string): string {
  if (schema.typeName) return schema.typeName;
  if (schema["x-kubernetes-int-or-string"]) return "number | string";
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  switch (schema.type) {
    case "object":
      if (schema.properties) return objectType(schema, indent);
      if (schema.additionalProperties) {
        return `Readonly<Record<string, ${typeOf(schema.additionalProperties, indent)}>>`;
      }
      return "Readonly<Record<string, never>>";
    case "array":
      return `readonly ${parenthesized(schema.items ? typeOf(schema.items, indent) : "unknown")}[]`;
    case "integer":
    case "number":
      return "number";
    case "string":
      return "string";
    case "boolean":
      return "boolean";
    default:
      throw new Error(`no TypeScript type for schema ${JSON.stringify(schema)}`);
  }
}

function parenthesized(type: string): string {
  return /^\w+$/.test(type) ? type : `(${type})`;
}
