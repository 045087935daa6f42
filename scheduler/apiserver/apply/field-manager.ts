import type { ApiObject } from "../../../api/object-meta.ts";
import type { JsonObject, Schema } from "../resource.ts";
export interface By {
  readonly manager: string;
  readonly subresource: string;
  readonly nowMs: number;
}
export class FieldManager {
  constructor(_parts: {
    readonly schema: Schema;
    readonly apiVersion: string;
    readonly hasStatus: boolean;
  }) {}
  trackUpdate(_live: ApiObject | undefined, next: ApiObject, _by: By): ApiObject {
    const { managedFields: _, ...metadata } = next.metadata;
    return { ...next, metadata };
  }
  apply(_live: ApiObject | undefined, config: JsonObject, _by: By & { readonly force: boolean }): JsonObject {
    return config;
  }
}
