import type { Connection } from "../connection.ts";
import { Failure } from "../failure.ts";
import { objectReference } from "../resources/resource.ts";
import type { Located } from "./apply-documents.ts";
import { fetchExtent, parseParent } from "./apply-set-parent.ts";
import { applySetId, asMember, extentOf, unionOf, type Extent, type ParentReference } from "./apply-set.ts";
import { placesOf, type Place } from "./prune.ts";

/** A set that may be applied, and what that means. */
export interface PreparedSet {
  readonly parent: ParentReference;
  readonly id: string;
  /** The documents, each with the set's label. */
  readonly members: readonly Located[];
  /** What the set has when it has been applied, and what it has until then. */
  readonly after: Extent;
  readonly all: Extent;
  /** Where to look for what is no longer in it. */
  readonly places: readonly Place[];
}

/** Throws what speaks against applying these documents as this set. Nothing has been changed then. */
export async function prepareSet(
  applySet: string,
  documents: readonly Located[],
  connection: Connection,
): Promise<PreparedSet> {
  const resources = await connection.resources();
  const parent = parseParent(applySet, resources, connection.namespace);
  refuseParentAsMember(parent, documents);
  const id = applySetId(parent);
  const members = documents.map((one) => ({ ...one, manifest: asMember(one.manifest, id) }));
  const before = await fetchExtent(connection.client, parent, resources);
  const after = extentOf(members.map(({ target }) => target));
  const all = unionOf(before, after);
  return { parent, id, members, after, all, places: placesOf(parent, all, resources) };
}

function refuseParentAsMember(
  { resource, namespace, name }: ParentReference,
  documents: readonly Located[],
): void {
  const isParent = documents.some(
    ({ target, manifest }) =>
      target.resource === resource && target.namespace === namespace && manifest.metadata.name === name,
  );
  if (isParent)
    throw new Failure(
      `${objectReference(resource, name)} is to keep the ApplySet, so it cannot be in it as well: name the set otherwise`,
    );
}
