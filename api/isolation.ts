import type { InstanceSpec } from "./gen/kinds.gen.ts";
import { qosClass } from "./qos.ts";

/** What stands between an instance and others, weakest first. */
export const isolationTiers = ["shared", "process", "confined"] as const;
export type Isolation = (typeof isolationTiers)[number];

/**
 * What a template asks for; Guaranteed instances have a process of their own. A module may need more than was asked for,
 * which only its node learns.
 */
export function requestedIsolation({
  isolation,
  resources,
}: Pick<InstanceSpec, "isolation" | "resources">): Isolation {
  return isolation ?? (qosClass(resources) === "Guaranteed" ? "process" : "shared");
}

/** What a process of its own takes beside the instance's memory, as the overhead of a RuntimeClass in Kubernetes. */
export const processOverheadBytes = 32 * 2 ** 20;
