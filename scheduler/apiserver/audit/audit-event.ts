/**
 * What is written down of a request: an Event of audit.k8s.io/v1 at the level Metadata. Who did what to which object, and
 * how it ended; never what was sent or answered. Where text of a client's making could carry a secret, it is left out.
 * Pure; every string and list is bounded.
 */
import { isIP } from "node:net";
import type { Attributes, Decision } from "../authorization/authorizer.ts";
import type { User } from "../authentication/user.ts";
import { type UserInfo, userInfo } from "../authentication/subject-review.ts";
import type { Status } from "../status.ts";

/** Long-running requests have both, all others the second. */
export type AuditStage = "ResponseStarted" | "ResponseComplete";

/** An Omit that keeps the variants apart. */
type WithoutUser<T> = T extends unknown ? Omit<T, "user"> : never;

/** What a request asks for, as it is authorized, whoever sends it. */
export type RequestAttributes = WithoutUser<Attributes>;

/** A request, as far as it has come. */
export interface AuditedRequest {
  readonly id: string;
  readonly receivedMs: number;
  readonly origin: RequestOrigin;
  readonly attributes: RequestAttributes;
  /** Who was authenticated. */
  readonly user: User | undefined;
  readonly impersonatedUser: User | undefined;
  /** undefined: it was not asked for. */
  readonly decision: Decision | undefined;
  /** What was found or made; its name is not in the URL of a creation. */
  readonly object: { readonly name: string; readonly uid: string } | undefined;
  /** More to note: `authentication.kubernetes.io/issued-credential-id`. */
  readonly annotations: Readonly<Record<string, string>>;
}

export interface AuditedResponse {
  /** undefined: the connection was closed before there was an answer. */
  readonly code: number | undefined;
  /** What a failure was answered with. */
  readonly failure: Status | undefined;
}

