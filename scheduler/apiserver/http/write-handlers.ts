import type { ApiObject } from "../../../api/object-meta.ts";
import { refuseUidOfAbsent } from "../apply/absent-object.ts";
import { managerNameOf } from "../apply/manager-name.ts";
import { forbiddenRequest } from "../authorization/forbidden.ts";
import type { WriteOptions } from "../objects/object-writer.ts";
import {
  checkDecodable,
  checkTypeAndPlace,
  type FieldValidation,
  metadataOf,
  type Submitted,
  type Subresource,
} from "../objects/prepare.ts";
import { applyJsonPatch } from "../patch/json-patch.ts";
import { applyMergePatch } from "../patch/merge-patch.ts";
import { applyStrategicMergePatch } from "../patch/strategic-merge.ts";
import type { Kind } from "../registry.ts";
import { apiVersionOf, isObject, type JsonObject, type Schema } from "../resource.ts";
import { ApiError, badRequest, deleted, invalid, notFound } from "../status.ts";
import { mediaTypeOf, parseValue, readBody, readObject } from "./body.ts";
import type { ApiContext, NamedTarget, ResourceTarget } from "./context.ts";
import { readDeleteOptions } from "./delete-options.ts";
import type { Exchange } from "./exchange.ts";
import { select, selectionOf } from "./list-options.ts";
import { dryRunOf, unsupportedParameter } from "./parameters.ts";
import { presentList, presentObject } from "./present.ts";
import { representationOf } from "./read-handlers.ts";
import { deleteUnread } from "./unsafe-delete.ts";

/** Objects of a collection that are deleted at the same time. */
const deleteConcurrency = 100;

export async function createObject(
  context: ApiContext,
  exchange: Exchange,
  target: ResourceTarget,
): Promise<void> {
  const { kind, namespace } = target;
  const options = writeOptionsOf(exchange);
  const submitted = withType(kind, await readObject(exchange.request));
  checkTypeAndPlace(kind, submitted.object, { namespace, name: undefined });
  checkDecodable(kind, submitted.object);
  const object = await context.writer.create(kind, namespace, submitted, options);
  await sendObject(context, exchange, kind, object, 201);
}

export async function replaceObject(
  context: ApiContext,
  exchange: Exchange,
  target: NamedTarget,
): Promise<void> {
  const { kind, namespace, name } = target;
  const options = writeOptionsOf(exchange);
  const submitted = withType(kind, await readObject(exchange.request));
  checkTypeAndPlace(kind, submitted.object, { namespace, name });
  checkDecodable(kind, submitted.object);
  // As Kubernetes has it for custom kinds: replacing blindly must be asked for by saying what is replaced.
  if (!kind.resource.strategicMerge && !metadataOf(submitted.object)["resourceVersion"])
    throw invalid(kind.resource, name, [
      {
        reason: "FieldValueInvalid",
        field: "metadata.resourceVersion",
        message: "Invalid value: 0x0: must be specified for an update",
      },
    ]);
  const subresource = subresourceOf(target);
  const object = await context.writer.update(kind, namespace, name, subresource, () => submitted, options);
  await sendObject(context, exchange, kind, object, 200);
}

export async function patchObject(
  context: ApiContext,
  exchange: Exchange,
  target: NamedTarget,
): Promise<void> {
  const { kind, namespace, name } = target;
  if (mediaTypeOf(exchange.request) === applyType) return applyObject(context, exchange, target);
  const options = writeOptionsOf(exchange);
  const patch = await readPatch(exchange, kind.resource.strategicMerge && kind.schema);
  const change = (current: ApiObject): Submitted => {
    const object = patch.apply(current);
    checkTypeAndPlace(kind, object, { namespace, name });
    return { object, duplicateFields: patch.duplicateFields };
  };
  const object = await context.writer.update(kind, namespace, name, subresourceOf(target), change, options);
  await sendObject(context, exchange, kind, object, 200);
}

