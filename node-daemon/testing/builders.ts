import type { InstanceSpec } from "../../api/gen/kinds.gen.ts";
import type { NodeAssignment, NodeTemplate } from "../core/assignment.ts";

export function buildAssignment(given: Partial<NodeAssignment> = {}): NodeAssignment {
  return {
    uid: "uid-1",
    namespace: "default",
    name: "web-1",
    owner: { kind: "WasmDeployment", name: "web", uid: "owner-1" },
    templateId: "template-1",
    templateHash: "hash-1",
    cpuMillis: 50,
    memoryBytes: 16 * 1024 * 1024,
    labels: {},
    annotations: {},
    slot: undefined,
    createdMs: 0,
    cpuLimitMillis: 0,
    memoryLimitBytes: 0,
    hasDeadline: false,
    priority: 0,
    priorityClass: "",
    isolation: "shared",
    claimsJson: "",
    proof: "",
    traceparent: "",
    ...given,
  };
}

export function buildSpec(given: Partial<InstanceSpec> = {}): InstanceSpec {
  return {
    module: { image: "file:///modules/app.wasm" },
    resources: {},
    terminationGracePeriodSeconds: 30,
    terminationMessagePolicy: "File",
    stopNotice: "none",
    ...given,
  };
}

export function buildTemplate(
  spec: Partial<InstanceSpec> = {},
  given: Partial<Pick<NodeTemplate, "id" | "contents" | "contentsId">> = {},
): NodeTemplate {
  const specJson = Buffer.from(JSON.stringify(buildSpec(spec)));
  return { id: "template-1", specJson, contents: [], contentsId: "", ...given };
}
