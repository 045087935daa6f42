import type { ApiObject } from "../../api/object-meta.ts";
import type { Prunable } from "../apply/prune.ts";
import type { ApiClient } from "../client/api-client.ts";
import { applyObject, findObject, withoutManagedFields } from "../manifests/apply-object.ts";
import type { Manifest } from "../manifests/manifest.ts";
import { applyServerSide } from "../manifests/server-side-apply.ts";
import type { ManifestTarget } from "../manifests/target.ts";
import type { Resource } from "../resources/resource.ts";
import { toYaml } from "../output/yaml.ts";
import type { DiffFile } from "./external-diff.ts";
import { maskSecret, type ObjectPair } from "./mask-secret.ts";

export interface DiffRequest {
  readonly serverSide: boolean;
  readonly force: boolean;
  readonly fieldManager: string | undefined;
  readonly showManagedFields: boolean;
}

export interface ObjectDiff {
  /** Of the object that there is. */
  readonly uid: string | undefined;
  /** undefined: there would be no difference. */
  readonly file: DiffFile | undefined;
}

/** An object as it is and as the server says that it would be. `check` throws what speaks against changing the one that there is. */
export async function diffObject(
  client: ApiClient,
  target: ManifestTarget,
  manifest: Manifest,
  request: DiffRequest,
  check: (live: ApiObject) => void,
): Promise<ObjectDiff> {
  const live = await findObject(client, target, manifest.metadata.name);
  if (live) check(live);
  const merged = request.serverSide
    ? await applyServerSide(client, target, manifest, { ...request, dryRun: true, current: live })
    : await mergedFromHere(client, target, manifest, request);
  return { uid: live?.metadata.uid, file: merged && diffFile(target.resource, { live, merged }, request) };
}

/** An object that would be deleted. */
export function diffPruned({ resource, object }: Prunable, request: DiffRequest): DiffFile | undefined {
  return diffFile(resource, { live: object, merged: undefined }, request);
}

/** The annotation with what was applied differs whenever something does: that is no news. */
async function mergedFromHere(
  client: ApiClient,
  target: ManifestTarget,
  manifest: Manifest,
  { fieldManager }: DiffRequest,
): Promise<ApiObject | undefined> {
  const request = { dryRun: "server", fieldManager, keepsAnnotation: true } as const;
  return (await applyObject(client, target, manifest, request)).object;
}

function diffFile(
  resource: Resource,
  pair: ObjectPair,
  { showManagedFields }: DiffRequest,
): DiffFile | undefined {
  const shown = maskSecret(pair);
  const text = (object: ApiObject) => toYaml(showManagedFields ? object : withoutManagedFields(object));
  const live = shown.live && text(shown.live);
  const merged = shown.merged && text(shown.merged);
  if (live === merged) return undefined;
  const { namespace, name } = (pair.merged ?? pair.live)?.metadata ?? {};
  const parts = [resource.group, resource.version, resource.kind, namespace, name];
  const file = parts
    .filter((part) => part)
    .join(".")
    // Names of objects may have characters that a path must not.
    .replaceAll(/[/\\]/g, "-");
  return { name: file, live, merged };
}
