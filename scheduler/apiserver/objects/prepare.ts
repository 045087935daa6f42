/**
 * From what a client sent to what is stored: the metadata that the server keeps, defaults, pruning, validation. Pure,
 * apart from the new uid; throws an ApiError for what cannot be accepted.
 */
import { isDeepStrictEqual } from "node:util";
import type { ApiObject, ObjectMeta } from "../../../api/object-meta.ts";
import { showValue } from "../../../api/validation/field-error.ts";
import { validateMetadata } from "../../../api/validation/metadata.ts";
import { assertNever } from "../../../kit/errors.ts";
import { toTimestamp } from "../../../kit/timestamps.ts";
import type { Kind } from "../registry.ts";
import { apiVersionOf, isObject, type JsonObject, type ResourceDefinition } from "../resource.ts";
import { keepTimes } from "../apply/field-manager.ts";
import { managedFieldsErrors } from "../apply/manager-name.ts";
import { rulesSkipped } from "../cel/rules.ts";
import { undecodable } from "../schema/decode.ts";
import { ratchet } from "../schema/ratchet.ts";
import { shapeObject } from "../schema/structural.ts";
import { badRequest, conflict, invalid, modified } from "../status.ts";

export type FieldValidation = "Strict" | "Warn" | "Ignore";

/** An object as a client sent it. */
export interface Submitted {
  readonly object: JsonObject;
  /** Paths of fields that the text had twice. */
  readonly duplicateFields: readonly string[];
  /** It is the result of a server-side apply, and says itself whose its fields are. */
  readonly isApplied?: boolean;
}

export interface Strictness {
  readonly fieldValidation: FieldValidation;
  readonly warn: (text: string) => void;
}

/** By which URL an object is written: its own, or that of a subresource, which writes a part of it only. */
export type Subresource = "" | "status" | "scale" | "finalize";

export interface Author {
  /** Who the fields that a write sets belong to. */
  readonly manager: string;
  readonly nowMs: number;
}

export interface NewIdentity {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

export function prepareCreate(
  kind: Kind,
  submitted: Submitted,
  identity: NewIdentity,
  author: Author,
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
      creationTimestamp: toTimestamp(author.nowMs),
      ...(resource.generation ? { generation: 1 } : {}),
    },
  };
  const shaped = shape(kind, base as unknown as ApiObject, submitted, strict);
  const object = submitted.isApplied
    ? shaped
    : kind.fields.trackUpdate(undefined, shaped, { ...author, subresource: "" });
  check(kind, object, undefined, "", strict);
  return object;
}

/** Gives back `old` itself when nothing changes. */
export function prepareUpdate(
  kind: Kind,
  submitted: Submitted,
  old: ApiObject,
  subresource: Subresource,
  author: Author,
  strict: Strictness,
): ApiObject {
  checkPreconditions(kind, metadataOf(submitted.object), old);
  const base = mergeParts(kind, submitted, old, subresource);
  const shaped = shape(kind, base as unknown as ApiObject, submitted, strict);
  const tracked = submitted.isApplied
    ? keepTimes(old, shaped)
    : kind.fields.trackUpdate(old, shaped, { ...author, subresource });
  const object = withGeneration(kind, tracked, old);
  if (isDeepStrictEqual(object, old)) return old;
  check(kind, object, old, subresource, strict);
  return object;
}

/** Of what was sent, only the part that the URL is for; the rest as it is stored. */
function mergeParts(
  { resource }: Kind,
  { object }: Submitted,
  old: ApiObject,
  subresource: Subresource,
): JsonObject {
  const metadata = metadataOf(object);
  const type = { apiVersion: apiVersionOf(resource), kind: resource.kind };
  const { managedFields } = metadata;
  switch (subresource) {
    case "status": {
      const { status: _, ...oldMain } = old;
      const { status } = object;
      return {
        ...oldMain,
        ...(status === undefined ? {} : { status }),
        ...type,
        metadata: { ...old.metadata, ...(managedFields === undefined ? {} : { managedFields }) },
      };
    }
    case "finalize": {
      const given = isObject(object["spec"]) ? object["spec"] : {};
      const spec = isObject(old["spec"]) ? old["spec"] : {};
      return { ...old, spec: { ...spec, finalizers: given["finalizers"] ?? [] }, ...type };
    }
    case "":
    case "scale": {
      const { status: given, ...main } = object;
      const status = resource.status ? old["status"] : given;
      return {
        ...main,
        ...(status === undefined ? {} : { status }),
        ...type,
        metadata: { ...clientMetadata(metadata), ...serverMetadata(old.metadata) },
      };
    }
    default:
      return assertNever(subresource, "subresource");
  }
}

