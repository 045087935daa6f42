/**
 * An ApplySet (KEP-3659): a parent object that says which kinds and namespaces a set of objects is spread over, and a label on each
 * member that says whose it is. Whoever applies the set again finds with both what is no longer in it.
 * https://git.k8s.io/enhancements/keps/sig-cli/3659-kubectl-apply-prune
 */
import { createHash } from "node:crypto";
import type { ApiObject } from "../../api/object-meta.ts";
import { groupVersion } from "../client/objects.ts";
import { Failure } from "../failure.ts";
import type { Manifest } from "../manifests/manifest.ts";
import type { ManifestTarget } from "../manifests/target.ts";
import { objectReference, type Resource } from "../resources/resource.ts";

export const partOfLabel = "applyset.kubernetes.io/part-of";
export const parentTypeLabel = "applyset.kubernetes.io/is-parent-type";
const idLabel = "applyset.kubernetes.io/id";
const toolingAnnotation = "applyset.kubernetes.io/tooling";
const kindsAnnotation = "applyset.kubernetes.io/contains-group-kinds";
const namespacesAnnotation = "applyset.kubernetes.io/additional-namespaces";

/**
 * Who may change the set. Its rules are kubectl's, to the letter, so that either may go on with the other's set; kubectl goes by the
 * name alone. Sets of other tools, whose rules nobody here knows, are refused.
 */
const tooling = { name: "kubectl", version: "v1.35.0" } as const;

/** Where a set is kept. */
export interface ParentReference {
  readonly resource: Resource;
  readonly namespace: string | undefined;
  readonly name: string;
}

/** Which kinds, as `Kind.group`, and which namespaces have members. */
export interface Extent {
  readonly kinds: ReadonlySet<string>;
  readonly namespaces: ReadonlySet<string>;
}

export const nowhere: Extent = { kinds: new Set(), namespaces: new Set() };

export function applySetId({ resource, namespace = "", name }: ParentReference): string {
  const identity = [name, namespace, resource.kind, resource.group].join(".");
  return `applyset-${createHash("sha256").update(identity).digest("base64url")}-v1`;
}

export function parentText({ resource, name }: ParentReference): string {
  return objectReference(resource, name);
}

/** `WasmDeployment.wherry.dev`, or `ConfigMap`. */
export function groupKind({ group, kind }: Resource): string {
  return group === "" ? kind : `${kind}.${group}`;
}

/** The kinds and namespaces of what is to be applied. */
export function extentOf(targets: readonly ManifestTarget[]): Extent {
  const namespaces = targets.flatMap(({ namespace }) => (namespace === undefined ? [] : [namespace]));
  return {
    kinds: new Set(targets.map(({ resource }) => groupKind(resource))),
    namespaces: new Set(namespaces),
  };
}

export function unionOf(one: Extent, other: Extent): Extent {
  return {
    kinds: new Set([...one.kinds, ...other.kinds]),
    namespaces: new Set([...one.namespaces, ...other.namespaces]),
  };
}

/** What a parent that exists says of its set. Throws when the set is not one that may be changed. */
export function readParent(parent: ParentReference, { metadata }: ApiObject): Extent {
  const text = parentText(parent);
  const { labels = {}, annotations = {} } = metadata;
  const owner = annotations[toolingAnnotation];
  if (owner === undefined)
    throw new Failure(
      `ApplySet parent object ${text} already exists and is missing required annotation "${toolingAnnotation}": it is something else; choose another name for the set`,
    );
  const ownerName = owner.includes("/") ? owner.slice(0, owner.lastIndexOf("/")) : owner;
  if (ownerName !== tooling.name)
    throw new Failure(
      `ApplySet parent object ${text} already exists and is managed by tooling "${ownerName}" instead of "${tooling.name}": apply it with that, or choose another name for the set`,
    );
  const id = labels[idLabel];
  if (id !== applySetId(parent))
    throw new Failure(
      `ApplySet parent object ${text} exists and has ${id === undefined ? "no" : `incorrect value for`} label "${idLabel}"${id === undefined ? "" : ` (got: ${id}, want: ${applySetId(parent)})`}: it may be a copy of another set's`,
    );
  const kinds = annotations[kindsAnnotation];
  if (kinds === undefined)
    throw new Failure(
      `ApplySet parent object ${text} has no annotation "${kindsAnnotation}", so nobody knows which kinds to look for`,
    );
  const own = parent.namespace === undefined ? [] : [parent.namespace];
  return {
    kinds: new Set(listOf(kinds)),
    namespaces: new Set([...listOf(annotations[namespacesAnnotation] ?? ""), ...own]),
  };
}

function listOf(text: string): readonly string[] {
  return text.split(",").filter((one) => one !== "");
}

/**
 * The parent as it is to be applied by the server; fields that are not in it are left to others. With a version: only if it still
 * has that one.
 */
export function parentManifest(
  parent: ParentReference,
  { kinds, namespaces }: Extent,
  resourceVersion: string | undefined,
): Manifest {
  const additional = [...namespaces].filter((namespace) => namespace !== parent.namespace);
  return {
    apiVersion: groupVersion(parent.resource),
    kind: parent.resource.kind,
    metadata: {
      name: parent.name,
      ...(resourceVersion === undefined ? {} : { resourceVersion }),
      ...(parent.namespace === undefined ? {} : { namespace: parent.namespace }),
      labels: { [idLabel]: applySetId(parent) },
      annotations: {
        [toolingAnnotation]: `${tooling.name}/${tooling.version}`,
        [kindsAnnotation]: [...kinds].toSorted().join(","),
        [namespacesAnnotation]: additional.toSorted().join(","),
      },
    },
  };
}

/** As kubectl calls itself when it writes a parent. */
export const parentManager = `${tooling.name}-applyset`;

/** A manifest as a member of a set. */
export function asMember(manifest: Manifest, id: string): Manifest {
  const labels = manifest.metadata["labels"] ?? {};
  if (typeof labels !== "object" || Array.isArray(labels)) return manifest;
  if (partOfLabel in labels)
    throw new Failure(
      `ApplySet label "${partOfLabel}" already set in input data: take it out of ${manifest.kind} "${manifest.metadata.name}"; apply writes it`,
    );
  return { ...manifest, metadata: { ...manifest.metadata, labels: { ...labels, [partOfLabel]: id } } };
}

/** Throws when an object that exists belongs to another set: two sets would prune it from each other. */
export function checkMembership(id: string, object: ApiObject): void {
  const other = object.metadata.labels?.[partOfLabel];
  if (other === undefined || other === id) return;
  throw new Failure(
    `${object.kind} "${object.metadata.name}" belongs to another ApplySet (its label ${partOfLabel} is ${other}): take it out of that set first, or remove the label`,
  );
}
