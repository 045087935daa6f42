import type { Instance } from "../core/model.ts";
import type { QueuedRequest } from "../core/placement/queue.ts";
import { chargeOf, traitsOf } from "../core/quota/compute-resources.ts";
import type { CatalogueEntry } from "./template-catalogue.ts";

/** What an instance asks of placement. */
export function queuedRequest(instance: Instance, entry: CatalogueEntry, isGang: boolean): QueuedRequest {
  const { owner, namespace, templateHash, hasDeadline, isolation, priority, priorityClass, preempts } =
    instance;
  return {
    // Beside the template, what instances of it may differ in: a class can be made anew with another value, or become that
    // of those that name none; a module can be found to need a process; and quotas look for a deadline.
    key: [owner.uid, templateHash, priorityClass, priority, isolation, hasDeadline, preempts, isGang].join(
      "/",
    ),
    // One value for all that are alike: of a daemon set there is a group for each node.
    requirements:
      entry.requirements.isolation === isolation ? entry.requirements : { ...entry.requirements, isolation },
    targetNode: instance.targetNode,
    priority,
    preempts,
    isGang,
    quota: {
      namespace,
      workload: owner.name,
      charge: chargeOf(instance),
      traits: traitsOf(instance),
      unspecified: entry.unspecified,
    },
  };
}
