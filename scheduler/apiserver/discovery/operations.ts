import type { ResourceDefinition } from "../resource.ts";
import { metaTypes } from "./meta-schemas.ts";
import { operationIdOf, rootOf, tagOf, typeNameOf } from "./names.ts";
import { type NamedParameter, pathParameter, type QueryParameter, queryParametersOf } from "./parameters.ts";
import {
  callsSubresource,
  evictionSubresource,
  type GroupVersionKind,
  isBuiltIn,
  type Subresource,
  subresourcesOf,
  verbsOf,
} from "./subresources.ts";

/** What OpenAPI documents say of one method of one path, in no version of theirs. */
export interface Operation {
  readonly method: "get" | "put" | "post" | "delete" | "patch";
  readonly id: string;
  readonly tag: string;
  readonly description: string;
  /** Kubernetes' word for it; undefined for what is done with no object. */
  readonly action: string | undefined;
  readonly kind: GroupVersionKind | undefined;
  /** Without those of its path. */
  readonly parameters: readonly NamedParameter[];
  /** Which type the body has, and in what media types it is taken. */
  readonly body:
    | { readonly type: string; readonly media: readonly string[]; readonly required: boolean }
    | undefined;
  /** undefined as type: plain text. */
  readonly answer: { readonly type: string | undefined; readonly media: readonly string[] };
  readonly codes: readonly (readonly [code: number, description: string])[];
}

export interface PathOperations {
  readonly path: string;
  /** Those that each operation has. */
  readonly parameters: readonly NamedParameter[];
  readonly operations: readonly Operation[];
}

const ok = [200, "OK"] as const;
const created = [201, "Created"] as const;
const accepted = [202, "Accepted"] as const;

const listing: readonly QueryParameter[] = [
  "allowWatchBookmarks",
  "continue",
  "fieldSelector",
  "labelSelector",
  "limit",
  "resourceVersion",
  "resourceVersionMatch",
  "sendInitialEvents",
  "timeoutSeconds",
  "watch",
];
const writing: readonly QueryParameter[] = ["dryRun", "fieldManager", "fieldValidation"];
const deleting: readonly QueryParameter[] = [
  "dryRun",
  "gracePeriodSeconds",
  "orphanDependents",
  "propagationPolicy",
];
const deletingAll: readonly QueryParameter[] = [
  ...deleting,
  ...listing.filter((name) => name !== "watch" && name !== "allowWatchBookmarks"),
];
const readingSubresource: Readonly<Record<string, readonly QueryParameter[]>> = {
  explain: ["limit"],
  log: ["follow", "sinceSeconds", "tailLines", "timestamps"],
};

const objectMedia = ["application/json", "application/yaml"];
const listMedia = ["application/json", "application/json;stream=watch", "application/yaml"];

/** The list of what a group version has. */
export function versionOperations(resource: {
  readonly group: string;
  readonly version: string;
}): PathOperations {
  const operation: Operation = {
    method: "get",
    id: operationIdOf(resource, "get", "APIResources"),
    tag: tagOf(resource),
    description: "get available resources",
    action: undefined,
    kind: undefined,
    parameters: [],
    body: undefined,
    answer: { type: metaTypes.resourceList, media: ["application/json"] },
    codes: [ok],
  };
  return { path: `/${rootOf(resource)}/`, parameters: [], operations: [operation] };
}

/** All paths of a resource in one version. */
export function operationsOf(resource: ResourceDefinition): readonly PathOperations[] {
  const { plural, namespaced } = resource;
  const root = `/${rootOf(resource)}`;
  const collection = `${root}${namespaced ? "/namespaces/{namespace}" : ""}/${plural}`;
  const verbs = new Set(verbsOf(resource));
  const inPath = namespaced ? [pathParameter("namespace", `namespace of the ${resource.kind}`)] : [];
  const named = [pathParameter("name", `name of the ${resource.kind}`), ...inPath];
  const everywhere =
    namespaced && verbs.has("list")
      ? [pathOf(`${root}/${plural}`, [], [listOperation(resource, `${resource.kind}ForAllNamespaces`)])]
      : [];
  return [
    ...everywhere,
    pathOf(collection, inPath, collectionOperations(resource, verbs)),
    ...(verbs.has("get")
      ? [pathOf(`${collection}/{name}`, named, objectOperations(resource, verbs, undefined))]
      : []),
    ...subresourcesOf(resource).map((one) =>
      pathOf(`${collection}/{name}/${one.name}`, named, objectOperations(resource, new Set(one.verbs), one)),
    ),
  ];
}

/** What all operations take stands once, with the path. */
function pathOf(
  path: string,
  inPath: readonly NamedParameter[],
  operations: readonly Operation[],
): PathOperations {
  const [first] = operations;
  const isCommon = ({ name }: NamedParameter) =>
    operations.every(({ parameters }) => parameters.some((one) => one.name === name));
  const common = first?.parameters.filter(isCommon) ?? [];
  return {
    path,
    parameters: [...inPath, ...common, ...queryParametersOf(["pretty"])].sort((a, b) =>
      a.name < b.name ? -1 : 1,
    ),
    operations: operations.map((one) => ({
      ...one,
      parameters: one.parameters.filter((parameter) => !isCommon(parameter)),
    })),
  };
}

