import { stringify } from "yaml";

interface WorkloadOptions {
  readonly name: string;
  readonly image: string;
  /** More fields of the instances. */
  readonly template?: Readonly<Record<string, unknown>>;
  /** Of the instances. */
  readonly labels?: Readonly<Record<string, string>>;
  readonly spec?: Readonly<Record<string, unknown>>;
}

function workload(
  kind: string,
  { name, image, template = {}, labels = {}, spec = {} }: WorkloadOptions,
): string {
  return stringify({
    apiVersion: "wherry.dev/v1alpha1",
    kind,
    metadata: { name },
    spec: { ...spec, template: { metadata: { labels }, spec: { module: { image }, ...template } } },
  });
}

export function deployment(replicas: number, options: WorkloadOptions): string {
  return workload("WasmDeployment", { ...options, spec: { replicas, ...options.spec } });
}

export function daemonSet(options: WorkloadOptions): string {
  return workload("WasmDaemonSet", options);
}

export function job(options: WorkloadOptions): string {
  return workload("WasmJob", options);
}
