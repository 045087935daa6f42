/**
 * The Swagger 2.0 document as the message openapi.v2.Document of google/gnostic-models, the only form of it that kubectl
 * reads. The tables below say for each message which field of the JSON has which number; what has none is not sent.
 * Extensions and defaults, which may be any JSON, travel as YAML texts, of which JSON is a part.
 */
import protobuf from "protobufjs";
import { isObject, type JsonObject } from "../resource.ts";

type Writer = protobuf.Writer;

type FieldType =
  | { readonly kind: "text" | "flag" | "double" | "integer" | "any" | "texts" | "anys" | "extensions" }
  /** One message, or a list of them. */
  | { readonly kind: "message" | "messages"; readonly write: WriteMessage }
  /** An object: a list of messages with name and value. */
  | { readonly kind: "named"; readonly write: WriteMessage };

type WriteMessage = (value: unknown, writer: Writer) => void;
type Field = readonly [number: number, name: string, type: FieldType];

const text = { kind: "text" } as const;
const flag = { kind: "flag" } as const;
const double = { kind: "double" } as const;
const integer = { kind: "integer" } as const;
const any = { kind: "any" } as const;
const texts = { kind: "texts" } as const;
const anys = { kind: "anys" } as const;
const message = (write: WriteMessage) => ({ kind: "message", write }) as const;
const messages = (write: WriteMessage) => ({ kind: "messages", write }) as const;
/** A message that has nothing but named values. */
const named = (write: WriteMessage) => ({ kind: "named", write }) as const;
/** All that begins with x-, whatever it is called. */
const extensions = (number: number): Field => [number, "", { kind: "extensions" }];

/** One path of the document, as a field of its message Paths. */
export function encodeNamedPath(path: string, value: unknown): Uint8Array {
  const writer = protobuf.Writer.create();
  writeNamed(2, path, value, (one, inner) => writeFields(one, pathFields, inner), writer);
  return writer.finish();
}

/** One definition of the document, as a field of its message Definitions. */
export function encodeNamedSchema(name: string, value: unknown): Uint8Array {
  const writer = protobuf.Writer.create();
  writeNamed(1, name, value, writeSchema, writer);
  return writer.finish();
}

/** The document, with paths and definitions that are encoded already. */
export function encodeFrame(
  frame: JsonObject,
  paths: readonly Uint8Array[],
  definitions: readonly Uint8Array[],
): Buffer {
  const writer = protobuf.Writer.create();
  writeFields(frame, frameFields, writer);
  return Buffer.concat([
    writer.finish(),
    ...lengthened(pathsNumber, paths),
    ...lengthened(definitionsNumber, definitions),
  ]);
}

const pathsNumber = 8;
const definitionsNumber = 9;

/** A message of these pieces. */
function lengthened(number: number, pieces: readonly Uint8Array[]): readonly Uint8Array[] {
  const bytes = pieces.reduce((sum, piece) => sum + piece.length, 0);
  const head = protobuf.Writer.create().uint32(tagOf(number)).uint32(bytes).finish();
  return [head, ...pieces];
}

/** A tag for everything that has a length. */
function tagOf(number: number): number {
  return (number << 3) | 2;
}

function writeFields(value: unknown, fields: readonly Field[], writer: Writer): void {
  if (!isObject(value)) return;
  for (const [number, name, type] of fields) {
    const one = type.kind === "extensions" ? value : Object.hasOwn(value, name) ? value[name] : undefined;
    if (one !== undefined) writeField(number, one, type, writer);
  }
}

function writeField(number: number, value: unknown, type: FieldType, writer: Writer): void {
  switch (type.kind) {
    case "text":
      if (typeof value === "string") writer.uint32(tagOf(number)).string(value);
      return;
    case "flag":
      if (value === true) writer.uint32(number << 3).bool(true);
      return;
    case "double":
      if (typeof value === "number") writer.uint32((number << 3) | 1).double(value);
      return;
    case "integer":
      if (Number.isSafeInteger(value)) writer.uint32(number << 3).int64(Number(value));
      return;
    case "any":
      return writeMessage(number, value, writeAny, writer);
    case "texts":
      for (const one of listOf(value)) writer.uint32(tagOf(number)).string(String(one));
      return;
    case "anys":
      for (const one of listOf(value)) writeMessage(number, one, writeAny, writer);
      return;
    case "extensions":
      for (const [name, one] of Object.entries(isObject(value) ? value : {}))
        if (name.startsWith("x-")) writeNamed(number, name, one, writeAny, writer);
      return;
    case "message":
      return writeMessage(number, value, type.write, writer);
    case "messages":
      for (const one of listOf(value)) writeMessage(number, one, type.write, writer);
      return;
    case "named":
      return writeMessage(
        number,
        value,
        (all, inner) => {
          for (const [name, one] of Object.entries(isObject(all) ? all : {}))
            writeNamed(1, name, one, type.write, inner);
        },
        writer,
      );
    default:
      return type satisfies never;
  }
}

function writeMessage(number: number, value: unknown, write: WriteMessage, writer: Writer): void {
  writer.uint32(tagOf(number)).fork();
  write(value, writer);
  writer.ldelim();
}

