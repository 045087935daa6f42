import type { Instance } from "../../scheduler/core/model.ts";

/** An instance that has something of everything that travels with it, bound to node n. */
export const anInstance = (uid: string): Instance => ({
  uid,
  namespace: "default",
  name: uid,
  owner: { kind: "WasmJob", name: "o", uid: "o" },
  templateId: "",
  templateHash: "h",
  requests: { cpuMillis: 0, memoryBytes: 0 },
  limits: { cpuMillis: 200, memoryBytes: 2 ** 26 },
  claims: {
    extended: new Map([["example.com/camera", 2]]),
    ports: [{ address: "::", port: 80 }],
    affinity: { near: [], apart: [{ topologyKey: "zone", namespaces: ["default"] }], preferred: [] },
    tolerations: [{ key: "maintenance", operator: "Exists", value: "", effect: "NoExecute", seconds: 60 }],
  },
  isolation: "process",
  priority: -5,
  priorityClass: "low",
  preempts: false,
  hasDeadline: true,
  targetNode: undefined,
  leaving: undefined,
  labels: {},
  annotations: {},
  slot: { index: 3, attempt: 1 },
  createdMs: 1,
  state: { kind: "bound", nodeName: "n", observed: undefined },
});
