import type { Schema } from "../resource.ts";

const text = (description: string): Schema => ({ type: "string", description });

/** core/v1 ObjectReference. */
export const objectReference: Schema = {
  type: "object",
  description: "Which object is meant.",
  "x-kubernetes-map-type": "atomic",
  properties: {
    apiVersion: text("Its API version."),
    kind: text("Its kind."),
    namespace: text("Its namespace."),
    name: text("Its name."),
    uid: text("Its uid."),
    resourceVersion: text("The version of it that is meant, if any."),
    fieldPath: text("The part of it that is meant, instead of the whole."),
  },
};
