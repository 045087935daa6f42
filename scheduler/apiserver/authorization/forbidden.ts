import { ApiError } from "../status.ts";
import type { Attributes } from "./authorizer.ts";

/** What was not allowed, in Kubernetes' words. */
function forbiddenMessage(attributes: Attributes): string {
  const { user, verb } = attributes;
  const who = `User ${JSON.stringify(user.name)} cannot ${verb}`;
  if (attributes.kind === "path") return escaped(`${who} path ${JSON.stringify(attributes.path)}`);
  const { resource, subresource, group, namespace } = attributes;
  const what = subresource === "" ? resource : `${resource}/${subresource}`;
  const where = namespace === "" ? "at the cluster scope" : `in the namespace ${JSON.stringify(namespace)}`;
  return escaped(`${who} resource ${JSON.stringify(what)} in API group ${JSON.stringify(group)} ${where}`);
}

/** The answer to a request that is not allowed. `reason` is the decision's. */
export function forbiddenRequest(attributes: Attributes, reason: string): ApiError {
  const inner = forbiddenMessage(attributes);
  const why = reason === "" ? inner : `${inner}: ${reason}`;
  if (attributes.kind === "path") return new ApiError("Forbidden", `forbidden: ${why}`);
  const { resource, group, name } = attributes;
  const qualified = group === "" ? resource : `${resource}.${group}`;
  const named = name === "" ? qualified : `${qualified} ${JSON.stringify(name)}`;
  return new ApiError("Forbidden", `${named} is forbidden: ${why}`, {
    ...(name === "" ? {} : { name }),
    ...(group === "" ? {} : { group }),
    kind: resource,
  });
}

/** Names come from the request; a browser that shows the message must not take them for markup. */
function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
