import type { ApiObject } from "../../api/object-meta.ts";
import type { ApiClient } from "../client/api-client.ts";
import { groupVersion, resourcePath } from "../client/objects.ts";
import { ApiStatusError } from "../client/status-error.ts";
import { Failure } from "../failure.ts";
import { clientSideManager, withoutLastApplied } from "./apply-object.ts";
import { adoptedManagers } from "./adopted-managers.ts";
import type { Manifest } from "./manifest.ts";
import type { ManifestTarget } from "./target.ts";

export interface ServerSideRequest {
  /** Takes over the fields that others have set otherwise. */
  readonly force: boolean;
  readonly fieldManager: string | undefined;
  readonly dryRun: boolean;
  /** What is there now, if there is something. */
  readonly current: ApiObject | undefined;
}

/** The same as kubectl's server-side apply, so that both may be used on one object in turn. */
export const serverSideManager = "kubectl";

/**
 * Has the server make one object as its manifest says. What was applied from the client before becomes the manager's, so that
 * what is no longer in the manifest goes.
 */
export async function applyServerSide(
  client: ApiClient,
  { resource, namespace }: ManifestTarget,
  manifest: Manifest,
  { force, fieldManager = serverSideManager, dryRun, current }: ServerSideRequest,
): Promise<ApiObject> {
  const path = resourcePath(resource, namespace, manifest.metadata.name);
  const adopted =
    current && adoptedManagers(current, clientSideManager, fieldManager, groupVersion(resource));
  if (adopted && !dryRun) {
    await client.request({
      method: "PATCH",
      path,
      query: { fieldManager },
      contentType: "application/json-patch+json",
      body: [
        { op: "replace", path: "/metadata/managedFields", value: adopted },
        // Whoever has written in between has set fields that this list does not know.
        { op: "replace", path: "/metadata/resourceVersion", value: current.metadata.resourceVersion },
      ],
    });
  }
  try {
    return await client.request<ApiObject>({
      method: "PATCH",
      path,
      query: {
        fieldManager,
        fieldValidation: "Strict",
        force: String(force),
        dryRun: dryRun ? "All" : undefined,
      },
      contentType: "application/apply-patch+yaml",
      body: withoutLastApplied(manifest, namespace),
    });
  } catch (error) {
    throw isApplyConflict(error) ? new ApplyConflict(error) : error;
  }
}

function isApplyConflict(error: unknown): error is ApiStatusError {
  return (
    error instanceof ApiStatusError &&
    error.httpStatus === 409 &&
    (error.status.details?.causes ?? []).some(({ reason }) => reason === "FieldManagerConflict")
  );
}

/** Others have set fields that the manifest has otherwise. The message says which, who, and what can be done. */
export class ApplyConflict extends Failure {
  constructor(error: ApiStatusError) {
    super(
      `${error.message}
Please review the fields above--they currently have other managers. Here
are the ways you can resolve this warning:
* If you intend to manage all of these fields, please re-run the apply
  command with the \`--force-conflicts\` flag.
* If you do not intend to manage all of the fields, please edit your
  manifest to remove references to the fields that should keep their
  current managers.
* You may co-own fields by updating your manifest to match the existing
  value; in this case, you'll become the manager if the other manager(s)
  stop managing the field (remove it from their configuration).
See https://kubernetes.io/docs/reference/using-api/server-side-apply/#conflicts`,
      { cause: error },
    );
    this.name = "ApplyConflict";
  }
}
