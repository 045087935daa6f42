import type { Instance, PlacementRequirements } from "../core/model.ts";
import type { CatalogueEntry } from "./template-catalogue.ts";

/**
 * What placement would be asked for this instance now. Of a template that has changed since, only what the instance
 * carries itself is known; the rest is taken from the present one.
 */
export function requirementsFor(
  instance: Instance,
  entry: CatalogueEntry | undefined,
): PlacementRequirements {
  const { isolation, requests, claims, labels, namespace, owner, templateHash } = instance;
  if (entry?.templateHash === templateHash) return { ...entry.requirements, isolation };
  const rest = entry?.requirements ?? { ...unknownRequirements, ownerUid: owner.uid };
  return { ...rest, isolation, requests, claims, labels, namespace };
}

const unknownRequirements: Omit<
  PlacementRequirements,
  "isolation" | "requests" | "claims" | "labels" | "namespace" | "ownerUid"
> = {
  profile: "",
  runtime: "v8",
  runtimeVersion: "",
  runtimeFeatures: [],
  image: "",
  moduleFile: undefined,
  nodeAffinity: { required: undefined, preferred: [] },
  spread: [],
  hostPaths: [],
  listeners: [],
  nodeSelector: {},
  tolerations: [],
};