/** Server-side apply. The body may be YAML, as its type says. */
async function applyObject(context: ApiContext, exchange: Exchange, target: NamedTarget): Promise<void> {
  const { kind, namespace, name } = target;
  const options = writeOptionsOf(exchange);
  const force = exchange.flag("force");
  const value = await readConfig(exchange);
  checkTypeAndPlace(kind, value, { namespace, name });
  const subresource = subresourceOf(target);
  const { object, isNew } = await context.writer.apply(
    kind,
    namespace,
    name,
    subresource,
    (current, author) => {
      if (!current) {
        mayCreate(context, exchange, target);
        refuseUidOfAbsent(kind.resource, name, value);
      }
      return kind.fields.apply(current, value, { ...author, subresource, force });
    },
    options,
  );
  await sendObject(context, exchange, kind, object, isNew ? 201 : 200);
}

/** What somebody applies. YAML, as the type says, and so JSON too. */
export async function readConfig(exchange: Exchange): Promise<JsonObject> {
  const { value } = parseValue(await readBody(exchange.request), "application/yaml");
  if (isObject(value)) return value;
  throw badRequest("the body of the request must be an object");
}

/** Whoever applies what is not there yet creates it, and must be allowed to. */
function mayCreate(context: ApiContext, exchange: Exchange, { kind, namespace }: NamedTarget): void {
  const { group, version, plural } = kind.resource;
  const attributes = {
    kind: "resource",
    user: exchange.user,
    verb: "create",
    group,
    version,
    resource: plural,
    subresource: "",
    namespace,
    name: "",
  } as const;
  const { allowed, reason } = context.policy.authorize(attributes);
  if (!allowed) throw forbiddenRequest(attributes, reason);
}

export async function deleteObject(
  context: ApiContext,
  exchange: Exchange,
  target: NamedTarget,
): Promise<void> {
  const { kind, namespace, name } = target;
  const { gracePeriodSeconds, isUnsafe, ...options } = await readDeleteOptions(exchange);
  if (isUnsafe) return deleteUnread(context, exchange, target);
  if (kind.resource.storage === "live") {
    const existing = context.sourceOf(kind).get(namespace, name);
    if (!existing) throw notFound(kind.resource, name);
    if (options.uid !== undefined && options.uid !== existing.metadata.uid)
      throw new ApiError("Conflict", `${kind.resource.plural} "${name}": the uid is another`);
    const live = context.liveOf(kind);
    const object = options.dryRun ? existing : live.delete(namespace, name, gracePeriodSeconds);
    return sendObject(context, exchange, kind, object ?? existing, 200);
  }
  if (options.policy === "Orphan" && kind.resource.group === "wherry.dev")
    exchange.warn(`instances cannot be orphaned: those of ${kind.resource.singular} ${name} stop with it`);
  const outcome = await context.writer.delete(kind, namespace, name, options);
  if (outcome.kind === "removed")
    return exchange.send(200, deleted(kind.resource, name, outcome.object.metadata.uid));
  return sendObject(context, exchange, kind, outcome.object, 200);
}

/** Each object by itself, as Kubernetes does it: what was deleted before a failure stays deleted. */
export async function deleteCollection(
  context: ApiContext,
  exchange: Exchange,
  target: ResourceTarget,
): Promise<void> {
  const { kind } = target;
  const { gracePeriodSeconds, isUnsafe: _, ...options } = await readDeleteOptions(exchange);
  const selection = selectionOf(exchange, kind, target);
  const objects = select(context.sourceOf(kind), selection, kind);
  for (let at = 0; at < objects.length; at += deleteConcurrency) {
    await Promise.all(
      objects.slice(at, at + deleteConcurrency).map(async ({ metadata: { namespace = "", name } }) => {
        if (kind.resource.storage === "live") {
          if (!options.dryRun) context.liveOf(kind).delete(namespace, name, gracePeriodSeconds);
          return;
        }
        try {
          await context.writer.delete(kind, namespace, name, options);
        } catch (thrown) {
          if (!(thrown instanceof ApiError) || thrown.reason !== "NotFound") throw thrown;
        }
      }),
    );
  }
  const page = { objects, metadata: { resourceVersion: String(context.sourceOf(kind).revision) } };
  const as = { kind: "object", yaml: false } as const;
  await exchange.sendPieces(presentList(kind, page, as, context.clock.now()), "application/json");
}

