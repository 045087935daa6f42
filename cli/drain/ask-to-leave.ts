import type { WasmInstance } from "../../api/gen/kinds.gen.ts";
import type { ApiClient } from "../client/api-client.ts";
import { resourcePath } from "../client/objects.ts";
import { ApiStatusError, isNotFound, type Status } from "../client/status-error.ts";
import type { DryRun } from "../manifests/apply-object.ts";
import type { Resource } from "../resources/resource.ts";

export interface AskedHow {
  readonly dryRun: DryRun;
  /** undefined: the template's holds. */
  readonly gracePeriodSeconds: number | undefined;
  /** Delete it, whatever the budgets say. */
  readonly disableEviction: boolean;
}

export type Answer =
  | { readonly kind: "gone" }
  /** It leaves. Empty: it only takes its time. */
  | { readonly kind: "leaves"; readonly waitsFor: string };

/** Asks for the eviction of one instance. Throws what the server answers otherwise: 429 of a budget, among others. */
export async function askToLeave(
  how: AskedHow & { readonly client: ApiClient; readonly instances: Resource },
  { metadata: { namespace, name, uid } }: WasmInstance,
  signal: AbortSignal,
): Promise<Answer> {
  const { client, instances, dryRun, gracePeriodSeconds, disableEviction } = how;
  const options = {
    ...(gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds }),
    ...(dryRun === "server" ? { dryRun: ["All"] } : {}),
    // Its name is never another's, but nothing says so here.
    preconditions: { uid },
  };
  const eviction = {
    apiVersion: "policy/v1",
    kind: "Eviction",
    metadata: { name, namespace },
    deleteOptions: options,
  };
  try {
    const answer = disableEviction
      ? await client.request<Status>({
          method: "DELETE",
          path: resourcePath(instances, namespace, name),
          body: { apiVersion: "v1", kind: "DeleteOptions", ...options },
          signal,
        })
      : await client.request<Status>({
          method: "POST",
          path: resourcePath(instances, namespace, name, "eviction"),
          body: eviction,
          signal,
        });
    return { kind: "leaves", waitsFor: answer.kind === "Status" ? (answer.message ?? "") : "" };
  } catch (error) {
    const isOther = error instanceof ApiStatusError && error.httpStatus === 409;
    if (isNotFound(error) || isOther) return { kind: "gone" };
    throw error;
  }
}
