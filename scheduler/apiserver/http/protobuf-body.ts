import protobuf from "protobufjs";
import { errorMessage } from "../../../kit/errors.ts";
import { isObject, type JsonObject } from "../resource.ts";
import { ApiError, badRequest } from "../status.ts";

/**
 * kubectl's `create configmap|secret|namespace` send their bodies in protobuf only. The messages of these kinds, by their
 * field numbers in Kubernetes' generated.proto; fields that the server sets itself are left out.
 */
const text = (id: number) => ({ type: "string", id });
const textList = (id: number) => ({ rule: "repeated" as const, type: "string", id });
const map = (type: string, id: number) => ({ keyType: "string", type, id });

const root = protobuf.Root.fromJSON({
  nested: {
    Unknown: { fields: { typeMeta: { type: "TypeMeta", id: 1 }, raw: { type: "bytes", id: 2 } } },
    TypeMeta: { fields: { apiVersion: text(1), kind: text(2) } },
    ObjectMeta: {
      fields: {
        name: text(1),
        generateName: text(2),
        namespace: text(3),
        labels: map("string", 11),
        annotations: map("string", 12),
        ownerReferences: { rule: "repeated", type: "OwnerReference", id: 13 },
        finalizers: textList(14),
      },
    },
    OwnerReference: {
      fields: {
        kind: text(1),
        name: text(3),
        uid: text(4),
        apiVersion: text(5),
        controller: { type: "bool", id: 6 },
        blockOwnerDeletion: { type: "bool", id: 7 },
      },
    },
    Namespace: {
      fields: { metadata: { type: "ObjectMeta", id: 1 }, spec: { type: "NamespaceSpec", id: 2 } },
    },
    NamespaceSpec: { fields: { finalizers: textList(1) } },
    ConfigMap: {
      fields: {
        metadata: { type: "ObjectMeta", id: 1 },
        data: map("string", 2),
        binaryData: map("bytes", 3),
        immutable: { type: "bool", id: 4 },
      },
    },
    Secret: {
      fields: {
        metadata: { type: "ObjectMeta", id: 1 },
        data: map("bytes", 2),
        type: text(3),
        stringData: map("string", 4),
        immutable: { type: "bool", id: 5 },
      },
    },
  },
});

const coreKinds = new Set(["Namespace", "ConfigMap", "Secret"]);
const magic = Buffer.from("k8s\0", "latin1");

export const protobufType = "application/vnd.kubernetes.protobuf";

/** Throws UnsupportedMediaType for every kind but those three. */
export function decodeProtobuf(body: Buffer): JsonObject {
  if (!body.subarray(0, magic.length).equals(magic)) throw badRequest("the body is no Kubernetes protobuf");
  const envelope = decode("Unknown", body.subarray(magic.length));
  const { apiVersion, kind } = isObject(envelope["typeMeta"]) ? envelope["typeMeta"] : {};
  if (apiVersion !== "v1" || typeof kind !== "string" || !coreKinds.has(kind))
    throw new ApiError(
      "UnsupportedMediaType",
      `protobuf bodies are taken for ${[...coreKinds].join(", ")} only - accepted media types include: application/json, application/yaml`,
    );
  const raw = Buffer.from(typeof envelope["raw"] === "string" ? envelope["raw"] : "", "base64");
  return { apiVersion, kind, ...decode(kind, raw) };
}

function decode(name: string, bytes: Buffer): JsonObject {
  try {
    const type = root.lookupType(name);
    // Bytes become base64, as in the JSON form; what is not set is left out.
    return type.toObject(type.decode(bytes), { bytes: String, longs: Number });
  } catch (thrown) {
    throw badRequest(`the body is no Kubernetes protobuf: ${errorMessage(thrown)}`);
  }
}
