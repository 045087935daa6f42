import type { ResourceKey } from "./backend.ts";

/** How many declared objects namespaces have, without listing them. For the status of quotas. */
export interface ObjectCounts {
  /** undefined: the kind is not served, or has no namespaces. */
  count(kind: ResourceKey, namespace: string): number | undefined;
  /** Tells where an object was made or removed. The listener must not throw. */
  subscribe(listener: (kind: ResourceKey, namespace: string) => void): Disposable;
}
