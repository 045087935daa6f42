/** One resource of the server's discovery. */
export interface Resource {
  /** Empty for core/v1. */
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly singular: string;
  readonly kind: string;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly namespaced: boolean;
  readonly verbs: readonly string[];
}

/** `wasmdeployment.wherry.dev/hello`, as kubectl names an object. */
export function objectReference(resource: Pick<Resource, "group" | "kind">, name: string): string {
  return `${kindReference(resource)}/${name}`;
}

export function kindReference({ group, kind }: Pick<Resource, "group" | "kind">): string {
  return group === "" ? kind.toLowerCase() : `${kind.toLowerCase()}.${group}`;
}

/** Whether the resource is one of Wherry's own. */
export function isOurs(resource: Pick<Resource, "group">): boolean {
  return resource.group === "wherry.dev" || resource.group.endsWith(".wherry.dev");
}
