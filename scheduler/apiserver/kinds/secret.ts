import type { ApiObject } from "../../../api/object-meta.ts";
import { type FieldError, invalidValue, requiredValue } from "../../../api/validation/field-error.ts";
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
  selectableFields: ["type"],
  normalize: mergeStringData,
  validate: (object, old) => [
    ...(old && old["type"] !== object["type"]
      ? [invalidValue("type", object["type"], "field is immutable")]
      : []),
    ...validateImmutable(object, old, "data"),
    ...validateKeys(object, "data"),
    ...validateType(object),
  ],
});

/** What programs rely on finding in secrets of the types that Kubernetes defines. */
function validateType(object: ApiObject): readonly FieldError[] {
  const data = recordOf(object["data"]);
  const missing = (...keys: readonly string[]) => keys.filter((key) => !Object.hasOwn(data, key));
  const required = (keys: readonly string[]) => keys.map((key) => requiredValue(`data[${key}]`));
  switch (object["type"]) {
    case "kubernetes.io/service-account-token": {
      const name = object.metadata.annotations?.[accountAnnotation] ?? "";
      return name === "" ? [requiredValue(`metadata.annotations[${accountAnnotation}]`)] : [];
    }
    case "kubernetes.io/dockercfg":
      return validateJson(data, ".dockercfg");
    case "kubernetes.io/dockerconfigjson":
      return validateJson(data, ".dockerconfigjson");
    case "kubernetes.io/basic-auth": {
      const absent = missing("username", "password");
      // One of them is enough. The odd paths are Kubernetes'.
      return absent.length < 2 ? [] : absent.map((key) => requiredValue(`data[%s][${key}]`));
    }
    case "kubernetes.io/ssh-auth":
      return data["ssh-privatekey"] ? [] : [requiredValue("data[%s][ssh-privatekey]")];
    case "kubernetes.io/tls":
      return required(missing("tls.crt", "tls.key"));
    default:
      return [];
  }
}

const accountAnnotation = "kubernetes.io/service-account.name";

function validateJson(data: Readonly<Record<string, string>>, key: string): readonly FieldError[] {
  if (!Object.hasOwn(data, key)) return [requiredValue(`data[${key}]`)];
  try {
    const value: unknown = JSON.parse(Buffer.from(data[key] ?? "", "base64").toString("utf8"));
    if (value === null || isObject(value)) return [];
    return [invalidValue(`data[${key}]`, redacted, "the value must be a JSON object")];
  } catch {
    // What JSON.parse says quotes the text.
    return [invalidValue(`data[${key}]`, redacted, "the value is no valid JSON")];
  }
}

const redacted = "<secret contents redacted>";

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
