/** What deleting an object means for the object itself. What it means for its dependents is the garbage collector's. */
import type { ApiObject } from "../../../api/object-meta.ts";
import { toTimestamp } from "../../../kit/timestamps.ts";
import type { User } from "../authentication/user.ts";
import type { Kind } from "../registry.ts";
import { conflict, forbidden } from "../status.ts";

export const propagationPolicies = ["Foreground", "Background", "Orphan"] as const;
export type PropagationPolicy = (typeof propagationPolicies)[number];

export interface DeleteOptions {
  readonly user: User;
  readonly dryRun: boolean;
  /** Preconditions; undefined: whatever it is. */
  readonly uid: string | undefined;
  readonly resourceVersion: string | undefined;
  /** undefined: what the object's finalizers say, and else Background. */
  readonly policy: PropagationPolicy | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The garbage collector's finalizers. https://kubernetes.io/docs/concepts/architecture/garbage-collection/ */
export const foregroundFinalizer = "foregroundDeletion";
export const orphanFinalizer = "orphan";

/** They are made at every start and are never deleted. */
export const permanentNamespaces: readonly string[] = ["default", "kube-system", "kube-public"];

export function isNamespace({ resource }: Kind): boolean {
  return resource.group === "" && resource.plural === "namespaces";
}

export function checkDelete(kind: Kind, { metadata }: ApiObject, options: DeleteOptions): void {
  const { name, uid, resourceVersion } = metadata;
  if (options.uid !== undefined && options.uid !== uid)
    throw conflict(
      kind.resource,
      name,
      `Precondition failed: UID in precondition: ${options.uid}, UID in object meta: ${uid}`,
    );
  if (options.resourceVersion !== undefined && options.resourceVersion !== resourceVersion)
    throw conflict(
      kind.resource,
      name,
      `Precondition failed: ResourceVersion in precondition: ${options.resourceVersion}, ResourceVersion in object meta: ${resourceVersion}`,
    );
  if (isNamespace(kind) && permanentNamespaces.includes(name))
    throw forbidden(kind.resource, name, "this namespace may not be deleted");
}

/**
 * The object as it waits for its finalizers, with the one that the policy asks for. undefined: nothing holds it, it can
 * go at once. The very same object: it waits already.
 */
export function markDeleted(
  kind: Kind,
  object: ApiObject,
  policy: PropagationPolicy | undefined,
  nowMs: number,
): ApiObject | undefined {
  const { metadata } = object;
  const finalizers = finalizersFor(metadata.finalizers ?? [], policy);
  if (finalizers.length === 0 && !isNamespace(kind)) return undefined;
  const before = new Set(metadata.finalizers);
  const isSame =
    finalizers.length === (metadata.finalizers?.length ?? 0) && finalizers.every((one) => before.has(one));
  const isMarked = metadata.deletionTimestamp !== undefined;
  if (isMarked && isSame) return object;
  const { generation } = metadata;
  const { finalizers: _, ...rest } = metadata;
  return kind.resource.normalize({
    ...object,
    metadata: {
      ...rest,
      ...(finalizers.length > 0 ? { finalizers } : {}),
      ...(isMarked
        ? {}
        : {
            deletionTimestamp: toTimestamp(nowMs),
            deletionGracePeriodSeconds: 0,
            ...(generation === undefined ? {} : { generation: generation + 1 }),
          }),
    },
  });
}

function finalizersFor(
  finalizers: readonly string[],
  policy: PropagationPolicy | undefined,
): readonly string[] {
  if (policy === undefined) return finalizers;
  const others = finalizers.filter((one) => one !== foregroundFinalizer && one !== orphanFinalizer);
  if (policy === "Background") return others;
  return [...others, policy === "Orphan" ? orphanFinalizer : foregroundFinalizer];
}