function withGeneration({ resource }: Kind, object: ApiObject, old: ApiObject): ApiObject {
  if (!resource.generation || isDeepStrictEqual(wanted(object, resource), wanted(old, resource)))
    return object;
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
    throw badRequest("the namespace of the provided object does not match the namespace sent on the request");
  if (place.name !== undefined && metadata["name"] !== undefined && metadata["name"] !== place.name)
    throw badRequest(
      `the name of the object (${showValue(metadata["name"])}) does not match the name on the URL (${place.name})`,
    );
}

/** What is no object of a built-in kind at all, Kubernetes does not even validate. */
export function checkDecodable({ resource, schema }: Kind, object: JsonObject): void {
  const { kind, version, strategicMerge } = resource;
  const why = strategicMerge ? undecodable(object, schema, kind) : undefined;
  if (why !== undefined)
    throw badRequest(`${kind} in version "${version}" cannot be handled as a ${kind}: ${why}`);
}

export function metadataOf(object: JsonObject): JsonObject {
  const { metadata = {} } = object;
  if (metadata === null) return {};
  if (!isObject(metadata)) throw badRequest("metadata must be an object");
  return metadata;
}

function shape(kind: Kind, base: ApiObject, submitted: Submitted, strict: Strictness): ApiObject {
  const shaped = shapeObject(kind.resource.normalize(base), kind.schema);
  reportStrictness(kind, shaped.unknownFields, submitted.duplicateFields, strict);
  // The schema, from which ApiObject's types come, is checked before the object is used.
  return shaped.object as unknown as ApiObject;
}

function check(
  kind: Kind,
  object: ApiObject,
  old: ApiObject | undefined,
  subresource: Subresource,
  strict: Strictness,
): void {
  const { resource } = kind;
  const { name } = object.metadata;
  // Read as plain JSON: until the schema has accepted it, nothing is known of it.
  const plain = object as unknown as JsonObject;
  const found = kind.validate(plain);
  const schemaErrors = old && !resource.strategicMerge ? ratchet(found, plain, old) : found;
  const blocked = kind.rules.isEmpty ? undefined : rulesSkipped(schemaErrors);
  // The checks of the kind itself take for granted what the schema says, also of what an update leaves as it was.
  const isShaped = found.length === 0;
  const hasMetadata = !found.some(({ field }) => field.startsWith("metadata"));
  const metadataErrors = hasMetadata
    ? [
        ...validateMetadata(object.metadata, old?.metadata, resource.nameForm),
        ...managedFieldsErrors(object.metadata.managedFields),
      ]
    : [];
  const errors = [
    ...metadataErrors,
    ...schemaErrors,
    ...(isShaped && subresource !== "status" ? resource.validate(object, old) : []),
    ...(blocked ? [blocked] : kind.rules.check(plain, old, strict.warn)),
  ];
  if (errors.length > 0) throw invalid(resource, name, errors);
  for (const warning of resource.warnings(object, old)) strict.warn(warning);
}

function reportStrictness(
  kind: Kind,
  unknownFields: readonly string[],
  duplicateFields: readonly string[],
  strict: Strictness,
): void {
  const unknown = unknownFields.map((path) => `unknown field "${path}"`);
  const duplicates = duplicateFields.map((path) => `duplicate field "${path}"`);
  // Kubernetes finds both at once where a kind is built in, and the unknown ones afterwards where it is not.
  const problems = kind.resource.strategicMerge ? [...unknown, ...duplicates] : [...duplicates, ...unknown];
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
function wanted(object: ApiObject, { status: hasStatus }: ResourceDefinition): unknown {
  const { metadata: _metadata, status, ...rest } = object;
  // Without the subresource, `status` is a field like every other.
  return hasStatus ? rest : { ...rest, status };
}
