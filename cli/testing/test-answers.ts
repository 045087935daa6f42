/** What the small API server of the tests knows, and the forms of its answers. */
export interface TestObject {
  apiVersion: string;
  kind: string;
  metadata: Record<string, unknown> & { name: string; namespace?: string };
  [field: string]: unknown;
}

interface TestResource {
  readonly group: string;
  readonly plural: string;
  readonly kind: string;
  readonly short: readonly string[];
  readonly namespaced: boolean;
}

export const resources: readonly TestResource[] = [
  { group: "", plural: "configmaps", kind: "ConfigMap", short: ["cm"], namespaced: true },
  { group: "", plural: "events", kind: "Event", short: ["ev"], namespaced: true },
  { group: "wherry.dev", plural: "wasmdeployments", kind: "WasmDeployment", short: ["wd"], namespaced: true },
  { group: "wherry.dev", plural: "wasmcronjobs", kind: "WasmCronJob", short: ["wcj"], namespaced: true },
  { group: "wherry.dev", plural: "wasmjobs", kind: "WasmJob", short: ["wj"], namespaced: true },
  { group: "wherry.dev", plural: "wasmroutes", kind: "WasmRoute", short: ["wr"], namespaced: true },
  { group: "wherry.dev", plural: "wasmnodes", kind: "WasmNode", short: ["wn"], namespaced: false },
  {
    group: "live.wherry.dev",
    plural: "wasminstances",
    kind: "WasmInstance",
    short: ["wi"],
    namespaced: true,
  },
  {
    group: "live.wherry.dev",
    plural: "workloadusages",
    kind: "WorkloadUsage",
    short: [],
    namespaced: true,
  },
  {
    group: "live.wherry.dev",
    plural: "placementsimulations",
    kind: "PlacementSimulation",
    short: [],
    namespaced: false,
  },
];

/** Whether an object's path is in a collection's, which may span all namespaces. */
export function collectionOf(key: string, collection: string): boolean {
  const plural = collection.slice(collection.lastIndexOf("/") + 1);
  if (key.startsWith(`${collection}/`)) return true;
  const base = collection.slice(0, collection.lastIndexOf("/"));
  return (
    !collection.includes("/namespaces/") &&
    key.startsWith(`${base}/namespaces/`) &&
    key.includes(`/${plural}/`)
  );
}

export function merge(target: unknown, patch: unknown): unknown {
  if (typeof patch !== "object" || patch === null || Array.isArray(patch)) return patch;
  const result = (typeof target === "object" && target !== null ? target : {}) as Record<string, unknown>;
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else result[key] = merge(result[key], value);
  }
  return result;
}

export function notFound(path: string) {
  const [name, plural] = path.split("/").toReversed();
  const message = `${plural}.wherry.dev "${name}" not found`;
  return { kind: "Status", status: "Failure", reason: "NotFound", message, code: 404 };
}

export function toTable(objects: readonly TestObject[]) {
  return {
    kind: "Table",
    apiVersion: "meta.k8s.io/v1",
    metadata: objects.length === 1 ? { resourceVersion: objects[0]?.metadata["resourceVersion"] } : {},
    columnDefinitions: [{ name: "Name" }, { name: "Ready" }, { name: "Module", priority: 1 }],
    rows: objects.map((object) => ({
      cells: [
        object.metadata.name,
        (object["status"] as { ready?: string } | undefined)?.ready ?? null,
        "m.wasm",
      ],
      object: { kind: "PartialObjectMetadata", metadata: object.metadata },
    })),
  };
}

export function discovery(core: boolean) {
  const shown = resources.filter(({ group }) => (group === "") === core);
  const groups = [...new Set(shown.map(({ group }) => group))];
  return {
    kind: "APIGroupDiscoveryList",
    items: groups.map((group) => ({
      metadata: group === "" ? {} : { name: group },
      versions: [
        {
          version: group === "" ? "v1" : "v1alpha1",
          resources: shown
            .filter((resource) => resource.group === group)
            .map(({ plural, kind, short, namespaced }) => ({
              resource: plural,
              responseKind: { kind },
              scope: namespaced ? "Namespaced" : "Cluster",
              singularResource: kind.toLowerCase(),
              shortNames: short,
              categories: group === "" ? [] : ["wherry"],
              verbs: ["get", "list", "watch"],
            })),
        },
      ],
    })),
  };
}
