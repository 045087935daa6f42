import type { Registry } from "../registry.ts";
import { apiVersionOf, qualified, type ResourceDefinition } from "../resource.ts";

/** The documents by which clients learn what is served. */
export function coreVersions(): object {
  return { kind: "APIVersions", versions: ["v1"], serverAddressByClientCIDRs: [] };
}

export function groupList(registry: Registry): object {
  return {
    kind: "APIGroupList",
    apiVersion: "v1",
    groups: groupsOf(registry).map((group) => groupBody(registry, group)),
  };
}

export function singleGroup(registry: Registry, group: string): object | undefined {
  if (!groupsOf(registry).includes(group)) return undefined;
  return { kind: "APIGroup", apiVersion: "v1", ...groupBody(registry, group) };
}

export function resourceList(registry: Registry, group: string, version: string): object | undefined {
  const resources = inVersion(registry, group, version);
  if (resources.length === 0) return undefined;
  return {
    kind: "APIResourceList",
    apiVersion: "v1",
    groupVersion: apiVersionOf({ group, version }),
    resources: resources.flatMap((resource) => [
      {
        name: resource.plural,
        singularName: resource.singular,
        namespaced: resource.namespaced,
        kind: resource.kind,
        verbs: verbsOf(resource),
        ...(resource.shortNames.length > 0 ? { shortNames: resource.shortNames } : {}),
        ...(resource.categories.length > 0 ? { categories: resource.categories } : {}),
      },
      ...subresourcesOf(resource).map(({ name, kind, verbs }) => ({
        name: `${resource.plural}/${name}`,
        singularName: "",
        namespaced: resource.namespaced,
        kind: kind.kind,
        ...(kind.group === resource.group ? {} : { group: kind.group, version: kind.version }),
        verbs,
      })),
    ]),
  };
}

/** apidiscovery.k8s.io: everything of /api (`core`) or /apis in one document. */
export function aggregatedDiscovery(registry: Registry, core: boolean, version: string): object {
  const groups = core ? [""] : groupsOf(registry);
  return {
    kind: "APIGroupDiscoveryList",
    apiVersion: `apidiscovery.k8s.io/${version}`,
    metadata: {},
    items: groups.map((group) => ({
      metadata: { name: group, creationTimestamp: null },
      versions: versionsOf(registry, group).map((one) => ({
        version: one,
        freshness: "Current",
        resources: inVersion(registry, group, one).map(aggregatedResource),
      })),
    })),
  };
}

function aggregatedResource(resource: ResourceDefinition): object {
  const { group, version, kind } = resource;
  return {
    resource: resource.plural,
    responseKind: { group, version, kind },
    scope: resource.namespaced ? "Namespaced" : "Cluster",
    singularResource: resource.singular,
    verbs: verbsOf(resource),
    shortNames: resource.shortNames,
    categories: resource.categories,
    subresources: subresourcesOf(resource).map((one) => ({
      subresource: one.name,
      responseKind: one.kind,
      verbs: one.verbs,
    })),
  };
}

export function verbsOf({ storage }: ResourceDefinition): readonly string[] {
  const reading = ["get", "list", "watch"];
  if (storage === "review") return ["create"];
  if (storage === "live") return ["delete", "deletecollection", ...reading];
  return ["create", "delete", "deletecollection", ...reading, "patch", "update"].sort();
}

interface Subresource {
  readonly name: string;
  readonly kind: { readonly group: string; readonly version: string; readonly kind: string };
  readonly verbs: readonly string[];
}

export function subresourcesOf(resource: ResourceDefinition): readonly Subresource[] {
  const { group, version, kind } = resource;
  if (resource.storage === "live") return [{ name: "log", kind: { group, version, kind }, verbs: ["get"] }];
  if (resource.storage === "review") return [];
  const verbs = ["get", "patch", "update"];
  const scale = { name: "scale", kind: { group: "autoscaling", version: "v1", kind: "Scale" }, verbs };
  return [
    ...(resource.status ? [{ name: "status", kind: { group, version, kind }, verbs }] : []),
    ...(resource.scale ? [scale] : []),
    ...(extraSubresources[qualified(resource)] ?? []),
  ];
}

/** What single kinds have beside status and scale. */
const extraSubresources: Readonly<Record<string, readonly Subresource[]>> = {
  serviceaccounts: [
    {
      name: "token",
      kind: { group: "authentication.k8s.io", version: "v1", kind: "TokenRequest" },
      verbs: ["create"],
    },
  ],
  namespaces: [
    { name: "finalize", kind: { group: "", version: "v1", kind: "Namespace" }, verbs: ["update"] },
  ],
};

/** Without the core group, which has its own root. */
function groupsOf(registry: Registry): readonly string[] {
  const groups = registry.kinds.map(({ resource }) => resource.group).filter((group) => group !== "");
  return [...new Set(groups)];
}

function versionsOf(registry: Registry, group: string): readonly string[] {
  const versions = registry.kinds.filter(({ resource }) => resource.group === group);
  return [...new Set(versions.map(({ resource }) => resource.version))];
}

function inVersion(registry: Registry, group: string, version: string): readonly ResourceDefinition[] {
  return registry.kinds
    .map(({ resource }) => resource)
    .filter((resource) => resource.group === group && resource.version === version);
}

function groupBody(registry: Registry, group: string): object {
  const versions = versionsOf(registry, group).map((version) => ({
    groupVersion: `${group}/${version}`,
    version,
  }));
  return { name: group, versions, preferredVersion: versions[0] };
}
