import type { Instance } from "../model.ts";

/**
 * The same instance, with those parts that its sibling has alike taken from there. Instances of one workload differ in
 * little; read from the wire one by one, each would have its own copy of everything, a kilobyte of it.
 */
export function withPartsOf(instance: Instance, sibling: Instance): Instance {
  return {
    ...instance,
    namespace: sameText(instance.namespace, sibling.namespace),
    owner: sameRecord(instance.owner, sibling.owner),
    templateId: sameText(instance.templateId, sibling.templateId),
    templateHash: sameText(instance.templateHash, sibling.templateHash),
    requests: sameRecord(instance.requests, sibling.requests),
    limits: sameRecord(instance.limits, sibling.limits),
    priorityClass: sameText(instance.priorityClass, sibling.priorityClass),
    labels: sameRecord(instance.labels, sibling.labels),
    annotations: sameRecord(instance.annotations, sibling.annotations),
  };
}

function sameText(own: string, known: string): string {
  return own === known ? known : own;
}

/** Of records whose values are texts and numbers. */
function sameRecord<T extends object>(own: T, known: T): T {
  if (own === known) return own;
  const names = Object.keys(own) as (keyof T)[];
  const isSame = names.every((name) => own[name] === known[name] && Object.hasOwn(known, name));
  return isSame && names.length === Object.keys(known).length ? known : own;
}
