import type { ApiObject } from "../../api/object-meta.ts";
import type { ApiClient } from "../client/api-client.ts";
import { getObject, resourcePath } from "../client/objects.ts";
import { isNotFound } from "../client/status-error.ts";
import type { Manifest } from "./manifest.ts";
import type { ManifestTarget } from "./target.ts";
import { lastAppliedAnnotation, threeWayMergePatch } from "./three-way-merge.ts";

export type ApplyOutcome = "created" | "configured" | "unchanged";

/** The same manager as kubectl's client-side apply: both may be used on one object in turn. */
const query = { fieldManager: "kubectl-client-side-apply", fieldValidation: "Strict" };

/** Makes one object as its manifest says: creates it, or patches what differs from what was applied before. */
export async function applyObject(
  client: ApiClient,
  target: ManifestTarget,
  manifest: Manifest,
  dryRun: boolean,
): Promise<ApplyOutcome> {
  return (await submit(client, target, manifest, dryRun)).outcome;
}

/** The object as it would be if the manifest were applied. */
export async function dryApplyObject(
  client: ApiClient,
  target: ManifestTarget,
  manifest: Manifest,
): Promise<ApiObject> {
  return (await submit(client, target, manifest, true)).object;
}

async function submit(
  client: ApiClient,
  { resource, namespace }: ManifestTarget,
  manifest: Manifest,
  dryRun: boolean,
): Promise<{ readonly outcome: ApplyOutcome; readonly object: ApiObject }> {
  const modified = withLastApplied(manifest, namespace);
  const path = resourcePath(resource, namespace, manifest.metadata.name);
  const parameters = { ...query, dryRun: dryRun ? "All" : undefined };
  const current = await getObject(client, resource, namespace, manifest.metadata.name).catch(
    (error: unknown) => {
      if (isNotFound(error)) return undefined;
      throw error;
    },
  );
  if (!current) {
    const collection = resourcePath(resource, namespace);
    const request = { method: "POST", path: collection, query: parameters, body: modified } as const;
    return { outcome: "created", object: await client.request<ApiObject>(request) };
  }
  const patch = threeWayMergePatch({ original: lastApplied(current), modified, current });
  if (Object.keys(patch).length === 0) return { outcome: "unchanged", object: current };
  const object = await client.request<ApiObject>({
    method: "PATCH",
    path,
    query: parameters,
    body: patch,
    contentType: "application/merge-patch+json",
  });
  // Defaults inside lists make a patch that changes nothing; the server then keeps the version.
  const isSame = object.metadata.resourceVersion === current.metadata.resourceVersion;
  return { outcome: isSame ? "unchanged" : "configured", object };
}

/** The manifest with itself in the annotation, byte for byte as kubectl writes it: keys sorted, one line, a line end. */
export function withLastApplied(manifest: Manifest, namespace: string | undefined): Manifest {
  const { [lastAppliedAnnotation]: _, ...annotations } = manifest.metadata.annotations ?? {};
  const metadata = { ...manifest.metadata, ...(namespace === undefined ? {} : { namespace }), annotations };
  const applied = `${JSON.stringify(sorted({ ...manifest, metadata }))}\n`;
  return {
    ...manifest,
    metadata: { ...metadata, annotations: { ...annotations, [lastAppliedAnnotation]: applied } },
  };
}

function lastApplied(current: ApiObject): unknown {
  const text = current.metadata.annotations?.[lastAppliedAnnotation];
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    // Somebody broke the annotation. Nothing is known to have been applied, so nothing is taken away.
    return undefined;
  }
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, item]) => [key, sorted(item)]));
}
