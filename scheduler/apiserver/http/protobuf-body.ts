/**
 * Bodies in Kubernetes' protobuf, for the built-in kinds: kubectl's typed commands (`create role`, `auth can-i`, `create
 * token` …) and client-go's typed clients send these in no other form. Everything else is refused with 415.
 *
 * A body is the four magic bytes and the message Unknown, which has the type and, as bytes, the object's own message. The
 * result is what the same object is in JSON. protobufjs reads the wire; what a message means is in protobuf-messages.ts.
 */
import protobuf from "protobufjs";
import { errorMessage } from "../../../kit/errors.ts";
import type { JsonObject } from "../resource.ts";
import { ApiError, badRequest } from "../status.ts";
import { scanJson } from "./json-scan.ts";
import {
  deleteOptionsFields,
  type ProtobufField,
  type ProtobufFields,
  protobufKinds,
  type ProtobufValue,
} from "./protobuf-messages.ts";

export const protobufType = "application/vnd.kubernetes.protobuf";

const magic = Buffer.from("k8s\0", "latin1");

/** How values stand on the wire: 0 for numbers, 2 for everything with a length. */
const wireTypes: Readonly<Record<ProtobufValue["kind"], number>> = {
  bool: 0,
  integer: 0,
  text: 2,
  bytes: 2,
  time: 2,
  microTime: 2,
  quantity: 2,
  json: 2,
  texts: 2,
  message: 2,
  map: 2,
};

const envelopeFields: ProtobufFields = {
  1: {
    name: "typeMeta",
    repeated: false,
    omitsEmpty: false,
    value: {
      kind: "message",
      fields: {
        1: { name: "apiVersion", value: { kind: "text" }, repeated: false, omitsEmpty: false },
        2: { name: "kind", value: { kind: "text" }, repeated: false, omitsEmpty: false },
      },
    },
  },
  2: { name: "raw", value: { kind: "bytes" }, repeated: false, omitsEmpty: false },
};

/** Throws UnsupportedMediaType for kinds that are not taken in protobuf, BadRequest for bytes that are none. */
export function decodeProtobuf(body: Buffer): JsonObject {
  if (!body.subarray(0, magic.length).equals(magic)) throw badRequest("the body is no Kubernetes protobuf");
  try {
    return decodeEnvelope(body.subarray(magic.length));
  } catch (thrown) {
    if (thrown instanceof ApiError) throw thrown;
    throw badRequest(`the body is no Kubernetes protobuf: ${errorMessage(thrown)}`);
  }
}

function decodeEnvelope(bytes: Buffer): JsonObject {
  const envelope = readMessage(readerOf(bytes), envelopeFields);
  // The types are those of the fields above.
  const { apiVersion = "", kind = "" } = (envelope["typeMeta"] ?? {}) as Record<string, string>;
  const fields = kind === "DeleteOptions" ? deleteOptionsFields : protobufKinds.get(apiVersion)?.get(kind);
  if (!fields)
    throw new ApiError(
      "UnsupportedMediaType",
      `the body of the request was in an unknown format: protobuf is not taken for ${kind || "an object without kind"} of ${apiVersion || "no apiVersion"} - accepted media types include: application/json, application/yaml`,
    );
  const raw = Buffer.from(textOf(envelope["raw"]), "base64");
  return { apiVersion, kind, ...readMessage(readerOf(raw), fields) };
}

/** Groups are long dead and would be the only thing that nests without being known: refused. */
const knownWireTypes = new Set([0, 1, 2, 5]);

function readMessage(reader: protobuf.Reader, fields: ProtobufFields): JsonObject {
  const result: JsonObject = {};
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    const wireType = tag & 7;
    const field = fields[tag >>> 3];
    if (!knownWireTypes.has(wireType)) throw new TypeError(`unknown wire type ${wireType}`);
    if (!field) {
      reader.skipType(wireType);
      continue;
    }
    if (wireType !== wireTypes[field.value.kind])
      throw new TypeError(`wrong wire type ${wireType} for field ${field.name}`);
    set(result, field, readValue(reader, field.value));
  }
  return result;
}

