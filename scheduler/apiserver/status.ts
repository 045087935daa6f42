import { errorMessage, WherryError } from "../../kit/errors.ts";
import type { FieldError } from "../../api/validation/field-error.ts";
import { qualified, type ResourceDefinition } from "./resource.ts";

/** metav1.Status. */
export interface Status {
  readonly kind: "Status";
  readonly apiVersion: "v1";
  readonly metadata: ListMeta;
  readonly status: "Success" | "Failure";
  readonly message?: string;
  readonly reason?: string;
  readonly details?: StatusDetails;
  readonly code?: number;
}

/** What a failed list tells of how to go on. */
export interface ListMeta {
  readonly continue?: string;
}

export interface StatusDetails {
  readonly name?: string;
  readonly group?: string;
  readonly kind?: string;
  readonly uid?: string;
  readonly causes?: readonly { readonly reason: string; readonly message: string; readonly field?: string }[];
  readonly retryAfterSeconds?: number;
}

/** The reasons we answer with, and their HTTP codes. https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/ */
const reasonCodes = {
  BadRequest: 400,
  Unauthorized: 401,
  Forbidden: 403,
  NotFound: 404,
  MethodNotAllowed: 405,
  NotAcceptable: 406,
  RequestTimeout: 408,
  AlreadyExists: 409,
  Conflict: 409,
  Expired: 410,
  RequestEntityTooLarge: 413,
  UnsupportedMediaType: 415,
  Invalid: 422,
  TooManyRequests: 429,
  RequestHeaderFieldsTooLarge: 431,
  InternalError: 500,
  ServiceUnavailable: 503,
  Timeout: 504,
} as const;

export type StatusReason = keyof typeof reasonCodes;

/** A request that is answered with a failure Status. `code` is the reason. */
export class ApiError extends WherryError {
  readonly reason: StatusReason;
  readonly details: StatusDetails;
  readonly metadata: ListMeta;

  constructor(reason: StatusReason, message: string, details: StatusDetails = {}, metadata: ListMeta = {}) {
    super(reason, message, { retryable: reason === "TooManyRequests" || reason === "ServiceUnavailable" });
    this.reason = reason;
    this.details = details;
    this.metadata = metadata;
  }

  get httpCode(): number {
    return reasonCodes[this.reason];
  }

  toStatus(): Status {
    return {
      kind: "Status",
      apiVersion: "v1",
      metadata: this.metadata,
      status: "Failure",
      message: shorten(this.message, messageLengthMax),
      reason: this.reason,
      details: this.details,
      code: this.httpCode,
    };
  }
}

export function badRequest(message: string): ApiError {
  return new ApiError("BadRequest", message);
}

export function notFound(resource: ResourceDefinition, name: string): ApiError {
  return new ApiError("NotFound", `${qualified(resource)} "${name}" not found`, details(resource, name));
}

export function alreadyExists(resource: ResourceDefinition, name: string): ApiError {
  return new ApiError(
    "AlreadyExists",
    `${qualified(resource)} "${name}" already exists`,
    details(resource, name),
  );
}

export function modified(resource: ResourceDefinition, name: string): ApiError {
  return conflict(
    resource,
    name,
    "the object has been modified; please apply your changes to the latest version and try again",
  );
}

export function conflict(resource: ResourceDefinition, name: string, why: string): ApiError {
  return new ApiError(
    "Conflict",
    `Operation cannot be fulfilled on ${qualified(resource)} "${name}": ${why}`,
    details(resource, name),
  );
}

export function forbidden(
  resource: ResourceDefinition,
  name: string,
  why: string,
  causes?: StatusDetails["causes"],
): ApiError {
  return new ApiError("Forbidden", `${qualified(resource)} "${name}" is forbidden: ${why}`, {
    ...details(resource, name),
    ...(causes && { causes }),
  });
}

/** Problems that one answer tells of, and how long names and texts of a client's may be in it: they may have megabytes. */
const causesMax = 100;
const fieldLengthMax = 1_000;
const causeLengthMax = 4_000;
const messageLengthMax = 64 * 1024;

