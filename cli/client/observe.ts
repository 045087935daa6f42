import type { ApiObject } from "../../api/object-meta.ts";
import type { Clock } from "../../kit/clock.ts";
import type { Resource } from "../resources/resource.ts";
import type { ApiClient } from "./api-client.ts";
import { groupVersion, listPages, type ListQuery } from "./objects.ts";
import { ApiStatusError } from "./status-error.ts";
import { watch } from "./watch.ts";

/**
 * What is known of some objects. `present`: as it is now, once for each object of a list and then for each change. `gone`: as it was
 * last. Between `listing` and `listed` all that there is has been told: an object of before that was not is gone.
 */
export type Sighting =
  | { readonly kind: "listing" }
  | { readonly kind: "listed" }
  | { readonly kind: "present"; readonly object: ApiObject }
  | { readonly kind: "gone"; readonly object: ApiObject };

interface Observation extends ListQuery {
  readonly resource: Resource;
  /** undefined: all of them, or cluster scope. */
  readonly namespace: string | undefined;
  readonly signal: AbortSignal;
}

interface Page {
  readonly metadata?: { readonly continue?: string; readonly resourceVersion?: string };
  readonly items?: readonly ApiObject[];
}

/**
 * Tells how objects are and how they change, until the signal aborts: a list and a watch, and both again when the server no
 * longer has the changes that follow. Holds one page at a time, however many objects there are.
 */
export async function* observe(
  client: ApiClient,
  clock: Clock,
  { resource, namespace, labelSelector, fieldSelector, signal }: Observation,
): AsyncGenerator<Sighting, void, undefined> {
  const query = { labelSelector, fieldSelector };
  const kindOf = { apiVersion: groupVersion(resource), kind: resource.kind };
  while (!signal.aborted) {
    let resourceVersion = "";
    yield { kind: "listing" };
    for await (const page of listPages<Page>(client, resource, namespace, query)) {
      resourceVersion ||= page.metadata?.resourceVersion ?? "";
      for (const item of page.items ?? []) yield { kind: "present", object: { ...kindOf, ...item } };
    }
    yield { kind: "listed" };
    try {
      const request = { ...query, resource, namespace, resourceVersion, signal };
      for await (const { type, object } of watch<ApiObject>(client, clock, request)) {
        yield { kind: type === "DELETED" ? "gone" : "present", object };
      }
    } catch (error) {
      if (!(error instanceof ApiStatusError && error.httpStatus === 410)) throw error;
    }
  }
}
