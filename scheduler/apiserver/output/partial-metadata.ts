import type { ApiObject } from "../../../api/object-meta.ts";

export function partialMetadata(object: ApiObject, apiVersion: string): object {
  return { kind: "PartialObjectMetadata", apiVersion, metadata: object.metadata };
}
