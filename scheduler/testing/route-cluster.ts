/** An engine with gateways, deployments that answer requests, and routes to them. */
import type { WasmRoute, WasmRouteSpec } from "../../api/gen/kinds.gen.ts";
import type { FakeBackend } from "./fake-backend.ts";
import { FakeNode } from "./fake-node.ts";
import { deployment, startEngine, statusOf } from "./test-engine.ts";

export const httpHandler = {
  handler: "wasi-http",
  concurrency: 16,
  queueLength: 64,
  requestsPerInstance: 1_000,
  requestTimeoutSeconds: 30,
  maxRequestBodyBytes: 1,
} as const;

export function routeObject(name: string, spec: Partial<WasmRouteSpec> = {}, namespace = "default") {
  return {
    apiVersion: "wherry.dev/v1alpha1",
    kind: "WasmRoute",
    metadata: { name, namespace },
    spec: { rules: [{ backendRefs: [{ kind: "WasmDeployment", name: "app", weight: 1 }] }], ...spec },
  };
}

export async function startRouteCluster(backend?: FakeBackend, seed?: number) {
  const cluster = await startEngine(backend, seed);
  const gatewayNode = (name: string, urls: readonly string[] = [`http://${name}.example:8080`]) =>
    new FakeNode(name, cluster.engine.nodes).connect({
      gateway: { address: `${name}.example:7000`, urls },
    });
  /** Declares it anew, or for the first time. */
  const serve = (
    name: string,
    replicas: number,
    spec: Record<string, unknown> = {},
    template: Record<string, unknown> = { http: httpHandler },
  ) => {
    const made = deployment(replicas, template);
    return cluster.backend.put("wasmdeployments", {
      ...made,
      metadata: { name, namespace: "default" },
      spec: { ...made.spec, ...spec },
    });
  };
  const route = (name: string, spec: Partial<WasmRouteSpec> = {}, namespace = "default") =>
    cluster.backend.put("wasmroutes", routeObject(name, spec, namespace));
  const routeStatus = (name: string, namespace = "default") => {
    const object = cluster.backend.get({ group: "wherry.dev", plural: "wasmroutes" }, namespace, name);
    const status = (object as unknown as WasmRoute | undefined)?.status;
    const conditions = (status?.conditions ?? []).map(
      ({ type, status: is, reason }) => [type, `${is} ${reason}`] as const,
    );
    return { url: status?.url, ...Object.fromEntries(conditions) } as Readonly<Record<string, string>>;
  };
  const deploymentStatus = (name: string) => statusOf(cluster.backend, "wasmdeployments", name);
  return { ...cluster, gatewayNode, serve, route, routeStatus, deploymentStatus };
}
