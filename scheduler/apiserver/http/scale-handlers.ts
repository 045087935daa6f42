import type { ApiObject } from "../../../api/object-meta.ts";
import { parentEntriesOf, scaleEntriesOf, scaleFieldManager } from "../apply/scale-fields.ts";
import type { Author, Submitted } from "../objects/prepare.ts";
import { TablePrinter } from "../output/table.ts";
import type { Kind, ScaleAccess } from "../registry.ts";
import { apiVersionOf, type Column, isObject, type JsonObject } from "../resource.ts";
import { badRequest, invalid, modified, unknownPath } from "../status.ts";
import { mediaTypeOf, readObject } from "./body.ts";
import type { ApiContext, NamedTarget } from "./context.ts";
import type { Exchange } from "./exchange.ts";
import { presentObject } from "./present.ts";
import { existing, representationOf } from "./read-handlers.ts";
import { applyType, readConfig, readPatch, writeOptionsOf } from "./write-handlers.ts";

/** autoscaling/v1 Scale, the same view of every kind that can be scaled. */
export async function getScale(context: ApiContext, exchange: Exchange, target: NamedTarget): Promise<void> {
  await sendScale(context, exchange, scaleOf(existing(context, target), accessOf(target.kind)));
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
  const change = (current: ApiObject, author: Author): Submitted => {
    const live = scaleOf(current, access);
    const scale = changeScale(live, author);
    checkScale(kind, scale, current);
    const { managedFields, ...metadata } = current.metadata;
    const apiVersion = apiVersionOf(kind.resource);
    const owners = parentEntriesOf(managedFields, managedFieldsOf(scale), {
      replicasPath: access.specReplicas,
      apiVersion,
    });
    const changed = withField(current, access.specReplicas, replicasOf(scale, name));
    const object = { ...changed, metadata: { ...metadata, ...(owners ? { managedFields: owners } : {}) } };
    return { object, duplicateFields: [], isApplied: true };
  };
  const object = await context.writer.update(kind, namespace, name, "scale", change, options);
  await sendScale(context, exchange, scaleOf(object, access));
}

async function sendScale({ clock }: ApiContext, exchange: Exchange, scale: ApiObject): Promise<void> {
  const as = representationOf(exchange);
  const body = presentObject({ printer: scalePrinter }, scale, as, clock.now());
  await exchange.send(200, body, { yaml: as.kind === "object" && as.yaml });
}

const scalePrinter = new TablePrinter({
  strategicMerge: false,
  columns: [
    scaleColumn("Desired", "integer", ".spec.replicas", "The number of instances that is wanted."),
    scaleColumn("Available", "integer", ".status.replicas", "The number of instances that there are."),
    scaleColumn("Age", "date", ".metadata.creationTimestamp", "How long ago the object was created."),
  ],
});

function scaleColumn(name: string, type: string, path: string, description: string): Column {
  return { name, type, format: "", description, priority: 0, cell: { kind: "path", path } };
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

/** The Scale that a request makes of the one that there is, with who owns what of it. */
type ChangeScale = (live: ApiObject, author: Author) => JsonObject;

async function readChange(exchange: Exchange): Promise<ChangeScale> {
  if (exchange.method === "PATCH" && mediaTypeOf(exchange.request) === applyType) {
    const force = exchange.flag("force");
    const config = await readConfig(exchange);
    return (live, author) => scaleFieldManager.apply(live, config, { ...author, subresource, force });
  }
  const track = (live: ApiObject, next: JsonObject, author: Author) => {
    const metadata = isObject(next["metadata"]) ? next["metadata"] : {};
    const { managedFields } = live.metadata;
    // Checked below, as far as anything of it is used.
    const whole = { ...next, metadata: { managedFields, ...metadata } } as unknown as ApiObject;
    return scaleFieldManager.trackUpdate(live, whole, { ...author, subresource });
  };
  if (exchange.method === "PATCH") {
    const patch = await readPatch(exchange, false);
    return (live, author) => track(live, patch.apply(live), author);
  }
  const { object } = await readObject(exchange.request);
  if (object["kind"] !== undefined && object["kind"] !== "Scale")
    throw badRequest(
      `the kind in the data (${JSON.stringify(object["kind"])}) does not match the expected kind (Scale)`,
    );
  return (live, author) => track(live, object, author);
}

const subresource = "scale";

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

function scaleOf(object: ApiObject, access: ScaleAccess): ApiObject {
  const { name, namespace = "", uid, resourceVersion, creationTimestamp } = object.metadata;
  const managedFields = scaleEntriesOf(object.metadata.managedFields, access.specReplicas);
  const selector = access.readSelector?.(object)[0];
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
