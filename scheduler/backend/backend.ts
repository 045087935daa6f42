import type { ApiObject } from "../../api/object-meta.ts";

/** A resource as its URL names it: `{group: "wherry.dev", plural: "wasmjobs"}`; group "" is core/v1. */
export interface ResourceKey {
  readonly group: string;
  readonly plural: string;
}

export type BackendEvent =
  | { readonly kind: "put"; readonly object: ApiObject }
  | { readonly kind: "delete"; readonly object: ApiObject }
  /** Everything that existed when the watch began has been delivered. Comes exactly once. */
  | { readonly kind: "synced" };

export type WriteOutcome =
  | { readonly kind: "written"; readonly object: ApiObject }
  /** Somebody changed the object meanwhile: read again, decide again. */
  | { readonly kind: "conflict" }
  | { readonly kind: "notFound" };

/**
 * Where controllers read and write declared objects: the embedded API server or Kubernetes. Objects are defaulted and
 * validated, and immutable. Methods reject with a retryable `WherryError` (code `BackendUnavailable`) while the store
 * or the API server is down.
 */
export interface Backend extends AsyncDisposable {
  /** Delivers what exists, then `synced`, then every change, in order, until `signal` aborts. Listeners must not throw. */
  watch(resource: ResourceKey, listener: (event: BackendEvent) => void, signal: AbortSignal): void;

  /** The object as last seen by this process, or undefined. Only for watched resources. */
  get(resource: ResourceKey, namespace: string, name: string): ApiObject | undefined;

  /** Why an object that exists cannot be read; undefined: it can, or there is none. Only for watched resources. */
  unreadable(resource: ResourceKey, namespace: string, name: string): string | undefined;

  create(
    resource: ResourceKey,
    object: Omit<ApiObject, "metadata"> & { readonly metadata: Partial<ApiObject["metadata"]> },
  ): Promise<WriteOutcome | { readonly kind: "exists" }>;

  /** Replaces `status` of the object with this uid, if `resourceVersion` is still current. */
  updateStatus(resource: ResourceKey, object: ApiObject, status: unknown): Promise<WriteOutcome>;

  /** Replaces everything but `status`; optimistic like {@link Backend.updateStatus}. */
  update(resource: ResourceKey, object: ApiObject): Promise<WriteOutcome>;

  /** Deletes the object if its uid still is the given one. */
  delete(resource: ResourceKey, object: ApiObject): Promise<WriteOutcome>;

  /** Takes the leadership: returns an epoch higher than any before, durably. */
  takeEpoch(): Promise<number>;
}
