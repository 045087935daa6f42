import type { ApiObject } from "../../api/object-meta.ts";
import { Failure } from "../failure.ts";
import { kindReference, type Resource } from "../resources/resource.ts";

/** A workload that is rolled out. */
export interface Workload {
  readonly kind: "WasmDeployment" | "WasmDaemonSet";
  /** Its kind, as messages have it. */
  readonly word: string;
  readonly resource: Resource;
  readonly namespace: string;
  readonly name: string;
  /** Selects its instances. */
  readonly instanceSelector: string;
}

const ownerLabels = {
  WasmDeployment: "wherry.dev/deployment",
  WasmDaemonSet: "wherry.dev/daemon-set",
} as const;

/** Throws for kinds that have no rollouts. */
export function asWorkload(resource: Resource, namespace: string | undefined, name: string): Workload {
  const { group, kind } = resource;
  if (
    group !== "wherry.dev" ||
    namespace === undefined ||
    (kind !== "WasmDeployment" && kind !== "WasmDaemonSet")
  )
    throw new Failure(
      `${kindReference(resource)} has no rollouts; wasmdeployments and wasmdaemonsets have. For kinds of Kubernetes use kubectl rollout`,
    );
  const instanceSelector = `${ownerLabels[kind]}=${name}`;
  return { kind, word: kind.toLowerCase(), resource, namespace, name, instanceSelector };
}

/** The instance template of a workload or a revision: `spec.template` of what holds it. */
export function templateOf(holder: unknown): Readonly<Record<string, unknown>> | undefined {
  const spec = recordOf(recordOf(holder)?.["spec"]);
  return recordOf(spec?.["template"]);
}

/** Throws for pausing what cannot be paused. */
export function requirePausable({ kind, resource }: Workload): void {
  if (kind === "WasmDaemonSet")
    throw new Failure(
      `${resource.plural}.${resource.group} pausing is not supported: only a wasmdeployment has spec.paused`,
    );
}

/** `wasmdeployments.wherry.dev "web"`, as kubectl names what it refuses to change. */
export function quotedReference({ resource, name }: Workload): string {
  return `${resource.plural}.${resource.group} "${name}"`;
}

/** The text that says why the template is as it is. */
export const changeCauseAnnotation = "kubernetes.io/change-cause";

export function changeCauseOf({ metadata }: ApiObject): string | undefined {
  return metadata.annotations?.[changeCauseAnnotation];
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : undefined;
}