function collectionOperations(
  resource: ResourceDefinition,
  verbs: ReadonlySet<string>,
): readonly Operation[] {
  const { kind } = resource;
  const scope = resource.namespaced ? "Namespaced" : "";
  const type = typeNameOf(resource);
  return [
    ...(verbs.has("list") ? [listOperation(resource, `${scope}${kind}`)] : []),
    ...(verbs.has("create")
      ? [
          operation(resource, {
            method: "post",
            id: ["create", `${scope}${kind}`],
            description: `create ${withArticle(kind)}`,
            action: "post",
            parameters: writing,
            body: bodyOf(resource, type),
            answer: { type, media: objectMedia },
            codes: [ok, created, accepted],
          }),
        ]
      : []),
    ...(verbs.has("deletecollection")
      ? [
          operation(resource, {
            method: "delete",
            id: ["delete", `Collection${scope}${kind}`],
            description: `delete collection of ${kind}`,
            action: "deletecollection",
            parameters: deletingAll,
            body: { ...bodyOf(resource, metaTypes.deleteOptions), required: false },
            answer: { type: metaTypes.status, media: objectMedia },
            codes: [ok],
          }),
        ]
      : []),
  ];
}

/** Of one object, or of a subresource of it. */
function objectOperations(
  resource: ResourceDefinition,
  verbs: ReadonlySet<string>,
  sub: Subresource | undefined,
): readonly Operation[] {
  const { kind } = resource;
  const suffix = sub ? sub.name.charAt(0).toUpperCase() + sub.name.slice(1) : "";
  const rest = `${resource.namespaced ? "Namespaced" : ""}${kind}${suffix}`;
  const of = sub ? `${sub.name} of ` : "";
  const type = sub ? subresourceType(resource, sub) : typeNameOf(resource);
  const kindThere = sub ? { kindThere: sub.kind } : {};
  const answer = { type, media: type === undefined ? ["text/plain", ...objectMedia] : objectMedia };
  const body = bodyOf(resource, type ?? "");
  const make = (verb: string, one: Made) =>
    verbs.has(verb) ? [operation(resource, { ...kindThere, ...one })] : [];
  return [
    ...make("get", {
      method: "get",
      id: ["read", rest],
      description: `read ${of}the specified ${kind}`,
      action: "get",
      parameters: (sub && readingSubresource[sub.name]) ?? [],
      body: undefined,
      answer,
      codes: [ok],
    }),
    ...make("update", {
      method: "put",
      id: ["replace", rest],
      description: `replace ${of}the specified ${kind}`,
      action: "put",
      parameters: writing,
      body,
      answer,
      codes: [ok, created],
    }),
    ...make("create", {
      method: "post",
      id: ["create", rest],
      description: `create ${of}${withArticle(kind)}`,
      action: "post",
      parameters: writing,
      body,
      answer,
      codes: [ok, created, accepted],
    }).filter(() => sub !== undefined),
    ...make("delete", {
      method: "delete",
      id: ["delete", rest],
      description: `delete ${withArticle(kind)}`,
      action: "delete",
      parameters: deleting,
      body: { ...bodyOf(resource, metaTypes.deleteOptions), required: false },
      answer: { type: metaTypes.status, media: objectMedia },
      codes: [ok, accepted],
    }),
    ...make("patch", {
      method: "patch",
      id: ["patch", rest],
      description: `partially update ${of}the specified ${kind}`,
      action: "patch",
      parameters: [...writing, "force"],
      body: { type: metaTypes.patch, media: patchMediaOf(resource), required: true },
      answer,
      codes: [ok, created],
    }),
  ];
}

function listOperation(resource: ResourceDefinition, rest: string): Operation {
  return operation(resource, {
    method: "get",
    id: ["list", rest],
    description: `list or watch objects of kind ${resource.kind}`,
    action: "list",
    parameters: listing,
    body: undefined,
    answer: { type: `${typeNameOf(resource)}List`, media: listMedia },
    codes: [ok],
  });
}

interface Made extends Omit<Operation, "id" | "tag" | "kind" | "parameters" | "action"> {
  readonly id: readonly [verb: string, rest: string];
  readonly action: string;
  readonly parameters: readonly QueryParameter[];
  /** Of a subresource, when it is another. */
  readonly kindThere?: GroupVersionKind;
}

function operation(resource: ResourceDefinition, { kindThere, ...made }: Made): Operation {
  const { group, version, kind } = kindThere ?? resource;
  return {
    ...made,
    id: operationIdOf(resource, ...made.id),
    tag: tagOf(resource),
    parameters: queryParametersOf(made.parameters),
    kind: { group, version, kind },
  };
}

/** undefined: text. */
function subresourceType(resource: ResourceDefinition, { name }: Subresource): string | undefined {
  switch (name) {
    case "scale":
      return metaTypes.scale;
    case "token":
      return metaTypes.tokenRequest;
    case "log":
      return undefined;
    case callsSubresource:
      return metaTypes.callTicket;
    case evictionSubresource:
      return metaTypes.eviction;
    case "explain":
      return typeNameOf(resource.explanation ?? resource);
    default:
      return typeNameOf(resource);
  }
}

function bodyOf(resource: ResourceDefinition, type: string): NonNullable<Operation["body"]> {
  return { type, media: isBuiltIn(resource) ? ["*/*"] : objectMedia, required: true };
}

/** By these, clients know that there is server-side apply, and where strategic merge is taken. */
function patchMediaOf(resource: ResourceDefinition): readonly string[] {
  const everyKind = [
    "application/apply-patch+yaml",
    "application/json-patch+json",
    "application/merge-patch+json",
  ];
  return isBuiltIn(resource) ? [...everyKind, "application/strategic-merge-patch+json"] : everyKind;
}

function withArticle(noun: string): string {
  return `${/^[aeiou]/i.test(noun) ? "an" : "a"} ${noun}`;
}
