import type { ApiClient } from "../client/api-client.ts";
import { listObjects } from "../client/objects.ts";
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

/** Writes down which kinds and namespaces the set has. */
export async function writeExtent(
  client: ApiClient,
  parent: ParentReference,
  extent: Extent,
  dryRun: DryRun,
): Promise<void> {
  if (dryRun === "client") return;
  const write = (force: boolean) =>
    applyServerSide(client, parent, parentManifest(parent, extent), {
      force,
      fieldManager: parentManager,
      dryRun: dryRun === "server",
      current: undefined,
    });
  await write(false).catch((error: unknown) => {
    // These fields are nobody else's, whoever has set them.
    if (error instanceof ApplyConflict) return write(true);
    throw error;
  });
}
