const prefixForm = /^(\/api\/[^/]+|\/apis\/[^/]+\/[^/]+)\/watch\/(.+)$/;

/**
 * Before there was `?watch=true`, watches had paths of their own: `/api/v1/watch/namespaces/NS/configmaps/NAME`. Kubernetes
 * still takes them. Returns the path of the list that is watched and, for a single object, its name. undefined: none of them.
 */
export function parseOldWatchPath(
  path: string,
): { readonly path: string; readonly name: string | undefined } | undefined {
  const [, root = "", rest] = prefixForm.exec(path) ?? [];
  if (rest === undefined) return undefined;
  const parts = rest.split("/");
  const isInNamespace = parts[0] === "namespaces" && parts.length > 2;
  const kindAt = isInNamespace ? 2 : 0;
  const [name, ...more] = parts.slice(kindAt + 1);
  // What is longer names nothing that can be watched; it is not found.
  if (more.length > 0) return undefined;
  return { path: [root, ...parts.slice(0, kindAt + 1)].join("/"), name };
}
