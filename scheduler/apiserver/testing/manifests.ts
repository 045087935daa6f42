import type { JsonObject } from "../resource.ts";

export const deploymentsPath = "/apis/wherry.dev/v1alpha1/namespaces/default/wasmdeployments";
export const configMapsPath = "/api/v1/namespaces/default/configmaps";

export function deployment(name: string, spec: JsonObject = {}, metadata: JsonObject = {}): JsonObject {
  return {
    apiVersion: "wherry.dev/v1alpha1",
    kind: "WasmDeployment",
    metadata: { name, ...metadata },
    spec: { template: { spec: { module: { image: "file:///srv/hello.wasm" } } }, ...spec },
  };
}

export function configMap(name: string, data: JsonObject = {}, metadata: JsonObject = {}): JsonObject {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name, ...metadata }, data };
}
