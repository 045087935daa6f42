import { checkout } from "../../test/support/cluster.ts";
import type { Call, Connection } from "./connection.ts";

const text = "x".repeat(800);
let made = 0;

/** A create of a ConfigMap of about a kilobyte. `name`: of it; one that is not taken by default. */
export function createConfigMap(namespace: string, name: string = `object-${made++}`): Call {
  const object = {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name, labels: { app: "bench", part: `p${made % 100}` } },
    data: { text, number: String(made) },
  };
  return { method: "POST", path: configMaps(namespace), body: JSON.stringify(object) };
}

/** A create of a workload that wants no instances: all that there is to do is to store it and to write its status. */
export function createDeployment(namespace: string): Call {
  const name = `workload-${made++}`;
  const object = {
    apiVersion: "wherry.dev/v1alpha1",
    kind: "WasmDeployment",
    metadata: { name, labels: { app: name } },
    spec: {
      replicas: 0,
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: {
          module: { image: `file://${checkout}/none.wasm` },
          args: ["serve", "--verbose"],
          env: [{ name: "LEVEL", value: "info" }],
          resources: { requests: { cpu: "50m", memory: "16Mi" }, limits: { cpu: "200m", memory: "64Mi" } },
        },
      },
    },
  };
  const path = `/apis/wherry.dev/v1alpha1/namespaces/${namespace}/wasmdeployments`;
  return { method: "POST", path, body: JSON.stringify(object) };
}

export function configMaps(namespace: string): string {
  return `/api/v1/namespaces/${namespace}/configmaps`;
}

export async function createNamespace(connection: Connection, name: string): Promise<void> {
  const object = { apiVersion: "v1", kind: "Namespace", metadata: { name } };
  await connection.expect(201, { method: "POST", path: "/api/v1/namespaces", body: JSON.stringify(object) });
}
