import type { ApiObject } from "../../api/object-meta.ts";
import type { ApiClient } from "../client/api-client.ts";
import { listObjects } from "../client/objects.ts";
import { ApiStatusError } from "../client/status-error.ts";
import { Failure } from "../failure.ts";
import { findObject, type DryRun } from "../manifests/apply-object.ts";
import { ApplyConflict, applyServerSide } from "../manifests/server-side-apply.ts";
import { findResource, requireResource } from "../resources/resolve.ts";
import type { Resource } from "../resources/resource.ts";
import {
  groupKind,
  nowhere,
  parentManager,
  parentManifest,
  parentText,
  parentTypeLabel,
  readParent,
  type Extent,
  type ParentReference,
} from "./apply-set.ts";

/** Kinds that any set may be kept in, and that are made when they are missing. */
const ordinaryParents: ReadonlySet<string> = new Set(["Secret", "ConfigMap"]);

/** Reads `NAME` (of a Secret, as with kubectl) and `TYPE/NAME`. */
export function parseParent(
  text: string,
  resources: readonly Resource[],
  namespace: string,
): ParentReference {
  const [type, name, ...more] = text.includes("/") ? text.split("/") : ["secrets", text];
  if (!type || !name || more.length > 0)
    throw new Failure(
      `--applyset ${JSON.stringify(text)} must be NAME (of a Secret) or TYPE/NAME, such as configmaps/my-set`,
    );
  const resource = requireResource(resources, type);
  return { resource, namespace: resource.namespaced ? namespace : undefined, name };
}

/** What the set has now. Throws when it cannot be kept there or belongs to somebody else. */
export async function fetchExtent(
  client: ApiClient,
  parent: ParentReference,
  resources: readonly Resource[],
): Promise<Extent> {
  const isOrdinary = ordinaryParents.has(groupKind(parent.resource));
  if (!isOrdinary) await requireParentType(client, parent, resources);
  const object = await findObject(client, parent, parent.name);
  if (object) return readParent(parent, object);
  if (isOrdinary) return nowhere;
  throw new Failure(
    `custom resource ApplySet parents cannot be created automatically: create ${parentText(parent)} first, with the labels and annotations of a set`,
  );
}

async function requireParentType(
  client: ApiClient,
  { resource }: ParentReference,
  resources: readonly Resource[],
): Promise<void> {
  const definitions = findResource(resources, "customresourcedefinitions.apiextensions.k8s.io");
  const found = definitions
    ? (await listObjects(client, definitions, undefined, { labelSelector: parentTypeLabel })).items
    : [];
  if (found.some(({ metadata }) => metadata.name === `${resource.plural}.${resource.group}`)) return;
  throw new Failure(
    `resource "${resource.plural}" is not permitted as an ApplySet parent (CRD needs "${parentTypeLabel}" label): take a Secret or a ConfigMap`,
  );
}

/** Writes down which kinds and namespaces the set has, and returns the parent's version. */
export async function writeExtent(
  client: ApiClient,
  parent: ParentReference,
  extent: Extent,
  dryRun: DryRun,
): Promise<string | undefined> {
  if (dryRun === "client") return undefined;
  const write = (force: boolean) => applyParent(client, parent, extent, { force, dryRun });
  const object = await write(false).catch((error: unknown) => {
    // These fields are nobody else's, whoever has set them.
    if (error instanceof ApplyConflict) return write(true);
    throw error;
  });
  return dryRun === "server" ? undefined : object.metadata.resourceVersion;
}

/**
 * Writes down what is left of the set. False: somebody has changed the parent since it had this version, and has perhaps added kinds,
 * so it is left as it is, with more than there are.
 */
export async function shrinkExtent(
  client: ApiClient,
  parent: ParentReference,
  extent: Extent,
  dryRun: DryRun,
  resourceVersion: string | undefined,
): Promise<boolean> {
  if (dryRun === "client") return true;
  try {
    await applyParent(client, parent, extent, { force: true, dryRun, resourceVersion });
    return true;
  } catch (error) {
    if (error instanceof ApiStatusError && error.httpStatus === 409) return false;
    throw error;
  }
}

interface ParentWrite {
  readonly force: boolean;
  readonly dryRun: DryRun;
  readonly resourceVersion?: string | undefined;
}

function applyParent(
  client: ApiClient,
  parent: ParentReference,
  extent: Extent,
  { force, dryRun, resourceVersion }: ParentWrite,
): Promise<ApiObject> {
  const manifest = parentManifest(parent, extent, resourceVersion);
  const fieldManager = parentManager;
  const request = { force, fieldManager, dryRun: dryRun === "server", current: undefined };
  return applyServerSide(client, parent, manifest, request);
}
