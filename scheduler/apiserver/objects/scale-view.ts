/** autoscaling/v1 Scale: the same view of every kind that can be scaled, and the one way to write through it. */
import type { ApiObject } from "../../../api/object-meta.ts";
import { parentEntriesOf, scaleEntriesOf, scaleFieldManager } from "../apply/scale-fields.ts";
import type { Kind, ScaleAccess } from "../registry.ts";
import { apiVersionOf, isObject, type JsonObject } from "../resource.ts";
import { badRequest, invalid, modified } from "../status.ts";
import type { Change } from "./object-writer.ts";
import type { Author, Submitted } from "./prepare.ts";

export const scaleSubresource = "scale";

/** The Scale that a write makes of the one that there is, with who owns what of it. */
export type ChangeScale = (live: ApiObject, author: Author) => JsonObject;

export function scaleOf(object: ApiObject, access: ScaleAccess): ApiObject {
  const { name, namespace = "", uid, resourceVersion, creationTimestamp } = object.metadata;
  const managedFields = scaleEntriesOf(object.metadata.managedFields, access.specReplicas);
  const { spec, status, selector } = scaleNumbers(object, access);
  return {
    kind: "Scale",
    apiVersion: "autoscaling/v1",
    metadata: {
      name,
      namespace,
      uid,
      resourceVersion,
      creationTimestamp,
      ...(managedFields ? { managedFields } : {}),
    },
    spec: { replicas: spec },
    status: { replicas: status, ...(selector === undefined ? {} : { selector }) },
  };
}

/** As they stand in the object: of kinds of users, they may be anything. */
export function scaleNumbers(
  object: ApiObject,
  access: ScaleAccess,
): { readonly spec: unknown; readonly status: unknown; readonly selector: string | undefined } {
  const selector = access.readSelector?.(object)[0];
  return {
    spec: access.readSpecReplicas(object)[0] ?? 0,
    status: access.readStatusReplicas(object)[0] ?? 0,
    selector: typeof selector === "string" ? selector : undefined,
  };
}

/** The change of an object by a write of its Scale. */
export function changeThroughScale(kind: Kind, access: ScaleAccess, changeScale: ChangeScale): Change {
  return (current, author): Submitted => {
    const scale = changeScale(scaleOf(current, access), author);
    checkScale(kind, scale, current);
    const { managedFields, ...metadata } = current.metadata;
    const apiVersion = apiVersionOf(kind.resource);
    const owners = parentEntriesOf(managedFields, managedFieldsOf(scale), {
      replicasPath: access.specReplicas,
      apiVersion,
    });
    const changed = withField(current, access.specReplicas, replicasOf(scale, current.metadata.name));
    const object = { ...changed, metadata: { ...metadata, ...(owners ? { managedFields: owners } : {}) } };
    return { object, duplicateFields: [], isApplied: true };
  };
}

/** `next` as a write of a whole Scale, whose author owns what it changes. */
export function trackScale(live: ApiObject, next: JsonObject, author: Author): JsonObject {
  const metadata = isObject(next["metadata"]) ? next["metadata"] : {};
  const { managedFields } = live.metadata;
  // Checked by changeThroughScale, as far as anything of it is used.
  const whole = { ...next, metadata: { managedFields, ...metadata } } as unknown as ApiObject;
  return scaleFieldManager.trackUpdate(live, whole, { ...author, subresource: scaleSubresource });
}

function checkScale(kind: Kind, scale: JsonObject, { metadata: { name, resourceVersion } }: ApiObject): void {
  const metadata = isObject(scale["metadata"]) ? scale["metadata"] : {};
  if (metadata["name"] !== undefined && metadata["name"] !== name)
    throw badRequest(`the name of the object does not match the name on the URL (${name})`);
  const wanted = metadata["resourceVersion"];
  if (typeof wanted === "string" && wanted !== "" && wanted !== resourceVersion)
    throw modified(kind.resource, name);
}

function managedFieldsOf(scale: JsonObject): unknown {
  return isObject(scale["metadata"]) ? scale["metadata"]["managedFields"] : undefined;
}

function replicasOf(scale: JsonObject, name: string): number {
  const spec = isObject(scale["spec"]) ? scale["spec"] : {};
  const replicas = spec["replicas"] ?? 0;
  if (typeof replicas === "number" && Number.isInteger(replicas) && replicas >= 0) return replicas;
  throw invalid({ group: "autoscaling", kind: "Scale" }, name, [
    {
      reason: "FieldValueInvalid",
      field: "spec.replicas",
      message: `Invalid value: ${JSON.stringify(replicas)}: should be a whole number greater than or equal to 0`,
    },
  ]);
}

/** A copy with one nested field changed. */
function withField(object: JsonObject, path: readonly string[], value: unknown): JsonObject {
  const [first, ...rest] = path;
  if (first === undefined) return object;
  const inner = object[first];
  return {
    ...object,
    [first]: rest.length === 0 ? value : withField(isObject(inner) ? inner : {}, rest, value),
  };
}
