import type { InstanceSpec } from "./gen/kinds.gen.ts";

type Listener = NonNullable<InstanceSpec["listeners"]>[number];

/**
 * Where the process that hosts an instance takes requests itself, without a gateway (docs/HTTP.md): with the handlers `wagi` and `wasi-http` the listener
 * that `http.listener` names. All instances of a workload share its port on a node.
 */
export function directListenerOf({
  http,
  listeners = [],
}: Pick<InstanceSpec, "http" | "listeners">): Listener | undefined {
  if (http === undefined || http.handler === "listener" || http.listener === undefined) return undefined;
  return listeners.find(({ name }) => name === http.listener);
}
