/**
 * From what a client sent to what is stored: the metadata that the server keeps, defaults, pruning, validation. Pure,
 * apart from the new uid; throws an ApiError for what cannot be accepted.
 */
import { isDeepStrictEqual } from "node:util";
import type { ApiObject, ObjectMeta } from "../../../api/object-meta.ts";
import { showValue } from "../../../api/validation/field-error.ts";
import { validateMetadata } from "../../../api/validation/metadata.ts";
import type { Kind } from "../registry.ts";
import { apiVersionOf, isObject, type JsonObject } from "../resource.ts";
import { shapeObject } from "../schema/structural.ts";
import { badRequest, conflict, invalid, modified } from "../status.ts";

export type FieldValidation = "Strict" | "Warn" | "Ignore";

/** An object as a client sent it. */
export interface Submitted {
  readonly object: JsonObject;
  /** Paths of fields that the text had twice. */
  readonly duplicateFields: readonly string[];
}

export interface Strictness {
  readonly fieldValidation: FieldValidation;
  readonly warn: (text: string) => void;
}

/** Which part of the object a write is for; the other part stays as it was. */
export type Part = "main" | "status";

export interface NewIdentity {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly nowMs: number;
}

export function prepareCreate(
  kind: Kind,
  submitted: Submitted,
  identity: NewIdentity,
  strict: Strictness,
): ApiObject {
  const { resource } = kind;
  const { status, ...given } = submitted.object;
  const metadata = metadataOf(given);
  const base = {
    ...given,
    ...(resource.status || status === undefined ? {} : { status }),
    ...typeMetaOf(kind),
    metadata: {
      ...clientMetadata(metadata),
      name: identity.name,
      ...(resource.namespaced ? { namespace: identity.namespace } : {}),
      uid: identity.uid,
      creationTimestamp: rfc3339(identity.nowMs),
      ...(resource.generation ? { generation: 1 } : {}),
    },
  };
  return accept(kind, base as unknown as ApiObject, undefined, "main", submitted, strict);
}

export function prepareUpdate(
  kind: Kind,
  submitted: Submitted,
  old: ApiObject,
  part: Part,
  strict: Strictness,
): ApiObject {
  const { resource } = kind;
  const metadata = metadataOf(submitted.object);
  checkPreconditions(kind, metadata, old);
  const { status: _, ...main } = submitted.object;
  const { status: oldStatus, ...oldMain } = old;
  const status = part === "status" || !resource.status ? submitted.object["status"] : oldStatus;
  const base = {
    ...(part === "main" ? main : oldMain),
    ...(status === undefined ? {} : { status }),
    ...typeMetaOf(kind),
    metadata:
      part === "main" ? { ...clientMetadata(metadata), ...serverMetadata(old.metadata) } : old.metadata,
  };
  const object = accept(kind, base as unknown as ApiObject, old, part, submitted, strict);
  if (!resource.generation || isDeepStrictEqual(wanted(object), wanted(old))) return object;
  return { ...object, metadata: { ...object.metadata, generation: (old.metadata.generation ?? 0) + 1 } };
}

/** The object must be of the kind and place that the URL names. */
export function checkTypeAndPlace(
  kind: Kind,
  object: JsonObject,
  place: { readonly namespace: string; readonly name: string | undefined },
): void {
  const { resource } = kind;
  const wantedVersion = apiVersionOf(resource);
  const { apiVersion, kind: name } = object;
  if (apiVersion !== undefined && apiVersion !== wantedVersion)
    throw badRequest(
      `the API version in the data (${showValue(apiVersion)}) does not match the expected API version (${wantedVersion})`,
    );
  if (name !== undefined && name !== resource.kind)
    throw badRequest(
      `the kind in the data (${showValue(name)}) does not match the expected kind (${resource.kind})`,
    );
  if (apiVersion === undefined || name === undefined)
    throw badRequest(`the object must say its apiVersion (${wantedVersion}) and its kind (${resource.kind})`);
  const metadata = metadataOf(object);
  const namespace = metadata["namespace"] ?? "";
  if (namespace !== "" && namespace !== place.namespace)
    throw badRequest(
      `the namespace of the provided object (${showValue(namespace)}) does not match the namespace sent on the request (${place.namespace})`,
    );
  if (place.name !== undefined && metadata["name"] !== undefined && metadata["name"] !== place.name)
    throw badRequest(
      `the name of the object (${showValue(metadata["name"])}) does not match the name on the URL (${place.name})`,
    );
}

