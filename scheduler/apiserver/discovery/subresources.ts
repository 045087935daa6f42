import { callableKinds } from "../../../api/call-ticket.ts";
import { qualified, type ResourceDefinition } from "../resource.ts";
import { compareTexts } from "./group-order.ts";

export interface Subresource {
  readonly name: string;
  /** What is read and written there. */
  readonly kind: GroupVersionKind;
  readonly verbs: readonly string[];
}

export interface GroupVersionKind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

const scaleKind: GroupVersionKind = { group: "autoscaling", version: "v1", kind: "Scale" };
const tokenRequestKind: GroupVersionKind = {
  group: "authentication.k8s.io",
  version: "v1",
  kind: "TokenRequest",
};

const evictionKind: GroupVersionKind = { group: "policy", version: "v1", kind: "Eviction" };
export const evictionSubresource = "eviction";
export const callsSubresource = "calls";

/** Kubernetes' own kinds, in this order; custom ones have another. */
const builtInVerbs = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];
const customVerbs = ["delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"];
const measuredVerbs = ["get", "list"];
const liveVerbs = ["delete", "deletecollection", "get", "list", "watch"];

/** Namespaces go one by one. */
const undeletedCollections: ReadonlySet<string> = new Set(["namespaces"]);

export function verbsOf(resource: ResourceDefinition): readonly string[] {
  if (resource.storage === "review") return ["create"];
  if (resource.storage === "measured") return measuredVerbs;
  if (resource.storage === "live") return liveVerbs;
  if (!isBuiltIn(resource)) return customVerbs;
  if (!undeletedCollections.has(qualified(resource))) return builtInVerbs;
  return builtInVerbs.filter((verb) => verb !== "deletecollection");
}

export function subresourcesOf(resource: ResourceDefinition): readonly Subresource[] {
  const { group, version, kind } = resource;
  if (resource.storage === "live") {
    const { explanation } = resource;
    const log = { name: "log", kind: { group, version, kind }, verbs: ["get"] };
    if (!explanation) return [log];
    return [
      ...(isEvictable(resource)
        ? [{ name: evictionSubresource, kind: evictionKind, verbs: ["create"] }]
        : []),
      { name: "explain", kind: { group, version, kind: explanation.kind }, verbs: ["get"] },
      log,
    ];
  }
  if (resource.storage === "review" || resource.storage === "measured") return [];
  const verbs = ["get", "patch", "update"];
  const own = [
    ...(resource.status ? [{ name: "status", kind: { group, version, kind }, verbs }] : []),
    ...(resource.scale ? [{ name: "scale", kind: scaleKind, verbs }] : []),
    ...(isCallable(resource)
      ? [{ name: callsSubresource, kind: { group, version, kind: "CallTicket" }, verbs: ["create"] }]
      : []),
    ...(extraSubresources[qualified(resource)] ?? []),
  ];
  return isBuiltIn(resource) ? own.toSorted((a, b) => compareTexts(a.name, b.name)) : own;
}

/** Whether its objects can be asked to leave their nodes. */
export function isEvictable({ storage, plural }: ResourceDefinition): boolean {
  return storage === "live" && plural === "wasminstances";
}

/** Whether its objects may have functions that can be called. */
export function isCallable({ group, plural }: ResourceDefinition): boolean {
  return group === ownGroup && Object.hasOwn(callableKinds, plural);
}

const ownGroup = "wherry.dev";

/** What single kinds have beside status and scale. */
const extraSubresources: Readonly<Record<string, readonly Subresource[]>> = {
  serviceaccounts: [{ name: "token", kind: tokenRequestKind, verbs: ["create"] }],
  namespaces: [
    { name: "finalize", kind: { group: "", version: "v1", kind: "Namespace" }, verbs: ["update"] },
  ],
};

/** One of Kubernetes' own kinds, which discovery and OpenAPI describe in other ways than custom ones. */
export function isBuiltIn(resource: ResourceDefinition): boolean {
  return resource.strategicMerge;
}
