import { apiVersionOf, type ResourceDefinition } from "../resource.ts";
import { isBuiltIn } from "./subresources.ts";

type Named = Pick<ResourceDefinition, "group" | "version" | "kind">;

/** The name of a kind's schema: of a built-in kind that of its type in Go, of a custom one by its group, reversed. */
export function typeNameOf(resource: ResourceDefinition): string {
  const { group, version, kind } = resource;
  if (!isBuiltIn(resource)) return `${group.split(".").reverse().join(".")}.${version}.${kind}`;
  if (group === "apiextensions.k8s.io")
    return `io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.${version}.${kind}`;
  return `io.k8s.api.${group === "" ? "core" : group.split(".", 1)[0]}.${version}.${kind}`;
}

export function groupVersionKindsOf({ group, version }: Named, kind: string): readonly object[] {
  return [{ group, kind, version }];
}

/** Where the resources of a group version are: `api/v1`, `apis/GROUP/VERSION`. */
export function rootOf({ group, version }: Omit<Named, "kind">): string {
  return `${group === "" ? "api" : "apis"}/${apiVersionOf({ group, version })}`;
}

/** `listRbacAuthorizationV1NamespacedRole`: the group version stands after the verb. */
export function operationIdOf({ group, version }: Omit<Named, "kind">, verb: string, rest: string): string {
  return `${verb}${identifier(shortGroup(group), true)}${identifier(version, true)}${identifier(rest, true)}`;
}

export function tagOf({ group, version }: Omit<Named, "kind">): string {
  return `${identifier(shortGroup(group), false)}_${identifier(version, false)}`;
}

function shortGroup(group: string): string {
  return group === "" ? "core" : group.replace(/\.k8s\.io$/, "");
}

/** Letters and digits; what stood behind something else is capitalized. */
function identifier(text: string, capitalized: boolean): string {
  const joined = text.replaceAll(/[^A-Za-z0-9_]+(.?)/g, (_, next: string) => next.toUpperCase());
  return capitalized ? joined.charAt(0).toUpperCase() + joined.slice(1) : joined;
}
