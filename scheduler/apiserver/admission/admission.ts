import type { ApiObject } from "../../../api/object-meta.ts";
import type { User } from "../authentication/user.ts";
import type { ResourceDefinition } from "../resource.ts";

export interface AdmissionRequest {
  readonly operation: "create" | "update" | "delete";
  readonly resource: ResourceDefinition;
  /** "" for the object itself. */
  readonly subresource: string;
  readonly user: User;
  /** What is about to be stored, complete and valid; for a delete, what is about to go. */
  readonly object: ApiObject;
  /** What is stored now. undefined: it is created. */
  readonly old: ApiObject | undefined;
  readonly dryRun: boolean;
}

/**
 * Says of each write whether it may be made, after it was found valid and right before it is committed. Throws an ApiError
 * for what may not. May hand back a reservation, which is released once the commit is in the cache or has failed: so that
 * writes under way count, too. Runs at once, without waiting, and again when the commit has to be tried again.
 */
export interface AdmissionPlugin {
  admit(request: AdmissionRequest): Disposable | undefined;
}
