import type { ApiObject } from "../../../api/object-meta.ts";
import { invalidValue } from "../../../api/validation/field-error.ts";
import { isObject } from "../resource.ts";
import { entriesOf, recordOf, validateImmutable, validateKeys } from "./config-map.ts";
import { ageColumn, coreKind, functionColumn, pathColumn } from "./descriptor.ts";

export const secretDefinition = coreKind({
  kind: "Secret",
  plural: "secrets",
  schema: {
    type: "object",
    description: "Secret holds secret data of a certain type.",
    properties: {
      data: {
        type: "object",
        additionalProperties: { type: "string", format: "byte" },
        description: "The secret data, each value in base64.",
      },
      stringData: {
        type: "object",
        additionalProperties: { type: "string" },
        description: "Secret data as text, for writing only: it is merged into data, over what is there.",
      },
      type: { type: "string", default: "Opaque", description: "For programs that handle secrets of a kind." },
      immutable: { type: "boolean", description: "Whether data can no longer be changed." },
    },
  },
  columns: [
    pathColumn("Type", "string", ".type", "The type of the secret."),
    functionColumn("Data", "integer", "How many keys it has.", (object) => entriesOf(object, "data").length),
    ageColumn,
  ],
  normalize: mergeStringData,
  validate: (object, old) => [
    ...validateKeys(object, "data"),
    ...validateImmutable(object, old, "data"),
    ...(old && old["type"] !== object["type"]
      ? [invalidValue("type", object["type"], "field is immutable")]
      : []),
  ],
});

/** Only well-formed text is merged; anything else is left for the schema to refuse. */
function mergeStringData(object: ApiObject): ApiObject {
  const { stringData, ...rest } = object;
  if (!isObject(stringData) || Object.values(stringData).some((value) => typeof value !== "string"))
    return object;
  const encoded = Object.entries(recordOf(stringData)).map(
    ([key, value]) => [key, Buffer.from(value).toString("base64")] as const,
  );
  const data = isObject(object["data"]) ? object["data"] : {};
  return { ...rest, data: { ...data, ...Object.fromEntries(encoded) } };
}
