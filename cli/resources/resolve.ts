import { Failure } from "../failure.ts";
import type { Resource } from "./resource.ts";

/** What the arguments of a command name: resources alone, or objects of them. */
export interface Selection {
  readonly resource: Resource;
  /** undefined: all objects of the resource. */
  readonly name: string | undefined;
}

/**
 * Finds a resource by plural, singular, short name or kind, each also with its group (`plural.group`) or version and
 * group (`plural.version.group`). Of several, the first of the server's discovery wins, as with kubectl.
 */
export function findResource(resources: readonly Resource[], name: string): Resource | undefined {
  const wanted = name.toLowerCase();
  const dot = wanted.indexOf(".");
  const bare = dot === -1 ? wanted : wanted.slice(0, dot);
  const qualifier = dot === -1 ? undefined : wanted.slice(dot + 1);
  const inScope = resources.filter(
    ({ group, version }) =>
      qualifier === undefined || qualifier === group || qualifier === `${version}.${group}`,
  );
  return (
    inScope.find(({ plural }) => plural === bare) ??
    inScope.find(({ singular, kind }) => singular === bare || kind.toLowerCase() === bare) ??
    inScope.find(({ shortNames }) => shortNames.includes(bare))
  );
}

/** The resource of a manifest, exactly as it names itself. */
export function findKind(
  resources: readonly Resource[],
  apiVersion: string,
  kind: string,
): Resource | undefined {
  const [group, version] = apiVersion.includes("/") ? apiVersion.split("/") : ["", apiVersion];
  return resources.find(
    (resource) => resource.group === group && resource.version === version && resource.kind === kind,
  );
}

/** Reads `TYPE[,TYPE] [NAME…]` and `TYPE/NAME…`, as kubectl's arguments. */
export function resolveSelections(
  resources: readonly Resource[],
  args: readonly string[],
): readonly Selection[] {
  const [first, ...rest] = args;
  if (first === undefined) {
    throw new Failure(
      `you must say which resource, such as "wasmdeployments"; "wherry api-resources" lists them all`,
    );
  }
  if (args.some((arg) => arg.includes("/"))) return args.map((arg) => resolvePair(resources, arg));
  const types = first.split(",").flatMap((type) => resolveType(resources, type));
  if (rest.length === 0) return types.map((resource) => ({ resource, name: undefined }));
  return types.flatMap((resource) => rest.map((name) => ({ resource, name })));
}

function resolvePair(resources: readonly Resource[], arg: string): Selection {
  const [type, name, ...more] = arg.split("/");
  if (!type || !name || more.length > 0) {
    throw new Failure(
      `arguments must be in the form TYPE/NAME when one of them is: "${arg}" is not (for example wasmdeployment/hello)`,
    );
  }
  return { resource: requireResource(resources, type), name };
}

/** One name may be a category, which stands for all its resources that can be listed. */
function resolveType(resources: readonly Resource[], name: string): readonly Resource[] {
  const resource = findResource(resources, name);
  if (resource) return [resource];
  const inCategory = (category: string) =>
    resources.filter(({ categories, verbs }) => categories.includes(category) && verbs.includes("list"));
  const members = inCategory(name);
  if (members.length > 0) return members;
  // A Wherry without a Kubernetes around it has nothing in "all" but its own.
  return name === "all" && inCategory("wherry").length > 0
    ? inCategory("wherry")
    : [requireResource(resources, name)];
}

export function requireResource(resources: readonly Resource[], name: string): Resource {
  const resource = findResource(resources, name);
  if (!resource) throw new Failure(`the server doesn't have a resource type "${name}"`);
  return resource;
}
