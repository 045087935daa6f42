import { Failure } from "../failure.ts";
import { findKind } from "../resources/resolve.ts";
import type { Resource } from "../resources/resource.ts";
import type { Manifest, ManifestSource } from "./manifest.ts";

export interface ManifestTarget {
  readonly resource: Resource;
  /** undefined: the resource is in no namespace. */
  readonly namespace: string | undefined;
}

interface NamespaceChoice {
  readonly namespace: string;
  /** Whether it was chosen on the command line, and so must not be contradicted. */
  readonly given: boolean;
}

/** Finds out where on the server a manifest belongs. */
export function locateManifest(
  manifest: Manifest,
  source: ManifestSource,
  resources: readonly Resource[],
  choice: NamespaceChoice,
): ManifestTarget {
  const { apiVersion, kind, metadata } = manifest;
  const resource = findKind(resources, apiVersion, kind);
  if (!resource) {
    const served = resources.filter((candidate) => candidate.kind === kind);
    const advice =
      served.length > 0
        ? `the server has ${kind} in ${served.map(({ group, version }) => (group === "" ? version : `${group}/${version}`)).join(", ")}`
        : `"wherry api-resources" lists the kinds that the server knows`;
    throw new Failure(
      `resource mapping not found for name: "${metadata.name}" namespace: "${metadata.namespace ?? ""}" from "${source.file}": ` +
        `no matches for kind "${kind}" in version "${apiVersion}"; ${advice}`,
    );
  }
  if (!resource.namespaced) return { resource, namespace: undefined };
  if (choice.given && metadata.namespace !== undefined && metadata.namespace !== choice.namespace) {
    throw new Failure(
      `the namespace from the provided object "${metadata.namespace}" does not match the namespace "${choice.namespace}". ` +
        `You must pass '--namespace=${metadata.namespace}' to perform this operation.`,
    );
  }
  return { resource, namespace: metadata.namespace ?? choice.namespace };
}
