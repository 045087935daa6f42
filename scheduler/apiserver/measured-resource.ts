import type { ApiObject } from "../../api/object-meta.ts";

/**
 * The port by which the API server serves kinds whose objects are figures of the moment, made when somebody reads them, as those of
 * `metrics.k8s.io`. They can be got and listed, and have no past: nothing tells of their changes.
 */
export interface MeasuredResource {
  /** The resourceVersion of every list. */
  readonly revision: number;
  /** Namespace and name, as `keyOf` has them, in order. Never changed. */
  keys(namespace: string | undefined): readonly string[];
  getByKey(key: string): ApiObject | undefined;
}