export interface AuditEvent {
  readonly kind: "Event";
  readonly apiVersion: "audit.k8s.io/v1";
  readonly level: "Metadata";
  readonly auditID: string;
  readonly stage: AuditStage;
  readonly requestURI: string;
  readonly verb: string;
  readonly user: UserInfo;
  readonly impersonatedUser?: UserInfo;
  readonly sourceIPs: readonly string[];
  readonly userAgent?: string;
  readonly objectRef?: Readonly<Record<string, string>>;
  readonly responseStatus: object;
  readonly requestReceivedTimestamp: string;
  readonly stageTimestamp: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

const limits = {
  uriLength: 4_096,
  /** As Kubernetes cuts it. */
  userAgentLength: 1_024,
  textLength: 1_024,
  groups: 100,
  extraKeys: 32,
  extraValues: 16,
  sourceIps: 16,
  idLength: 64,
  annotations: 16,
  fields: 20,
} as const;

export function auditEvent(
  request: AuditedRequest,
  stage: AuditStage,
  response: AuditedResponse,
  stageMs: number,
): AuditEvent {
  const { attributes, origin, user, impersonatedUser } = request;
  const annotations = annotationsOf(request);
  const objectRef = objectRefOf(request);
  return {
    kind: "Event",
    apiVersion: "audit.k8s.io/v1",
    level: "Metadata",
    auditID: request.id,
    stage,
    requestURI: origin.uri,
    verb: cut(attributes.verb),
    user: user ? boundedUser(user) : {},
    ...(impersonatedUser ? { impersonatedUser: boundedUser(impersonatedUser) } : {}),
    sourceIPs: origin.sourceIps,
    ...(origin.userAgent === "" ? {} : { userAgent: origin.userAgent }),
    ...(objectRef ? { objectRef } : {}),
    responseStatus: statusOf(response),
    requestReceivedTimestamp: microTime(request.receivedMs),
    stageTimestamp: microTime(stageMs),
    ...(annotations ? { annotations } : {}),
  };
}

const unauditedPaths = new Set(["livez", "readyz", "healthz", "metrics"]);
const eventGroups = new Set(["", "events.k8s.io"]);
const eventVerbs = new Set(["create", "update", "patch"]);

/**
 * Whether a request is written down. As in the policies in common use, what comes all the time and changes nothing is
 * not: health and metrics, and the recording of Events.
 */
export function isAudited(attributes: RequestAttributes): boolean {
  if (attributes.kind === "path") return !unauditedPaths.has(attributes.path.split("/")[1] ?? "");
  const isEvent = attributes.resource === "events" && eventGroups.has(attributes.group);
  return !(isEvent && eventVerbs.has(attributes.verb));
}

/** Where a request comes from. */
export interface RequestOrigin {
  readonly uri: string;
  readonly sourceIps: readonly string[];
  readonly userAgent: string;
}

/** What of Node's IncomingMessage is looked at. */
export interface OriginalRequest {
  readonly url?: string | undefined;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly socket: { readonly remoteAddress?: string | undefined };
}

export function originOf({ url = "/", headers, socket }: OriginalRequest): RequestOrigin {
  return {
    uri: cut(withoutSecrets(url), limits.uriLength),
    sourceIps: sourceIps(headers, socket.remoteAddress ?? ""),
    userAgent: cut(String(headers["user-agent"] ?? ""), limits.userAgentLength),
  };
}

/** The Audit-ID that a client gives, to find its request again; a new one otherwise. Answered in the same header. */
export function auditIdOf(header: string | readonly string[] | undefined, newId: () => string): string {
  const given = String(header ?? "").slice(0, limits.idLength);
  return /^[\x21-\x7e]+$/.test(given) ? given : newId();
}

/** Kubernetes' words for the record of a request that was not authenticated. */
export function failedAuthentication(authorization: string | undefined, hasCertificate: boolean): string {
  const scheme = /^ *(bearer|basic) +\S/i.exec(authorization ?? "")?.[1]?.toLowerCase();
  const attempted = [...(scheme === undefined ? [] : [scheme]), ...(hasCertificate ? ["x509"] : [])];
  return attempted.length === 0
    ? "Authentication failed, no credentials provided"
    : `Authentication failed, attempted: ${attempted.join(", ")}`;
}

/** X-Forwarded-For, X-Real-Ip, then whoever is connected: all but the last can be made up. As Kubernetes. */
function sourceIps(headers: OriginalRequest["headers"], remote: string): readonly string[] {
  const forwarded = String(headers["x-forwarded-for"] ?? "")
    .split(",", limits.sourceIps)
    .map((part) => part.trim())
    .filter((part) => isIP(part) !== 0);
  const real = String(headers["x-real-ip"] ?? "").trim();
  const ips = isIP(real) !== 0 && !forwarded.includes(real) ? [...forwarded, real] : forwarded;
  // An IPv4 peer of a socket for both.
  const peer = remote.replace(/^::ffff:(?=\d+\.)/, "");
  return isIP(peer) !== 0 && ips.at(-1) !== peer ? [...ips, peer] : ips;
}

/**
 * No parameter of the API holds a secret, but clients make mistakes. Cut apart instead of matched: before it is known who
 * asks, nobody's text may cost more than its length.
 */
function withoutSecrets(uri: string): string {
  const mark = uri.indexOf("?");
  if (mark < 0) return uri;
  const parameters = uri.slice(mark + 1).split("&");
  return `${uri.slice(0, mark)}?${parameters.map(withoutSecret).join("&")}`;
}

function withoutSecret(parameter: string): string {
  const end = parameter.indexOf("=");
  if (end < 0 || !/token|password|secret|authorization/i.test(parameter.slice(0, end))) return parameter;
  return `${parameter.slice(0, end)}=REDACTED`;
}

function objectRefOf({ attributes, object }: AuditedRequest): Readonly<Record<string, string>> | undefined {
  if (attributes.kind === "path") return undefined;
  const { resource, namespace, group, version, subresource } = attributes;
  const name = attributes.name === "" ? object?.name : attributes.name;
  const uid = object?.uid;
  const all = { resource, namespace, name, uid, apiGroup: group, apiVersion: version, subresource };
  const given = Object.entries(all).flatMap(([key, value = ""]) => (value === "" ? [] : [[key, cut(value)]]));
  return Object.fromEntries(given) as Record<string, string>; // Texts, all of them.
}

function statusOf({ code, failure }: AuditedResponse): object {
  // In Kubernetes' words: there is no code for it.
  if (code === undefined)
    return { metadata: {}, status: "Success", message: "Connection closed early", code: 200 };
  if (!failure) return { metadata: {}, code };
  const message = messageOf(failure);
  return {
    metadata: {},
    status: "Failure",
    ...(message === undefined ? {} : { message: cut(message) }),
    ...(failure.reason === undefined ? {} : { reason: failure.reason }),
    code,
  };
}

/** Messages on a bad body quote from it: of them the names of the fields are kept. */
function messageOf({ reason, message, details }: Status): string | undefined {
  if (reason !== "Invalid" && reason !== "BadRequest") return message;
  const fields = (details?.causes ?? []).flatMap(({ field = "" }) => (field === "" ? [] : [field]));
  return fields.length === 0 ? undefined : `invalid: ${fields.slice(0, limits.fields).join(", ")}`;
}

function annotationsOf({
  decision,
  annotations,
}: AuditedRequest): Readonly<Record<string, string>> | undefined {
  const entries = Object.entries(annotations)
    .slice(0, limits.annotations)
    .map(([key, value]) => [key, cut(value)] as const);
  if (!decision && entries.length === 0) return undefined;
  return Object.fromEntries([
    ...entries,
    ...(decision
      ? [
          ["authorization.k8s.io/decision", decision.allowed ? "allow" : "forbid"],
          ["authorization.k8s.io/reason", cut(decision.reason)],
        ]
      : []),
  ]) as Record<string, string>; // Texts, all of them.
}

function boundedUser(user: User): UserInfo {
  return userInfo({
    name: cut(user.name),
    uid: cut(user.uid),
    groups: user.groups.slice(0, limits.groups).map((group) => cut(group)),
    extra: Object.fromEntries(
      Object.entries(user.extra)
        .slice(0, limits.extraKeys)
        .map(([key, values]) => [cut(key), values.slice(0, limits.extraValues).map((value) => cut(value))]),
    ),
  });
}

function cut(text: string, lengthMax: number = limits.textLength): string {
  return text.length <= lengthMax ? text : `${text.slice(0, lengthMax)}...TRUNCATED`;
}

/** metav1.MicroTime. Our clock gives milliseconds. */
function microTime(ms: number): string {
  return new Date(ms).toISOString().replace("Z", "000Z");
}
