import { createHash } from "node:crypto";
import type { Registry } from "../registry.ts";
import { apiVersionOf, type ResourceDefinition } from "../resource.ts";
import { compareGroups, compareGroupVersions, compareTexts } from "./group-order.ts";
import { type GroupVersionKind, isBuiltIn, subresourcesOf, verbsOf } from "./subresources.ts";

/** The documents by which clients learn what is served. `address`: where the client has reached the server. */
export function coreVersions(address: string): object {
  return {
    kind: "APIVersions",
    versions: ["v1"],
    serverAddressByClientCIDRs: [{ clientCIDR: "0.0.0.0/0", serverAddress: address }],
  };
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
    ...(group === "" ? {} : { apiVersion: "v1" }),
    groupVersion: apiVersionOf({ group, version }),
    resources: resources.flatMap((resource) => [
      {
        name: resource.plural,
        singularName: resource.singular,
        namespaced: resource.namespaced,
        kind: resource.kind,
        verbs: verbsOf(resource),
        ...namesOf(resource),
        ...(resource.storage === "stored" ? { storageVersionHash: storageVersionHash(resource) } : {}),
      },
      ...subresourcesOf(resource).map(({ name, kind, verbs }) => ({
        name: `${resource.plural}/${name}`,
        singularName: "",
        namespaced: resource.namespaced,
        ...(kind.group === group ? {} : { group: kind.group, version: kind.version }),
        kind: kind.kind,
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
      metadata: group === "" ? {} : { name: group },
      versions: versionsOf(registry, group).map((one) => ({
        version: one,
        resources: inVersion(registry, group, one).map(aggregatedResource),
        freshness: "Current",
      })),
    })),
  };
}

function aggregatedResource(resource: ResourceDefinition): object {
  const subresources = subresourcesOf(resource);
  return {
    resource: resource.plural,
    responseKind: responseKind(resource, resource),
    scope: resource.namespaced ? "Namespaced" : "Cluster",
    singularResource: resource.singular,
    verbs: verbsOf(resource),
    ...namesOf(resource),
    ...(subresources.length === 0
      ? {}
      : {
          subresources: subresources.map((one) => ({
            subresource: one.name,
            responseKind: responseKind(resource, one.kind),
            verbs: one.verbs,
          })),
        }),
  };
}

function namesOf({ shortNames, categories }: ResourceDefinition): object {
  return {
    ...(shortNames.length > 0 ? { shortNames } : {}),
    ...(categories.length > 0 ? { categories } : {}),
  };
}

/** Of a built-in kind, no group and version mean those that it stands under. */
function responseKind(resource: ResourceDefinition, { group, version, kind }: GroupVersionKind): object {
  if (isBuiltIn(resource) && group === resource.group) return { group: "", version: "", kind };
  return { group, version, kind };
}

/** Equal for clients as long as the form in which objects are stored is. Kubernetes' own, so that values can be compared. */
function storageVersionHash({ group, storageVersion, kind, alias }: ResourceDefinition): string {
  const stored = alias ? alias.group : group;
  const text = `${stored}/${storageVersion}/${kind}`;
  return createHash("sha256").update(text).digest().subarray(0, 8).toString("base64");
}

/** Without the core group, which has its own root. In the order of discovery. */
export function groupsOf(registry: Registry): readonly string[] {
  const groups = registry.kinds.map(({ resource }) => resource.group).filter((group) => group !== "");
  return [...new Set(groups)].sort(compareGroups);
}

/** The preferred one first. */
export function versionsOf(registry: Registry, group: string): readonly string[] {
  const resources = registry.kinds.map(({ resource }) => resource).filter((one) => one.group === group);
  return [...new Set(resources.toSorted(compareGroupVersions).map(({ version }) => version))];
}

function inVersion(registry: Registry, group: string, version: string): readonly ResourceDefinition[] {
  return registry.kinds
    .map(({ resource }) => resource)
    .filter((resource) => resource.group === group && resource.version === version)
    .sort((a, b) => compareTexts(a.plural, b.plural));
}

function groupBody(registry: Registry, group: string): object {
  const versions = versionsOf(registry, group).map((version) => ({
    groupVersion: `${group}/${version}`,
    version,
  }));
  return { name: group, versions, preferredVersion: versions[0] };
}
