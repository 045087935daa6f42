import { isDeepStrictEqual } from "node:util";
import type { ApiObject } from "../../api/object-meta.ts";
import type { ApiClient } from "../client/api-client.ts";
import { getObject, resourcePath } from "../client/objects.ts";
import { isNotFound } from "../client/status-error.ts";
import type { Manifest } from "./manifest.ts";
import type { ManifestTarget } from "./target.ts";
import { lastAppliedAnnotation, threeWayMergePatch } from "./three-way-merge.ts";

export type ApplyOutcome = "created" | "configured" | "unchanged";

export interface Applied {
  readonly outcome: ApplyOutcome;
  /** undefined: a client's dry run, which does not know what it would be. */
  readonly object: ApiObject | undefined;
  /** Of the object on the server, if there is one. */
  readonly uid: string | undefined;
}

/** `client`: nothing is sent that could change anything. `server`: all is checked and nothing is kept. */
export type DryRun = "none" | "client" | "server";

export interface ApplyRequest {
  readonly dryRun: DryRun;
  readonly fieldManager?: string | undefined;
  /** Leaves the annotation with what was applied as it is, which then does not differ. */
  readonly keepsAnnotation?: boolean;
  /** Called with what is there, if there is something, before it is changed. Throws what speaks against that. */
  readonly check?: (current: ApiObject) => void;
}

/** The same manager as kubectl's client-side apply: both may be used on one object in turn. */
export const clientSideManager = "kubectl-client-side-apply";

/** Makes one object as its manifest says: creates it, or patches what differs from what was applied before. */
export async function applyObject(
  client: ApiClient,
  { resource, namespace }: ManifestTarget,
  manifest: Manifest,
  request: ApplyRequest,
): Promise<Applied> {
  const { name } = manifest.metadata;
  const query = {
    fieldManager: request.fieldManager ?? clientSideManager,
    fieldValidation: "Strict",
    dryRun: request.dryRun === "server" ? "All" : undefined,
  };
  const current = await findObject(client, { resource, namespace }, name);
  const modified = request.keepsAnnotation
    ? withSameAnnotation(withoutLastApplied(manifest, namespace), current)
    : withLastApplied(manifest, namespace);
  if (!current) {
    if (request.dryRun === "client") return { outcome: "created", object: undefined, uid: undefined };
    const path = resourcePath(resource, namespace);
    const object = await client.request<ApiObject>({ method: "POST", path, query, body: modified });
    return { outcome: "created", object, uid: object.metadata.uid };
  }
  request.check?.(current);
  const { uid } = current.metadata;
  const patch = threeWayMergePatch({ original: lastApplied(current), modified, current });
  if (Object.keys(patch).length === 0) return { outcome: "unchanged", object: current, uid };
  if (request.dryRun === "client") return { outcome: "configured", object: undefined, uid };
  const object = await client.request<ApiObject>({
    method: "PATCH",
    path: resourcePath(resource, namespace, name),
    query,
    body: patch,
    contentType: "application/merge-patch+json",
  });
  // Defaults inside lists make a patch that changes nothing; the server then keeps the version. A dry run always does.
  const isSame =
    request.dryRun === "server"
      ? isDeepStrictEqual(withoutManagedFields(object), withoutManagedFields(current))
      : object.metadata.resourceVersion === current.metadata.resourceVersion;
  return { outcome: isSame ? "unchanged" : "configured", object, uid };
}

/** Who set which field when: of no interest to most readers, and as long as the object itself. */
export function withoutManagedFields(object: ApiObject): ApiObject {
  const { managedFields: _, ...metadata } = object.metadata;
  return { ...object, metadata };
}

/** The object as it would be if the manifest were applied. */
export async function dryApplyObject(
  client: ApiClient,
  target: ManifestTarget,
  manifest: Manifest,
): Promise<ApiObject> {
  const { object } = await applyObject(client, target, manifest, { dryRun: "server" });
  // oxlint-disable-next-line typescript/no-non-null-assertion -- a server's dry run always answers with the object
  return object!;
}

/** undefined: it does not exist. */
export async function findObject(
  client: ApiClient,
  { resource, namespace }: ManifestTarget,
  name: string,
): Promise<ApiObject | undefined> {
  return getObject(client, resource, namespace, name).catch((error: unknown) => {
    if (isNotFound(error)) return undefined;
    throw error;
  });
}

/** The manifest with itself in the annotation, byte for byte as kubectl writes it: keys sorted, one line, a line end. */
export function withLastApplied(manifest: Manifest, namespace: string | undefined): Manifest {
  const plain = withAnnotations(withoutLastApplied(manifest, namespace), {});
  const applied = `${JSON.stringify(sorted(plain))}\n`;
  return withAnnotations(plain, { [lastAppliedAnnotation]: applied });
}

/** What was applied last had annotations, if only empty ones, which are then no reason to take all of them away. */
function withSameAnnotation(manifest: Manifest, current: ApiObject | undefined): Manifest {
  return current?.metadata.annotations ? withAnnotations(manifest, {}) : manifest;
}

function withAnnotations(manifest: Manifest, more: Readonly<Record<string, string>>): Manifest {
  const annotations = { ...manifest.metadata.annotations, ...more };
  return { ...manifest, metadata: { ...manifest.metadata, annotations } };
}

/** The manifest in its namespace, without the annotation, which a manifest that was read from a server may have. */
export function withoutLastApplied(manifest: Manifest, namespace: string | undefined): Manifest {
  const { annotations, ...rest } = manifest.metadata;
  const { [lastAppliedAnnotation]: _, ...others } = annotations ?? {};
  const metadata = {
    ...rest,
    ...(namespace === undefined ? {} : { namespace }),
    ...(annotations ? { annotations: others } : {}),
  };
  return { ...manifest, metadata };
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