export function invalid(
  resource: { readonly group: string; readonly kind: string },
  name: string,
  errors: readonly FieldError[],
): ApiError {
  const causes = errors.slice(0, causesMax).map(({ reason, message, field }) => ({
    reason,
    message: shorten(message, causeLengthMax),
    field: shorten(field, fieldLengthMax),
  }));
  const more = errors.length > causes.length ? [`and ${errors.length - causes.length} more`] : [];
  const texts = [...causes.map(({ field, message }) => `${field}: ${message}`), ...more];
  const list = texts.length === 1 ? texts[0] : `[${texts.join(", ")}]`;
  const kind = resource.group === "" ? resource.kind : `${resource.kind}.${resource.group}`;
  const shownName = shorten(name, fieldLengthMax);
  return new ApiError("Invalid", `${kind} "${shownName}" is invalid: ${list}`, {
    name: shownName,
    group: resource.group,
    kind: resource.kind,
    causes,
  });
}

function shorten(text: string, lengthMax: number): string {
  return text.length <= lengthMax ? text : `${text.slice(0, lengthMax)}…`;
}

export function expired(message: string): ApiError {
  return new ApiError("Expired", message);
}

/** Options of a list or watch that go against each other. */
export function invalidOptions(field: string, message: string): ApiError {
  const reason = message.startsWith("Forbidden") ? "FieldValueForbidden" : "FieldValueNotSupported";
  return invalid({ group: "meta.k8s.io", kind: "ListOptions" }, "", [{ reason, field, message }]);
}

/** Clients wait a moment and ask again, from the beginning: the revision is another store's, or not reached yet. */
export function tooLargeRevision(wanted: number, current: number): ApiError {
  return new ApiError("Timeout", `Too large resource version: ${wanted}, current: ${current}`, {
    causes: [{ reason: "ResourceVersionTooLarge", message: "Too large resource version" }],
    retryAfterSeconds: 1,
  });
}

/** A path, or a subresource, that is not served. */
export function unknownPath(): ApiError {
  return new ApiError("NotFound", "the server could not find the requested resource");
}

export function methodNotAllowed(): ApiError {
  return new ApiError("MethodNotAllowed", "the server does not allow this method on the requested resource");
}

/** Whatever was thrown, as what the client is told. The one table from codes to Status. */
export function toApiError(thrown: unknown): ApiError {
  if (thrown instanceof ApiError) return thrown;
  if (!(thrown instanceof WherryError)) return internalError(thrown);
  switch (thrown.code) {
    case "StoreBusy":
      return new ApiError("TooManyRequests", thrown.message, { retryAfterSeconds: 1 });
    case "StoreUnavailable":
    case "StoreClosed":
    case "StoreCorrupt":
    case "StoreReadOnly":
    case "StoreUnwritable":
    case "EncryptionKeyMissing":
    case "BackendUnavailable":
    case "NodeUnreachable":
    case "LogUnavailable":
      return new ApiError("ServiceUnavailable", thrown.message, { retryAfterSeconds: 1 });
    case "NotFound":
      return new ApiError("NotFound", thrown.message);
    case "ExplanationsBusy":
    case "SimulationBusy":
      return new ApiError("TooManyRequests", thrown.message, { retryAfterSeconds: 1 });
    case "SimulationImpossible":
    case "SimulationTooLarge":
      return new ApiError("BadRequest", thrown.message);
    default:
      return internalError(thrown);
  }
}

function internalError(thrown: unknown): ApiError {
  return new ApiError("InternalError", `Internal error occurred: ${errorMessage(thrown)}`);
}

function details(resource: ResourceDefinition, name: string): StatusDetails {
  return { name, ...(resource.group === "" ? {} : { group: resource.group }), kind: resource.plural };
}

/** The answer to a DELETE of what could not be read. */
export function deletedUnread(resource: ResourceDefinition, name: string): Status {
  return {
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Success",
    details: details(resource, name),
  };
}

/** The answer to a DELETE that removed the object. */
export function deleted(resource: ResourceDefinition, name: string, uid: string): Status {
  return {
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Success",
    details: { ...details(resource, name), uid },
  };
}
