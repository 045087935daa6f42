import type { ApiObject } from "../../../api/object-meta.ts";
import { type FieldError, invalidValue } from "../../../api/validation/field-error.ts";
import { checkQualifiedName } from "../../../api/validation/names.ts";
import { isObject, type Schema } from "../resource.ts";
import { ageColumn, coreKind, pathColumn } from "./descriptor.ts";

/** Every namespace has its name as a label, to be selected by. */
const nameLabel = "kubernetes.io/metadata.name";
/** Stands for the server itself, which empties a namespace before it goes. */
const serverFinalizer = "kubernetes";

const schema: Schema = {
  type: "object",
  description: "Namespace provides a scope for names.",
  properties: {
    spec: {
      type: "object",
      default: {},
      description: "The behavior of the namespace.",
      properties: {
        finalizers: {
          type: "array",
          items: { type: "string" },
          "x-kubernetes-list-type": "atomic",
          description:
            "What must be done before the namespace is removed. Changed through the finalize subresource only.",
        },
      },
    },
    status: {
      type: "object",
      default: {},
      description: "The current state of the namespace.",
      properties: {
        phase: {
          type: "string",
          enum: ["Active", "Terminating"],
          description: "Active, or Terminating while it is deleted.",
        },
        conditions: {
          type: "array",
          "x-kubernetes-list-type": "map",
          "x-kubernetes-list-map-keys": ["type"],
          "x-kubernetes-patch-strategy": "merge",
          "x-kubernetes-patch-merge-key": "type",
          description: "How far its deletion has come.",
          items: {
            type: "object",
            required: ["type", "status"],
            properties: {
              type: { type: "string", description: "The condition." },
              status: { type: "string", description: "True, False or Unknown." },
              lastTransitionTime: {
                type: "string",
                format: "date-time",
                description: "When the status changed.",
              },
              reason: { type: "string", description: "Why, in one word." },
              message: { type: "string", description: "Why, for people." },
            },
          },
        },
      },
    },
  },
};

export const namespaceDefinition = coreKind({
  kind: "Namespace",
  plural: "namespaces",
  shortNames: ["ns"],
  namespaced: false,
  nameForm: "label",
  status: true,
  schema,
  emptyObject: { spec: {}, status: {} },
  columns: [pathColumn("Status", "string", ".status.phase", "The status of the namespace"), ageColumn],
  selectableFields: ["status.phase"],
  normalize,
  validate: validateFinalizers,
});

function normalize(object: ApiObject): ApiObject {
  const isActive = object.metadata.deletionTimestamp === undefined;
  const status = isObject(object["status"]) ? object["status"] : {};
  return {
    ...object,
    metadata: withNameLabel(object.metadata),
    ...(isActive ? { spec: withServerFinalizer(object["spec"]) } : {}),
    status: { ...status, phase: isActive ? "Active" : "Terminating" },
  };
}

function withNameLabel(metadata: ApiObject["metadata"]): ApiObject["metadata"] {
  const { name, labels = {} } = metadata;
  // Anything else is for the schema to refuse.
  return isObject(labels) ? { ...metadata, labels: { ...labels, [nameLabel]: name } } : metadata;
}

function withServerFinalizer(spec: unknown): unknown {
  if (spec !== undefined && !isObject(spec)) return spec;
  const finalizers = spec?.["finalizers"] ?? [];
  if (!Array.isArray(finalizers) || finalizers.includes(serverFinalizer)) return spec;
  return { ...spec, finalizers: [...(finalizers as readonly unknown[]), serverFinalizer] };
}

const standardFinalizers = new Set([serverFinalizer, "orphan", "foregroundDeletion"]);

function validateFinalizers(object: ApiObject): readonly FieldError[] {
  const field = "spec.finalizers";
  const spec = isObject(object["spec"]) ? object["spec"] : {};
  const finalizers: readonly unknown[] = Array.isArray(spec["finalizers"]) ? spec["finalizers"] : [];
  return finalizers
    .filter((one) => typeof one === "string")
    .flatMap((finalizer) => {
      const problem = checkQualifiedName(finalizer);
      if (problem !== undefined) return [invalidValue(field, finalizer, problem)];
      if (finalizer.includes("/") || standardFinalizers.has(finalizer)) return [];
      return [
        invalidValue(field, finalizer, "name is neither a standard finalizer name nor is it fully qualified"),
      ];
    });
}
