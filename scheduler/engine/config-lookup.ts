import type { Backend, ResourceKey } from "../backend/backend.ts";
import { type ConfigKind, type ConfigLookup, Unreadable } from "../core/templates/resolve-template.ts";

export const configResources: Readonly<Record<ConfigKind, ResourceKey>> = {
  ConfigMap: { group: "", plural: "configmaps" },
  Secret: { group: "", plural: "secrets" },
};

/** ConfigMaps and Secrets of a namespace, as last seen. */
export function configLookup(backend: Backend, namespace: string): ConfigLookup {
  return (kind, name) => {
    const resource = configResources[kind];
    const object = backend.get(resource, namespace, name);
    const reason = object ? undefined : backend.unreadable(resource, namespace, name);
    return reason === undefined ? object : new Unreadable(reason);
  };
}
