import { isDeepStrictEqual } from "node:util";
import type { ApiObject } from "../../api/object-meta.ts";
import type { ApiClient } from "../client/api-client.ts";
import { listObjects } from "../client/objects.ts";
import { statusOf } from "../conditions.ts";
import { Failure } from "../failure.ts";
import { requireResource } from "../resources/resolve.ts";
import type { Resource } from "../resources/resource.ts";
import { changeCauseOf, templateOf, type Workload } from "./workload.ts";

/** A template that a workload has or had. */
export interface Revision {
  readonly number: number;
  readonly template: Readonly<Record<string, unknown>>;
  /** As on its instances. */
  readonly templateHash: string | undefined;
  readonly changeCause: string | undefined;
  readonly object: ApiObject;
}

/** The annotation with which the scheduler makes a template differ whose configuration has changed. It writes it itself. */
const configDigestAnnotation = "wherry.dev/config-digest";
const templateHashLabel = "wherry.dev/template-hash";

/** What is kept of a workload's templates, the oldest first. */
export async function listRevisions(
  client: ApiClient,
  resources: readonly Resource[],
  { namespace }: Workload,
  ownerUid: string,
): Promise<readonly Revision[]> {
  const resource = requireResource(resources, "controllerrevisions.apps");
  const { items } = await listObjects(client, resource, namespace);
  const own = items.filter(({ metadata }) =>
    (metadata.ownerReferences ?? []).some(({ uid, controller }) => uid === ownerUid && controller === true),
  );
  return own.flatMap(readRevision).toSorted((one, other) => one.number - other.number);
}

function readRevision(object: ApiObject): readonly Revision[] {
  const number = object["revision"];
  const template = templateOf(object["data"]);
  if (typeof number !== "number" || template === undefined) return [];
  return [
    {
      number,
      template,
      templateHash: object.metadata.labels?.[templateHashLabel],
      changeCause: changeCauseOf(object),
      object,
    },
  ];
}

/**
 * The one that has the workload's template; undefined while it has not been kept yet. A template that was kept before a new version
 * had new defaults differs: then it is the one that the status names.
 */
export function currentRevision(workload: ApiObject, revisions: readonly Revision[]): Revision | undefined {
  const template = templateOf(workload);
  const wanted = template && withoutConfigDigest(template);
  const same = revisions.findLast((one) => isDeepStrictEqual(withoutConfigDigest(one.template), wanted));
  if (same) return same;
  const { observedGeneration, revision } = statusOf(workload);
  const isObserved =
    typeof observedGeneration === "number" && observedGeneration >= (workload.metadata.generation ?? 0);
  return isObserved ? revisions.find(({ number }) => number === revision) : undefined;
}

/** Throws, with those that there are, when there is none of that number. */
export function findRevision(revisions: readonly Revision[], number: number): Revision {
  const found = revisions.find((revision) => revision.number === number);
  if (found) return found;
  const numbers = revisions.map((revision) => revision.number);
  const there = numbers.length === 1 ? `there is only ${numbers[0]}` : `there are ${numbers.join(", ")}`;
  throw new Failure(
    `unable to find specified revision ${number} in history; ${numbers.length === 0 ? "nothing is kept of it" : there}`,
  );
}

/** A template as a person has declared it. */
export function withoutConfigDigest(
  template: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  const metadata = template["metadata"] as
    | { readonly annotations?: Readonly<Record<string, string>> }
    | undefined;
  if (metadata?.annotations?.[configDigestAnnotation] === undefined) return template;
  const { annotations, ...otherMetadata } = metadata;
  const { [configDigestAnnotation]: _, ...others } = annotations;
  const isEmpty = Object.keys(others).length === 0;
  const { metadata: _metadata, ...rest } = template;
  const kept = { ...otherMetadata, ...(isEmpty ? {} : { annotations: others }) };
  return Object.keys(kept).length === 0 ? rest : { ...rest, metadata: kept };
}