export function metadataOf(object: JsonObject): JsonObject {
  const { metadata = {} } = object;
  if (metadata === null) return {};
  if (!isObject(metadata)) throw badRequest("metadata must be an object");
  return metadata;
}

/** RFC 3339 in whole seconds, as all timestamps of metadata. */
export function rfc3339(timeMs: number): string {
  return new Date(timeMs).toISOString().replace(/\.\d{3}Z$/, "Z");
}

function accept(
  kind: Kind,
  base: ApiObject,
  old: ApiObject | undefined,
  part: Part,
  submitted: Submitted,
  strict: Strictness,
): ApiObject {
  const { resource } = kind;
  const shaped = shapeObject(resource.normalize(base), kind.schema);
  reportStrictness(kind, shaped.unknownFields, submitted.duplicateFields, strict);
  // The schema, from which ApiObject's types come, is checked in the next line.
  const object = shaped.object as unknown as ApiObject;
  const name = object.metadata.name;
  const schemaErrors = kind.validate(shaped.object);
  if (schemaErrors.length > 0) throw invalid(resource, name, schemaErrors);
  const errors = [
    ...validateMetadata(object.metadata, old?.metadata, resource.nameForm),
    ...(part === "main" ? resource.validate(object, old) : []),
  ];
  if (errors.length > 0) throw invalid(resource, name, errors);
  return object;
}

function reportStrictness(
  kind: Kind,
  unknownFields: readonly string[],
  duplicateFields: readonly string[],
  strict: Strictness,
): void {
  const problems = [
    ...unknownFields.map((path) => `unknown field "${path}"`),
    ...duplicateFields.map((path) => `duplicate field "${path}"`),
  ];
  if (problems.length === 0 || strict.fieldValidation === "Ignore") return;
  if (strict.fieldValidation === "Warn") {
    for (const problem of problems) strict.warn(problem);
    return;
  }
  const { kind: name, version } = kind.resource;
  throw badRequest(
    `${name} in version "${version}" cannot be handled as a ${name}: strict decoding error: ${problems.join(", ")}`,
  );
}

function checkPreconditions(kind: Kind, metadata: JsonObject, old: ApiObject): void {
  const { uid, resourceVersion } = metadata;
  const { name } = old.metadata;
  if (typeof uid === "string" && uid !== "" && uid !== old.metadata.uid)
    throw conflict(
      kind.resource,
      name,
      `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${old.metadata.uid}`,
    );
  if (
    typeof resourceVersion === "string" &&
    resourceVersion !== "" &&
    resourceVersion !== old.metadata.resourceVersion
  )
    throw modified(kind.resource, name);
}

function typeMetaOf({ resource }: Kind): { readonly apiVersion: string; readonly kind: string } {
  return { apiVersion: apiVersionOf(resource), kind: resource.kind };
}

/** What of metadata is the client's to say. */
function clientMetadata(metadata: JsonObject): JsonObject {
  const {
    resourceVersion: _version,
    uid: _uid,
    generation: _generation,
    creationTimestamp: _created,
    deletionTimestamp: _deleted,
    deletionGracePeriodSeconds: _grace,
    managedFields: _managed,
    selfLink: _self,
    ...rest
  } = metadata;
  return rest;
}

/** What of metadata no update changes. */
function serverMetadata(old: ObjectMeta): Partial<ObjectMeta> {
  const { name, namespace, generateName, uid, resourceVersion, generation, creationTimestamp } = old;
  const { deletionTimestamp, deletionGracePeriodSeconds } = old;
  const all = {
    name,
    namespace,
    generateName,
    uid,
    resourceVersion,
    generation,
    creationTimestamp,
    deletionTimestamp,
    deletionGracePeriodSeconds,
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

/** What `generation` counts the changes of. */
function wanted(object: ApiObject): unknown {
  const { metadata: _metadata, status: _status, ...rest } = object;
  return rest;
}
