import {
  callsSubresource,
  evictionSubresource,
  isCallable,
  isEvictable,
  verbsOf,
} from "../discovery/subresources.ts";
import { badRequest, methodNotAllowed, unknownPath } from "../status.ts";
import type { ApiContext, NamedTarget, ResourceTarget } from "./context.ts";
import { createCallTicket } from "./call-ticket-handlers.ts";
import { createEviction } from "./eviction-handlers.ts";
import type { Exchange } from "./exchange.ts";
import {
  explainObject,
  getObject,
  listObjects,
  representationOf,
  streamLog,
  watchObjects,
} from "./read-handlers.ts";
import type { RequestTarget } from "./request-target.ts";
import { createReview, createToken } from "./review-handlers.ts";
import { isNamespace } from "../objects/deletion.ts";
import type { ResourceDefinition } from "../resource.ts";
import { getScale, writeScale } from "./scale-handlers.ts";
import {
  createObject,
  deleteCollection,
  deleteObject,
  patchObject,
  replaceObject,
} from "./write-handlers.ts";

export async function serveResource(
  context: ApiContext,
  exchange: Exchange,
  request: RequestTarget & { readonly kind: "resource" },
): Promise<void> {
  const target = resolveTarget(context, request);
  // Before anything is done: what cannot be answered is not to have happened.
  if (target.subresource !== "log") representationOf(exchange);
  const { deprecationWarning } = target.kind.resource;
  if (deprecationWarning !== undefined) exchange.warn(deprecationWarning);
  if (target.name === undefined) return serveCollection(context, exchange, target);
  const named: NamedTarget = { ...target, name: target.name };
  if (target.subresource === undefined) return serveObject(context, exchange, named);
  return serveSubresource(context, exchange, named);
}

function resolveTarget(
  context: ApiContext,
  request: RequestTarget & { readonly kind: "resource" },
): ResourceTarget {
  const kind = context.registry.find(request.group, request.version, request.plural);
  if (!kind) throw unknownPath();
  const { namespaced } = kind.resource;
  if (!namespaced && request.namespace !== "") throw unknownPath();
  if (namespaced && request.namespace === "" && request.name !== undefined) throw unknownPath();
  const { namespace, name, subresource } = request;
  return { kind, namespace, name, subresource };
}

async function serveCollection(
  context: ApiContext,
  exchange: Exchange,
  target: ResourceTarget,
): Promise<void> {
  if (target.kind.resource.storage === "review") {
    if (exchange.method !== "POST") throw methodNotAllowed();
    return createReview(context, exchange, target);
  }
  switch (exchange.method) {
    case "GET":
    case "HEAD":
      if (exchange.flag("watch")) {
        if (!verbsOf(target.kind.resource).includes("watch")) throw methodNotAllowed();
        return watchObjects(context, exchange, target);
      }
      return listObjects(context, exchange, target);
    case "POST":
      if (!verbsOf(target.kind.resource).includes("create")) throw methodNotAllowed();
      if (target.kind.resource.namespaced && target.namespace === "")
        throw badRequest("an empty namespace may not be set during creation");
      return createObject(context, exchange, target);
    case "DELETE":
      if (target.kind.resource.namespaced && target.namespace === "") throw methodNotAllowed();
      if (!verbsOf(target.kind.resource).includes("deletecollection")) throw methodNotAllowed();
      return deleteCollection(context, exchange, target);
    default:
      throw methodNotAllowed();
  }
}

async function serveObject(context: ApiContext, exchange: Exchange, target: NamedTarget): Promise<void> {
  if (target.kind.resource.storage === "review") throw methodNotAllowed();
  const verbs = verbsOf(target.kind.resource);
  switch (exchange.method) {
    case "GET":
    case "HEAD":
      // Whoever may get may not watch: `watch` means something for collections only.
      return getObject(context, exchange, target);
    case "PUT":
      if (!verbs.includes("update")) throw methodNotAllowed();
      return replaceObject(context, exchange, target);
    case "PATCH":
      if (!verbs.includes("patch")) throw methodNotAllowed();
      return patchObject(context, exchange, target);
    case "DELETE":
      if (!verbs.includes("delete")) throw methodNotAllowed();
      return deleteObject(context, exchange, target);
    default:
      throw methodNotAllowed();
  }
}

async function serveSubresource(context: ApiContext, exchange: Exchange, target: NamedTarget): Promise<void> {
  const { resource } = target.kind;
  const { method } = exchange;
  const reads = method === "GET" || method === "HEAD";
  if (resource.storage === "measured") throw unknownPath();
  if (resource.storage === "live") {
    if (target.subresource === evictionSubresource && isEvictable(resource)) {
      if (method !== "POST") throw methodNotAllowed();
      return createEviction(context, exchange, target);
    }
    if (target.subresource !== "log" && !(target.subresource === "explain" && resource.explanation))
      throw unknownPath();
    if (!reads) throw methodNotAllowed();
    return target.subresource === "log"
      ? streamLog(context, exchange, target)
      : explainObject(context, exchange, target);
  }
  if (target.subresource === "scale" && resource.scale) {
    if (reads) return getScale(context, exchange, target);
    if (method === "PUT" || method === "PATCH") return writeScale(context, exchange, target);
    throw methodNotAllowed();
  }
  if (target.subresource === callsSubresource && isCallable(resource)) {
    if (method !== "POST") throw methodNotAllowed();
    return createCallTicket(context, exchange, target);
  }
  if (target.subresource === "token" && isServiceAccount(resource)) {
    if (method !== "POST") throw methodNotAllowed();
    return createToken(context, exchange, target);
  }
  if (target.subresource === "finalize" && isNamespace(target.kind)) {
    if (method !== "PUT") throw methodNotAllowed();
    return replaceObject(context, exchange, target);
  }
  if (target.subresource !== "status" || !resource.status) throw unknownPath();
  if (reads) return getObject(context, exchange, target);
  if (method === "PUT") return replaceObject(context, exchange, target);
  if (method === "PATCH") return patchObject(context, exchange, target);
  throw methodNotAllowed();
}

function isServiceAccount({ group, plural }: ResourceDefinition): boolean {
  return group === "" && plural === "serviceaccounts";
}
