import { badRequest } from "../status.ts";

/** What a URL names, in Kubernetes' scheme. */
export type RequestTarget =
  | {
      readonly kind: "resource";
      readonly group: string;
      readonly version: string;
      /** "" for cluster-scoped kinds and for all namespaces. */
      readonly namespace: string;
      readonly plural: string;
      readonly name: string | undefined;
      readonly subresource: string | undefined;
    }
  /** Everything that is no resource: discovery, health, OpenAPI. */
  | { readonly kind: "path"; readonly parts: readonly string[] };

const partsMax = 16;

export function parseTarget(pathname: string): RequestTarget {
  const parts = pathname
    .split("/")
    .filter((part) => part !== "")
    .map(decodePart);
  if (parts.length > partsMax) throw badRequest("the path of the URL is too long");
  const [root, second = "", third = ""] = parts;
  if (root === "api" && parts.length > 2) return resourceOf("", second, parts.slice(2));
  if (root === "apis" && parts.length > 3) return resourceOf(second, third, parts.slice(3));
  return { kind: "path", parts };
}

/** Subresources of a namespace itself, not names of kinds in it. */
const namespaceSubresources = new Set(["status", "finalize"]);

function resourceOf(group: string, version: string, rest: readonly string[]): RequestTarget {
  const [first = "", second, third] = rest;
  const isInNamespace =
    first === "namespaces" &&
    second !== undefined &&
    third !== undefined &&
    !namespaceSubresources.has(third);
  const [plural = "", name, subresource, ...more] = isInNamespace ? rest.slice(2) : rest;
  return {
    kind: "resource",
    group,
    version,
    namespace: isInNamespace ? second : "",
    plural,
    name,
    subresource: subresource === undefined ? undefined : [subresource, ...more].join("/"),
  };
}

function decodePart(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw badRequest(`the path of the URL is badly escaped at ${JSON.stringify(part)}`);
  }
}