function set(result: JsonObject, field: ProtobufField, value: unknown): void {
  const { name } = field;
  if (field.value.kind === "map") {
    // Each entry is read as an object with that entry.
    Object.assign((result[name] ??= {}) as JsonObject, value);
    return;
  }
  if (field.repeated) {
    const list = (result[name] ??= []) as unknown[];
    list.push(value);
    return;
  }
  if (field.omitsEmpty && (value === "" || value === 0 || value === false || value === undefined)) return;
  result[name] = value;
}

function readValue(reader: protobuf.Reader, value: ProtobufValue): unknown {
  switch (value.kind) {
    case "bool":
      return reader.bool();
    case "integer":
      return Number(reader.int64());
    case "text":
      return readText(reader);
    case "bytes":
      return Buffer.from(reader.bytes()).toString("base64");
    case "quantity":
      return readQuantity(nested(reader));
    case "time":
      return readTime(nested(reader), 0);
    case "microTime":
      return readTime(nested(reader), 6);
    case "json":
      return readJson(nested(reader));
    case "texts":
      return readMessage(nested(reader), textsFields)["items"] ?? [];
    case "message":
      return readMessage(nested(reader), value.fields);
    case "map":
      return readEntry(nested(reader), value.value);
    default:
      return value satisfies never;
  }
}

const textsFields: ProtobufFields = {
  1: { name: "items", value: { kind: "text" }, repeated: true, omitsEmpty: false },
};

function readEntry(reader: protobuf.Reader, value: ProtobufValue): JsonObject {
  const entry = readMessage(reader, {
    1: { name: "key", value: { kind: "text" }, repeated: false, omitsEmpty: false },
    2: { name: "value", value, repeated: false, omitsEmpty: false },
  });
  const key = textOf(entry["key"]);
  if (key === "__proto__") throw badRequest('the field name "__proto__" is not allowed');
  return { [key]: entry["value"] ?? emptyValue(value) };
}

/** An entry whose value is the type's zero may leave it out. */
function emptyValue(value: ProtobufValue): unknown {
  if (value.kind === "quantity") return "0";
  return value.kind === "texts" ? [] : "";
}

function readQuantity(reader: protobuf.Reader): unknown {
  const { string: text } = readMessage(reader, {
    1: { name: "string", value: { kind: "text" }, repeated: false, omitsEmpty: true },
  });
  return text ?? "0";
}

const timeFields: ProtobufFields = {
  1: { name: "seconds", value: { kind: "integer" }, repeated: false, omitsEmpty: false },
  2: { name: "nanos", value: { kind: "integer" }, repeated: false, omitsEmpty: false },
};

/** RFC 3339; undefined for a message without fields, which is Go's zero time. */
function readTime(reader: protobuf.Reader, digits: number): string | undefined {
  const { seconds, nanos = 0 } = readMessage(reader, timeFields);
  if (seconds === undefined) return undefined;
  const whole = new Date(Number(seconds) * 1000).toISOString().slice(0, -".000Z".length);
  // Beyond the years that RFC 3339 can say, ISO strings begin with a sign.
  if (/^[+-]/.test(whole)) throw new TypeError("a time is out of range");
  const fraction = String(nanos).padStart(9, "0").slice(0, digits);
  return digits === 0 ? `${whole}Z` : `${whole}.${fraction}Z`;
}

/** FieldsV1: JSON in bytes. */
function readJson(reader: protobuf.Reader): unknown {
  const { raw } = readMessage(reader, {
    1: { name: "raw", value: { kind: "text" }, repeated: false, omitsEmpty: true },
  });
  if (raw === undefined) return {};
  const text = textOf(raw);
  const value: unknown = JSON.parse(text);
  scanJson(text);
  return value;
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function readText(reader: protobuf.Reader): string {
  return utf8.decode(reader.bytes());
}

/** What `readMessage` has read as text; "" for nothing. */
function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function nested(reader: protobuf.Reader): protobuf.Reader {
  return readerOf(reader.bytes());
}

function readerOf(bytes: Uint8Array): protobuf.Reader {
  return protobuf.Reader.create(bytes);
}
