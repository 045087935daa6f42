import type { ApiObject } from "../../api/object-meta.ts";
import type { ApiClient } from "../client/api-client.ts";
import { applyObject, findObject, withoutManagedFields } from "../manifests/apply-object.ts";
import type { Manifest } from "../manifests/manifest.ts";
import { applyServerSide } from "../manifests/server-side-apply.ts";
import type { ManifestTarget } from "../manifests/target.ts";
import { toYaml } from "../output/yaml.ts";
import type { DiffFile } from "./external-diff.ts";
import { maskSecret } from "./mask-secret.ts";

export interface DiffRequest {
  readonly serverSide: boolean;
  readonly force: boolean;
  readonly fieldManager: string | undefined;
  readonly showManagedFields: boolean;
}

/** An object as it is and as the server says that it would be; undefined: there would be no difference. */
export async function diffObject(
  client: ApiClient,
  target: ManifestTarget,
  manifest: Manifest,
  request: DiffRequest,
): Promise<DiffFile | undefined> {
  const live = await findObject(client, target, manifest.metadata.name);
  const merged = request.serverSide
    ? await applyServerSide(client, target, manifest, { ...request, dryRun: true, current: live })
    : await mergedFromHere(client, target, manifest, request);
  return merged && diffFile(target, { live, merged }, request);
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
  { resource, namespace }: ManifestTarget,
  pair: { readonly live: ApiObject | undefined; readonly merged: ApiObject },
  { showManagedFields }: DiffRequest,
): DiffFile | undefined {
  const shown = maskSecret(pair);
  const text = (object: ApiObject) => toYaml(showManagedFields ? object : withoutManagedFields(object));
  const live = shown.live && text(shown.live);
  const merged = text(shown.merged);
  if (live === merged) return undefined;
  const { name } = pair.merged.metadata;
  const parts = [resource.group, resource.version, resource.kind, namespace, name];
  // Names of objects may have characters that a path must not.
  const file = parts
    .filter((part) => part)
    .join(".")
    .replaceAll(/[/\\]/g, "-");
  return { name: file, live, merged };
}