async function sendObject(
  context: ApiContext,
  exchange: Exchange,
  kind: Kind,
  object: ApiObject,
  code: number,
): Promise<void> {
  const as = representationOf(exchange);
  const body = presentObject(kind, object, as, context.clock.now());
  exchange.audit.object = object.metadata;
  await exchange.send(code, body, { yaml: as.kind === "object" && as.yaml });
}

export function writeOptionsOf(exchange: Exchange): WriteOptions {
  const fieldValidation = exchange.query.get("fieldValidation") || "Warn";
  if (!["Strict", "Warn", "Ignore"].includes(fieldValidation))
    throw unsupportedParameter("fieldValidation", fieldValidation, ["Ignore", "Warn", "Strict"]);
  return {
    user: exchange.user,
    manager: managerOf(exchange),
    // Checked above.
    fieldValidation: fieldValidation as FieldValidation,
    warn: (text) => exchange.warn(text),
    dryRun: dryRunOf(exchange.query.getAll("dryRun")),
    signal: exchange.signal,
    traceparent: exchange.traceparent,
  };
}

/** Who the fields belong to that the request sets. */
function managerOf(exchange: Exchange): string {
  const { method, query, userAgent, request } = exchange;
  return managerNameOf({
    options: method === "POST" ? "CreateOptions" : method === "PUT" ? "UpdateOptions" : "PatchOptions",
    isApply: mediaTypeOf(request) === applyType,
    fieldManager: query.get("fieldManager") ?? "",
    hasForce: query.has("force"),
    userAgent,
  });
}

export interface Patch {
  readonly duplicateFields: readonly string[];
  apply(target: JsonObject): JsonObject;
}

/** `strategicMerge` is the schema that strategic merge patches go by; false: they are not taken. */
export async function readPatch(exchange: Exchange, strategicMerge: Schema | false): Promise<Patch> {
  const type = mediaTypeOf(exchange.request);
  const applies = patchTypes.get(type);
  if (!applies || (type === strategicType && strategicMerge === false)) {
    const own = [...patchTypes.keys()].filter((one) => one !== strategicType || strategicMerge !== false);
    const supported = [...own, applyType];
    throw new ApiError(
      "UnsupportedMediaType",
      `the body of the request was in an unknown format - accepted media types include: ${supported.join(", ")}`,
    );
  }
  const { value, duplicateFields } = parseValue(await readBody(exchange.request), "application/json");
  if (type !== "application/json-patch+json" && !isObject(value))
    throw badRequest("the patch must be an object");
  return {
    duplicateFields,
    apply: (target) => {
      const patched = applies(target, value, strategicMerge || undefined);
      if (!isObject(patched)) throw badRequest("the patch must leave an object");
      return patched;
    },
  };
}

export const applyType = "application/apply-patch+yaml";
const strategicType = "application/strategic-merge-patch+json";

type ApplyPatch = (target: JsonObject, patch: unknown, schema: Schema | undefined) => unknown;

const patchTypes: ReadonlyMap<string, ApplyPatch> = new Map<string, ApplyPatch>([
  ["application/json-patch+json", applyJsonPatch],
  ["application/merge-patch+json", applyMergePatch],
  [strategicType, applyStrategicMergePatch],
]);

function subresourceOf({ subresource }: ResourceTarget): Subresource {
  return subresource === "status" || subresource === "finalize" ? subresource : "";
}

/** Clients with typed objects leave the type out, as the URL says it. */
export function withType(kind: Kind, submitted: Submitted): Submitted {
  const { apiVersion, kind: name } = submitted.object;
  if (apiVersion !== undefined || name !== undefined || !kind.resource.strategicMerge) return submitted;
  const type = { apiVersion: apiVersionOf(kind.resource), kind: kind.resource.kind };
  return { ...submitted, object: { ...type, ...submitted.object } };
}
