import type { ApiObject } from "../../api/object-meta.ts";
import { backoffMs } from "../../kit/backoff.ts";
import { sleep, type Clock } from "../../kit/clock.ts";
import type { Resource } from "../resources/resource.ts";
import type { ApiClient } from "./api-client.ts";
import { clientLimits } from "./limits.ts";
import { groupVersion, listPages, type ListQuery } from "./objects.ts";
import { ApiStatusError } from "./status-error.ts";
import { isPassing, watch } from "./watch.ts";

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
 * longer has the changes that follow. A server that has answered once and then goes away is waited for. Holds one page at a time,
 * however many objects there are.
 */
export async function* observe(
  client: ApiClient,
  clock: Clock,
  { resource, namespace, labelSelector, fieldSelector, signal }: Observation,
): AsyncGenerator<Sighting, void, undefined> {
  const query = { labelSelector, fieldSelector };
  const kindOf = { apiVersion: groupVersion(resource), kind: resource.kind };
  let wasThere = false;
  for (let failures = 0; !signal.aborted; failures++) {
    if (failures > 0)
      await sleep(clock, backoffMs(failures - 1, clientLimits.rewatch), signal).catch(() => {});
    if (signal.aborted) return;
    try {
      let resourceVersion = "";
      yield { kind: "listing" };
      for await (const page of listPages<Page>(client, resource, namespace, query)) {
        resourceVersion ||= page.metadata?.resourceVersion ?? "";
        for (const item of page.items ?? []) yield { kind: "present", object: { ...kindOf, ...item } };
      }
      yield { kind: "listed" };
      wasThere = true;
      const request = { ...query, resource, namespace, resourceVersion, isPatient: true, signal };
      for await (const { type, object } of watch<ApiObject>(client, clock, request)) {
        failures = 0;
        yield { kind: type === "DELETED" ? "gone" : "present", object };
      }
    } catch (error) {
      const isTooOld = error instanceof ApiStatusError && error.httpStatus === 410;
      if (!isTooOld && !(wasThere && isPassing(error))) throw error;
    }
  }
}
