import type { Schema } from "../resource.ts";

const text: Schema = { type: "string" };
const textMap: Schema = { type: "object", additionalProperties: text };

/** metav1.ObjectMeta. Also what `kubectl explain` shows of it. */
export const objectMetaSchema: Schema = {
  type: "object",
  description: "Standard object's metadata: name, namespace, labels, annotations and what the server keeps.",
  properties: {
    name: { ...text, description: "Name must be unique within a namespace. It cannot be changed." },
    generateName: {
      ...text,
      description: "A prefix; the server makes the name unique. Used when name is empty.",
    },
    namespace: { ...text, description: "The space within which the name must be unique." },
    labels: { ...textMap, description: "Keys and values to select objects by." },
    annotations: { ...textMap, description: "Keys and values that tools keep with the object." },
    uid: { ...text, description: "Unique in time and space. Set by the server." },
    resourceVersion: {
      ...text,
      description: "The version of the object for optimistic concurrency and watches. Set by the server.",
    },
    generation: {
      type: "integer",
      format: "int64",
      description: "Grows with every change of the wanted state. Set by the server.",
    },
    creationTimestamp: {
      ...text,
      format: "date-time",
      description: "When it was created. Set by the server.",
    },
    deletionTimestamp: {
      ...text,
      format: "date-time",
      description: "When its deletion was asked for. Set by the server.",
    },
    deletionGracePeriodSeconds: { type: "integer", format: "int64", description: "Set by the server." },
    selfLink: { ...text, description: "Not set by servers any more." },
    finalizers: {
      type: "array",
      items: text,
      "x-kubernetes-list-type": "set",
      "x-kubernetes-patch-strategy": "merge",
      description: "Must be empty before the object is removed.",
    },
    ownerReferences: {
      type: "array",
      description: "The objects that this one depends on.",
      "x-kubernetes-list-type": "map",
      "x-kubernetes-list-map-keys": ["uid"],
      "x-kubernetes-patch-strategy": "merge",
      "x-kubernetes-patch-merge-key": "uid",
      items: {
        type: "object",
        "x-kubernetes-map-type": "atomic",
        required: ["apiVersion", "kind", "name", "uid"],
        properties: {
          apiVersion: { ...text, description: "The owner's API version." },
          kind: { ...text, description: "The owner's kind." },
          name: { ...text, description: "The owner's name." },
          uid: { ...text, description: "The owner's uid." },
          controller: {
            type: "boolean",
            description: "Whether this owner is the one that manages the object.",
          },
          blockOwnerDeletion: {
            type: "boolean",
            description: "Whether a foreground deletion of the owner waits for this object.",
          },
        },
      },
    },
    managedFields: {
      type: "array",
      "x-kubernetes-list-type": "atomic",
      items: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
      description: "Which manager set which fields, when, and by which operation. Kept by the server.",
    },
  },
};
