/** The `token` subresource of a ServiceAccount, `kubectl create token`: authentication.k8s.io/v1 TokenRequest in and out. */
import type { FieldError } from "../../../api/validation/field-error.ts";
import { invalidValue, showValue, tooLong } from "../../../api/validation/field-error.ts";
import type { ApiObject } from "../../../api/object-meta.ts";
import { toTimestamp } from "../../../kit/timestamps.ts";
import { isObject, type JsonObject } from "../resource.ts";
import { ApiError, badRequest, invalid, unknownPath } from "../status.ts";
import { tokenLengthMax } from "../../../kit/jwt.ts";
import { apiAudiences, type ObjectRef, type ServiceAccountTokens } from "./service-account-tokens.ts";
import { readAudiences } from "./subject-review.ts";

const tokenRequest = { group: "authentication.k8s.io", kind: "TokenRequest" };
const expirationSecondsDefault = 3_600;
const expirationSecondsMin = 600;
const expirationSecondsMax = 2 ** 32;

export interface IssuedToken {
  /** The answer, with the token in it. */
  readonly object: object;
  /** For the audit log: names the token, and is no secret. Under {@link issuedCredentialIdKey}. */
  readonly credentialId: string;
}

/** The annotation of an audit event under which an issued token is named. */
export const issuedCredentialIdKey = "authentication.kubernetes.io/issued-credential-id";

/** Issues a token for the ServiceAccount that the URL names. Throws what the client is told when it cannot be. */
export function issueToken(
  tokens: ServiceAccountTokens,
  target: { readonly namespace: string; readonly name: string },
  body: unknown,
): IssuedToken {
  if (!tokens.canSign) throw unknownPath();
  const { namespace, name } = target;
  const { metadata, spec } = readRequest(body);
  requireMatch("name", metadata["name"], name, name);
  requireMatch("namespace", metadata["namespace"], namespace, name);
  const account = found("serviceaccounts", name, tokens.options.findServiceAccount(namespace, name));
  const { uid } = account.metadata;
  requireUid(metadata["uid"], account);
  const nowMs = tokens.options.clock.now();
  const audiences = spec.audiences.length === 0 ? apiAudiences : spec.audiences;
  check(validateExpiration(spec.expirationSeconds));
  const secret = spec.boundObjectRef && boundSecret(tokens, namespace, spec.boundObjectRef);
  const { expirationSeconds } = spec;
  const claims = {
    account: { namespace, name, uid },
    audiences,
    issuedAtMs: nowMs,
    expirationSeconds,
    secret,
  };
  const { token, id } = tokens.sign(claims);
  if (token.length > tokenLengthMax) check([tooLong("spec.audiences", tokenLengthMax / 2)]);
  return {
    object: {
      kind: tokenRequest.kind,
      apiVersion: `${tokenRequest.group}/v1`,
      metadata: { name, namespace, uid, creationTimestamp: toTimestamp(nowMs) },
      spec: { audiences, expirationSeconds, boundObjectRef: spec.boundObjectRef ?? null },
      status: { token, expirationTimestamp: toTimestamp(nowMs + expirationSeconds * 1000) },
    },
    credentialId: `JTI=${id}`,
  };
}

interface BoundObjectRef {
  readonly kind?: string;
  readonly apiVersion?: string;
  readonly name?: string;
  readonly uid?: string;
}

interface Spec {
  readonly audiences: readonly string[];
  readonly expirationSeconds: number;
  readonly boundObjectRef: BoundObjectRef | undefined;
}

function readRequest(body: unknown): { readonly metadata: JsonObject; readonly spec: Spec } {
  const object = isObject(body) ? body : {};
  const metadata = isObject(object["metadata"]) ? object["metadata"] : {};
  const spec = isObject(object["spec"]) ? object["spec"] : {};
  const expirationSeconds = spec["expirationSeconds"] ?? expirationSecondsDefault;
  if (typeof expirationSeconds !== "number" || !Number.isInteger(expirationSeconds))
    throw badRequest("TokenRequest: spec.expirationSeconds must be a whole number");
  return {
    metadata,
    spec: {
      audiences: readAudiences(spec["audiences"] ?? [], "TokenRequest"),
      expirationSeconds,
      boundObjectRef: readBinding(spec["boundObjectRef"] ?? undefined),
    },
  };
}

function readBinding(value: unknown): BoundObjectRef | undefined {
  if (value === undefined) return undefined;
  const fields = ["kind", "apiVersion", "name", "uid"].flatMap((key) => {
    const field = isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;
    if (field === undefined || field === "") return [];
    if (typeof field !== "string")
      throw badRequest(`TokenRequest: spec.boundObjectRef.${key} must be a string`);
    return [[key, field]];
  });
  return Object.fromEntries(fields) as BoundObjectRef; // Those four keys alone, each a string.
}

function validateExpiration(seconds: number): readonly FieldError[] {
  const field = "spec.expirationSeconds";
  if (seconds < expirationSecondsMin)
    return [invalidValue(field, seconds, "may not specify a duration less than 10 minutes")];
  if (seconds > expirationSecondsMax)
    return [invalidValue(field, seconds, "may not specify a duration larger than 2^32 seconds")];
  return [];
}

function check(errors: readonly FieldError[]): void {
  if (errors.length > 0) throw invalid(tokenRequest, "", errors);
}

function requireMatch(key: string, given: unknown, wanted: string, account: string): void {
  if (given === undefined || given === "" || given === wanted) return;
  const why = `must match the service account ${key} if specified`;
  throw invalid(tokenRequest, account, [invalidValue(`metadata.${key}`, given, why)]);
}

function requireUid(given: unknown, { metadata }: ApiObject): void {
  if (given === undefined || given === "" || given === metadata.uid) return;
  const why = `the UID in the token request (${typeof given === "string" ? given : showValue(given)}) does not match the UID of the service account (${metadata.uid})`;
  throw conflict("TokenRequest.authentication.k8s.io", metadata.name, why);
}

function boundSecret(tokens: ServiceAccountTokens, namespace: string, ref: BoundObjectRef): ObjectRef {
  const { apiVersion = "", kind = "", name = "", uid = "" } = ref;
  if (!apiVersion.includes("/") && (kind === "Pod" || kind === "Node"))
    // There are none.
    throw found(`${kind.toLowerCase()}s`, name, undefined);
  if (apiVersion.includes("/") || kind !== "Secret") {
    const [version = "", group = ""] = apiVersion.split("/").toReversed();
    throw badRequest(`cannot bind token to object of type ${group}/${version}, Kind=${kind}`);
  }
  const { metadata } = found("secrets", name, tokens.options.findSecret(namespace, name));
  if (uid !== "" && uid !== metadata.uid) {
    const why = `the UID in the bound object reference (${uid}) does not match the UID in record. The object might have been deleted and then recreated`;
    throw conflict("Secret", name, why);
  }
  return { name, uid: metadata.uid };
}

function found(plural: string, name: string, object: ApiObject | undefined): ApiObject {
  if (object) return object;
  throw new ApiError("NotFound", `${plural} "${name}" not found`, { name, kind: plural });
}

function conflict(resource: string, name: string, why: string): ApiError {
  return new ApiError("Conflict", `Operation cannot be fulfilled on ${resource} "${name}": ${why}`, { name });
}
