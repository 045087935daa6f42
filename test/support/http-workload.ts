import { stringify } from "yaml";

interface HttpWorkload {
  readonly name: string;
  readonly image: string;
  readonly http: Readonly<Record<string, unknown>>;
  /** None: for every host that no other route names. */
  readonly host?: string;
  /** More fields of the deployment. */
  readonly spec?: Readonly<Record<string, unknown>>;
  /** More fields of its instances. */
  readonly instance?: Readonly<Record<string, unknown>>;
  readonly memory?: string;
}

/** A deployment and the route to it. */
export function httpWorkload(workload: HttpWorkload): string {
  return httpObjects(workload)
    .map((object) => stringify(object))
    .join("---\n");
}

export function httpObjects({ name, image, http, host, spec, instance, memory = "256Mi" }: HttpWorkload) {
  const instanceSpec = { module: { image }, http, resources: { limits: { memory } }, ...instance };
  const deployment = {
    apiVersion: "wherry.dev/v1alpha1",
    kind: "WasmDeployment",
    metadata: { name },
    spec: { replicas: 1, ...spec, template: { metadata: { labels: { app: name } }, spec: instanceSpec } },
  };
  const route = {
    apiVersion: "wherry.dev/v1alpha1",
    kind: "WasmRoute",
    metadata: { name },
    spec: { ...(host ? { hostnames: [host] } : {}), rules: [{ backendRefs: [{ name }] }] },
  };
  return [deployment, route] as const;
}