function writeNamed(number: number, name: string, value: unknown, write: WriteMessage, writer: Writer): void {
  writer.uint32(tagOf(number)).fork();
  writer.uint32(tagOf(1)).string(name);
  writeMessage(2, value, write, writer);
  writer.ldelim();
}

function writeAny(value: unknown, writer: Writer): void {
  writer.uint32(tagOf(2)).string(`${JSON.stringify(value)}\n`);
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [value];
}

const writeSchema: WriteMessage = (value, writer) => writeFields(value, schemaFields, writer);

/** A schema, or true or false. */
const writeSchemaOrBool: WriteMessage = (value, writer) => {
  if (isObject(value)) writeMessage(1, value, writeSchema, writer);
  else writer.uint32(2 << 3).bool(value === true);
};

/** In a message of its own that has nothing else. */
const wrapped =
  (number: number, write: WriteMessage): WriteMessage =>
  (value, writer) =>
    writeMessage(number, value, write, writer);

const writeTypes: WriteMessage = (value, writer) => writeField(1, value, texts, writer);

const schemaFields: readonly Field[] = [
  [1, "$ref", text],
  [2, "format", text],
  [3, "title", text],
  [4, "description", text],
  [5, "default", any],
  [6, "multipleOf", double],
  [7, "maximum", double],
  [8, "exclusiveMaximum", flag],
  [9, "minimum", double],
  [10, "exclusiveMinimum", flag],
  [11, "maxLength", integer],
  [12, "minLength", integer],
  [13, "pattern", text],
  [14, "maxItems", integer],
  [15, "minItems", integer],
  [16, "uniqueItems", flag],
  [17, "maxProperties", integer],
  [18, "minProperties", integer],
  [19, "required", texts],
  [20, "enum", anys],
  [21, "additionalProperties", message(writeSchemaOrBool)],
  [22, "type", message(writeTypes)],
  [23, "items", message(wrapped(1, writeSchema))],
  [25, "properties", named(writeSchema)],
  [30, "example", any],
  extensions(31),
];

const bodyParameterFields: readonly Field[] = [
  [1, "description", text],
  [2, "name", text],
  [3, "in", text],
  [4, "required", flag],
  [5, "schema", message(writeSchema)],
];

const queryParameterFields: readonly Field[] = [
  [1, "required", flag],
  [2, "in", text],
  [3, "description", text],
  [4, "name", text],
  [6, "type", text],
  [7, "format", text],
  [20, "uniqueItems", flag],
];

const pathParameterFields: readonly Field[] = [
  [1, "required", flag],
  [2, "in", text],
  [3, "description", text],
  [4, "name", text],
  [5, "type", text],
  [6, "format", text],
  [19, "uniqueItems", flag],
];

/** ParametersItem, Parameter, and then one of three sorts. */
const writeParameter: WriteMessage = wrapped(1, (value, writer) => {
  const place = isObject(value) ? value["in"] : undefined;
  if (place === "body")
    return writeMessage(1, value, (one, inner) => writeFields(one, bodyParameterFields, inner), writer);
  const [number, fields] = place === "path" ? [4, pathParameterFields] : [3, queryParameterFields];
  const write = wrapped(number, (one, inner) => writeFields(one, fields, inner));
  return writeMessage(2, value, write, writer);
});

const responseFields: readonly Field[] = [
  [1, "description", text],
  [2, "schema", message(wrapped(1, writeSchema))],
];

const writeResponse: WriteMessage = wrapped(1, (value, writer) => writeFields(value, responseFields, writer));

const operationFields: readonly Field[] = [
  [1, "tags", texts],
  [3, "description", text],
  [5, "operationId", text],
  [6, "produces", texts],
  [7, "consumes", texts],
  [8, "parameters", messages(writeParameter)],
  [9, "responses", named(writeResponse)],
  [10, "schemes", texts],
  [11, "deprecated", flag],
  extensions(13),
];

const operation = message((value, writer) => writeFields(value, operationFields, writer));

const pathFields: readonly Field[] = [
  [2, "get", operation],
  [3, "put", operation],
  [4, "post", operation],
  [5, "delete", operation],
  [8, "patch", operation],
  [9, "parameters", messages(writeParameter)],
];

const infoFields: readonly Field[] = [
  [1, "title", text],
  [2, "version", text],
];

const apiKeyFields: readonly Field[] = [
  [1, "type", text],
  [2, "name", text],
  [3, "in", text],
  [4, "description", text],
];

const frameFields: readonly Field[] = [
  [1, "swagger", text],
  [2, "info", message((value, writer) => writeFields(value, infoFields, writer))],
  // Requirements are lists of scopes by name: StringArray.
  [
    12,
    "security",
    messages((value, writer) => {
      for (const [name, scopes] of Object.entries(isObject(value) ? value : {}))
        writeNamed(1, name, scopes, writeTypes, writer);
    }),
  ],
  [13, "securityDefinitions", named(wrapped(2, (value, writer) => writeFields(value, apiKeyFields, writer)))],
];
