import { isObject, type Schema } from "../resource.ts";
import { ageColumn, coreKind, pathColumn } from "./descriptor.ts";

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
          description:
            "What must be done before the namespace is removed. Accepted; the server waits for its contents by itself.",
        },
      },
    },
    status: {
      type: "object",
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
          items: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
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
  columns: [pathColumn("Status", "string", ".status.phase", "Active or Terminating."), ageColumn],
  normalize: (object) => {
    const status = isObject(object["status"]) ? object["status"] : {};
    const phase = object.metadata.deletionTimestamp === undefined ? "Active" : "Terminating";
    return { ...object, status: { ...status, phase } };
  },
});
