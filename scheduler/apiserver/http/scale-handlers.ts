import type { ApiObject } from "../../../api/object-meta.ts";
import type { Submitted } from "../objects/prepare.ts";
import type { Kind, ScaleAccess } from "../registry.ts";
import { isObject, type JsonObject } from "../resource.ts";
import { badRequest, invalid, modified, unknownPath } from "../status.ts";
import { readObject } from "./body.ts";
import type { ApiContext, NamedTarget } from "./context.ts";
import type { Exchange } from "./exchange.ts";
import { existing } from "./read-handlers.ts";
import { readPatch, writeOptionsOf } from "./write-handlers.ts";

/** autoscaling/v1 Scale, the same view of every kind that can be scaled. */
export async function getScale(context: ApiContext, exchange: Exchange, target: NamedTarget): Promise<void> {
  await exchange.send(200, scaleOf(existing(context, target), accessOf(target.kind)));
}

export async function writeScale(
  context: ApiContext,
  exchange: Exchange,
  target: NamedTarget,
): Promise<void> {
  const { kind, namespace, name } = target;
  const access = accessOf(kind);
  const options = { ...writeOptionsOf(exchange), fieldValidation: "Ignore" as const };
  const changeScale = await readChange(exchange);
  const change = (current: ApiObject): Submitted => {
    const scale = changeScale(scaleOf(current, access));
    const metadata = isObject(scale["metadata"]) ? scale["metadata"] : {};
    const { resourceVersion } = metadata;
    if (metadata["name"] !== undefined && metadata["name"] !== name)
      throw badRequest(`the name of the object does not match the name on the URL (${name})`);
    if (
      typeof resourceVersion === "string" &&
      resourceVersion !== "" &&
      resourceVersion !== current.metadata.resourceVersion
    )
      throw modified(kind.resource, name);
    const object = withField(current, access.specReplicas, replicasOf(scale, name));
    return { object, duplicateFields: [] };
  };
  const object = await context.writer.update(kind, namespace, name, "scale", change, options);
  await exchange.send(200, scaleOf(object, access));
}

async function readChange(exchange: Exchange): Promise<(scale: JsonObject) => JsonObject> {
  if (exchange.method === "PATCH") {
    const patch = await readPatch(exchange, false);
    return (scale) => patch.apply(scale);
  }
  const { object } = await readObject(exchange.request);
  if (object["kind"] !== undefined && object["kind"] !== "Scale")
    throw badRequest(
      `the kind in the data (${JSON.stringify(object["kind"])}) does not match the expected kind (Scale)`,
    );
  return () => object;
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

function scaleOf(object: ApiObject, access: ScaleAccess): JsonObject {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const selector = access.readSelector?.(object)[0];
  return {
    kind: "Scale",
    apiVersion: "autoscaling/v1",
    metadata: { name, namespace, uid, resourceVersion, creationTimestamp },
    spec: { replicas: access.readSpecReplicas(object)[0] ?? 0 },
    status: {
      replicas: access.readStatusReplicas(object)[0] ?? 0,
      ...(typeof selector === "string" ? { selector } : {}),
    },
  };
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

function accessOf(kind: Kind): ScaleAccess {
  if (!kind.scale) throw unknownPath();
  return kind.scale;
}
