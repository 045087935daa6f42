/**
 * Names of what nodes offer beside cpu, memory, instances and processes, such as example.com/camera: extended resources as in
 * Kubernetes. https://kubernetes.io/docs/concepts/configuration/manage-resources-containers/#extended-resources
 */
import { checkQualifiedName } from "./validation/names.ts";

/** Why a text is no such name; undefined when it is one. */
export function checkExtendedResource(name: string): string | undefined {
  const problem = checkQualifiedName(name);
  if (problem !== undefined) return problem;
  const [domain = "", ...rest] = name.split("/");
  if (rest.length === 0)
    return "must be cpu, memory, or the name of an extended resource, which has a domain, such as example.com/camera";
  const isKubernetes = domain === "kubernetes.io" || domain.endsWith(".kubernetes.io");
  // Quotas name what is requested by putting this in front.
  if (isKubernetes || name.startsWith("requests."))
    return "doesn't follow extended resource name standard: the domain must neither be of kubernetes.io nor begin with requests.";
  return undefined;
}
