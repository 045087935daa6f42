import type { ApiObject } from "../../../api/object-meta.ts";
import type { MeasuredResource } from "../measured-resource.ts";

/** Usages that a test puts. */
export class FakeMeasuredResource implements MeasuredResource {
  readonly revision = 1_000_000;
  readonly #objects = new Map<string, ApiObject>();

  put(namespace: string, name: string, labels: Readonly<Record<string, string>> = {}): void {
    this.#objects.set(`${namespace}\0wasmdeployment.${name}`, {
      apiVersion: "live.wherry.dev/v1alpha1",
      kind: "WorkloadUsage",
      metadata: {
        name: `wasmdeployment.${name}`,
        namespace,
        labels,
        uid: `uid-${name}`,
        resourceVersion: String(this.revision),
        creationTimestamp: "2026-01-01T00:00:00Z",
      },
      spec: { workload: { kind: "WasmDeployment", name, uid: `uid-${name}` } },
      status: { instances: { ready: 1, wanted: 2 } },
    });
  }

  keys(namespace: string | undefined): readonly string[] {
    return [...this.#objects.keys()]
      .filter((key) => namespace === undefined || key.startsWith(`${namespace}\0`))
      .sort();
  }

  getByKey(key: string): ApiObject | undefined {
    return this.#objects.get(key);
  }
}
