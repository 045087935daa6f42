import type { ApiObject } from "../../api/object-meta.ts";
import type { ApiClient } from "../client/api-client.ts";
import { listObjects, resourcePath } from "../client/objects.ts";
import { ApiStatusError, type Status } from "../client/status-error.ts";
import { watch } from "../client/watch.ts";
import { Failure } from "../failure.ts";
import { kindReference, objectReference, type Resource } from "../resources/resource.ts";
import type { Terminal } from "../terminal.ts";

export interface DeleteTarget {
  readonly resource: Resource;
  readonly namespace: string | undefined;
  readonly name: string;
}

export interface DeleteRequest {
  readonly gracePeriodSeconds: number | undefined;
  readonly wait: boolean;
  /** undefined: for as long as it takes. */
  readonly timeoutMs: number | undefined;
}

/** Deletes one object, says so, and waits until it is gone: it may take its grace period or have finalizers. */
export async function deleteObject(
  client: ApiClient,
  terminal: Terminal,
  target: DeleteTarget,
  request: DeleteRequest,
): Promise<void> {
  const { resource, namespace, name } = target;
  const answer = await client.request<ApiObject | (Status & { readonly kind: "Status" })>({
    method: "DELETE",
    path: resourcePath(resource, namespace, name),
    body: {
      kind: "DeleteOptions",
      apiVersion: "v1",
      propagationPolicy: "Background",
      ...(request.gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds: request.gracePeriodSeconds }),
    },
  });
  const from = namespace === undefined ? "" : ` from ${namespace} namespace`;
  await terminal.out(`${kindReference(resource)} "${name}" deleted${from}\n`);
  if (!request.wait) return;
  // An object that goes later, or what is said of one that is gone: a Status may have metadata, too.
  const { details, metadata } = answer as Status & Partial<ApiObject>;
  const uid = details?.uid ?? metadata?.uid;
  const timeout = request.timeoutMs === undefined ? undefined : AbortSignal.timeout(request.timeoutMs);
  await untilGone(client, terminal, target, uid, timeout ?? new AbortController().signal);
  if (timeout?.aborted)
    throw new Failure(`timed out waiting for ${objectReference(resource, name)} to be gone`);
}

/** Resolves when no object of that name has that uid any more, or the signal aborts. */
async function untilGone(
  client: ApiClient,
  terminal: Terminal,
  { resource, namespace, name }: DeleteTarget,
  uid: string | undefined,
  signal: AbortSignal,
): Promise<void> {
  const query = { fieldSelector: `metadata.name=${name}` };
  const isIt = (object: ApiObject) =>
    object.metadata.name === name && (uid === undefined || object.metadata.uid === uid);
  while (!signal.aborted) {
    const { items, resourceVersion } = await listObjects(client, resource, namespace, query);
    if (!items.some(isIt)) return;
    try {
      const request = { ...query, resource, namespace, resourceVersion, signal };
      for await (const { type, object } of watch<ApiObject>(client, terminal.clock, request)) {
        if (type === "DELETED" && isIt(object)) return;
      }
    } catch (error) {
      if (!(error instanceof ApiStatusError && error.httpStatus === 410)) throw error;
    }
  }
}
