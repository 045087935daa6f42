import { isObject, type Schema } from "../resource.ts";
import { ageColumn, coreKind, functionColumn } from "./descriptor.ts";
import { objectReference } from "./object-reference.ts";

const schema: Schema = {
  type: "object",
  description:
    "ServiceAccount is an identity for programs: what runs in the cluster, or comes to it with one of its tokens.",
  properties: {
    secrets: {
      type: "array",
      items: objectReference,
      "x-kubernetes-list-type": "map",
      "x-kubernetes-list-map-keys": ["name"],
      "x-kubernetes-patch-strategy": "merge",
      "x-kubernetes-patch-merge-key": "name",
      description: "Secrets of the namespace that programs of this account may use.",
    },
    imagePullSecrets: {
      type: "array",
      items: {
        type: "object",
        "x-kubernetes-map-type": "atomic",
        properties: { name: { type: "string", description: "The name of the Secret.", default: "" } },
      },
      "x-kubernetes-list-type": "atomic",
      "x-kubernetes-patch-strategy": "merge",
      "x-kubernetes-patch-merge-key": "name",
      description: "Secrets of the namespace to fetch images with.",
    },
    automountServiceAccountToken: {
      type: "boolean",
      description: "Whether programs of this account get a token of it.",
    },
  },
};

export const serviceAccountDefinition = coreKind({
  kind: "ServiceAccount",
  plural: "serviceaccounts",
  shortNames: ["sa"],
  schema,
  columns: [
    functionColumn("Secrets", "string", "How many secrets it has.", ({ secrets }) =>
      Array.isArray(secrets) ? secrets.filter(isObject).length : 0,
    ),
    ageColumn,
  ],
});
