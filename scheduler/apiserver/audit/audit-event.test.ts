import { expect, test } from "vitest";
import { ApiError, invalid } from "../status.ts";
import {
  type AuditedRequest,
  auditEvent,
  auditIdOf,
  failedAuthentication,
  isAudited,
  originOf,
  type RequestAttributes,
} from "./audit-event.ts";

const receivedMs = Date.UTC(2026, 0, 1, 12, 0, 0, 7);
const attributes: RequestAttributes = {
  kind: "resource",
  verb: "get",
  group: "",
  version: "v1",
  resource: "secrets",
  subresource: "",
  namespace: "default",
  name: "db",
};
const request: AuditedRequest = {
  id: "id-1",
  receivedMs,
  origin: {
    uri: "/api/v1/namespaces/default/secrets/db",
    sourceIps: ["10.0.0.1"],
    userAgent: "kubectl/v1.35",
  },
  attributes,
  user: { name: "alice", uid: "", groups: ["dev", "system:authenticated"], extra: {} },
  impersonatedUser: undefined,
  decision: { allowed: true, reason: 'RBAC: allowed by RoleBinding "x/y"' },
  object: undefined,
  annotations: {},
};
const ok = { code: 200, failure: undefined };

test("auditEvent: a request that was answered", () => {
  expect(auditEvent(request, "ResponseComplete", ok, receivedMs + 5)).toEqual({
    kind: "Event",
    apiVersion: "audit.k8s.io/v1",
    level: "Metadata",
    auditID: "id-1",
    stage: "ResponseComplete",
    requestURI: "/api/v1/namespaces/default/secrets/db",
    verb: "get",
    user: { username: "alice", groups: ["dev", "system:authenticated"] },
    sourceIPs: ["10.0.0.1"],
    userAgent: "kubectl/v1.35",
    objectRef: { resource: "secrets", namespace: "default", name: "db", apiVersion: "v1" },
    responseStatus: { metadata: {}, code: 200 },
    requestReceivedTimestamp: "2026-01-01T12:00:00.007000Z",
    stageTimestamp: "2026-01-01T12:00:00.012000Z",
    annotations: {
      "authorization.k8s.io/decision": "allow",
      "authorization.k8s.io/reason": 'RBAC: allowed by RoleBinding "x/y"',
    },
  });
});

test("auditEvent: somebody unknown on a path", () => {
  const unknown: AuditedRequest = {
    ...request,
    attributes: { kind: "path", verb: "get", path: "/api" },
    user: undefined,
    decision: undefined,
    origin: { uri: "/api", sourceIps: [], userAgent: "" },
  };
  const event = auditEvent(unknown, "ResponseComplete", ok, receivedMs);
  expect(event).toMatchObject({ user: {}, verb: "get" });
  expect(Object.keys(event)).not.toContain("objectRef");
  expect(Object.keys(event)).not.toContain("annotations");
  expect(Object.keys(event)).not.toContain("userAgent");
});

test("auditEvent: the object, the impersonated user and what was noted", () => {
  const changes: Partial<AuditedRequest> = {
    attributes: { ...attributes, group: "apps", subresource: "scale", verb: "update" },
    impersonatedUser: { name: "bob", uid: "u", groups: [], extra: { scopes: ["a"] } },
    decision: { allowed: false, reason: "" },
    object: { name: "x", uid: "uid-1" },
    annotations: { "authentication.kubernetes.io/issued-credential-id": "JTI=x" },
  };
  expect(auditEvent({ ...request, ...changes }, "ResponseStarted", ok, receivedMs)).toMatchObject({
    stage: "ResponseStarted",
    impersonatedUser: { username: "bob", uid: "u", extra: { scopes: ["a"] } },
    objectRef: { apiGroup: "apps", subresource: "scale", name: "db", uid: "uid-1" },
    annotations: {
      "authentication.kubernetes.io/issued-credential-id": "JTI=x",
      "authorization.k8s.io/decision": "forbid",
      "authorization.k8s.io/reason": "",
    },
  });
});

test("auditEvent: what was created has its name from the object", () => {
  const created = {
    ...request,
    attributes: { ...attributes, name: "" },
    object: { name: "db-x7", uid: "u" },
  };
  expect(auditEvent(created, "ResponseComplete", ok, receivedMs).objectRef).toMatchObject({
    name: "db-x7",
    uid: "u",
  });
});

const secretKind = { group: "", kind: "Secret" };
const failed = (error: ApiError) => ({ code: error.httpCode, failure: error.toStatus() });

test.each([
  {
    name: "not found",
    response: failed(new ApiError("NotFound", 'secrets "db" not found')),
    expected: {
      metadata: {},
      status: "Failure",
      message: 'secrets "db" not found',
      reason: "NotFound",
      code: 404,
    },
  },
  {
    name: "an invalid body: its fields, not its values",
    response: failed(
      invalid(secretKind, "db", [
        {
          reason: "FieldValueInvalid",
          field: "data[password]",
          message: 'Invalid value: "hunter2": no base64',
        },
      ]),
    ),
    expected: {
      metadata: {},
      status: "Failure",
      message: "invalid: data[password]",
      reason: "Invalid",
      code: 422,
    },
  },
  {
    name: "a body that cannot be read: nothing of it",
    response: failed(new ApiError("BadRequest", 'Unexpected token h in "hunter2"')),
    expected: { metadata: {}, status: "Failure", reason: "BadRequest", code: 400 },
  },
  {
    name: "no answer",
    response: { code: undefined, failure: undefined },
    expected: { metadata: {}, status: "Success", message: "Connection closed early", code: 200 },
  },
])("auditEvent: the status of $name", ({ response, expected }) => {
  expect(auditEvent(request, "ResponseComplete", response, receivedMs).responseStatus).toEqual(expected);
});

test("auditEvent: everything is bounded", () => {
  const long = "x".repeat(100_000);
  const many = Array.from({ length: 10_000 }, () => long);
  const event = auditEvent(
    {
      ...request,
      origin: originOf({
        url: `/${long}`,
        headers: {
          "user-agent": long,
          "x-forwarded-for": Array.from({ length: 500 }, () => "1.1.1.1").join(","),
        },
        socket: {},
      }),
      attributes: { ...attributes, name: long },
      user: { name: long, uid: long, groups: many, extra: { [long]: many } },
      decision: { allowed: true, reason: long },
      annotations: { a: long },
    },
    "ResponseComplete",
    failed(new ApiError("Conflict", long)),
    receivedMs,
  );
  expect(JSON.stringify(event).length).toBeLessThan(200_000);
  expect(event.userAgent).toBe(`${"x".repeat(1024)}...TRUNCATED`);
  expect(event.sourceIPs).toHaveLength(16);
});

const path = (text: string): RequestAttributes => ({ kind: "path", verb: "get", path: text });
const resource = (changes: object): RequestAttributes => ({ ...attributes, ...changes });

test.each([
  { name: "/livez", attributes: path("/livez"), expected: false },
  { name: "/readyz/store", attributes: path("/readyz/store"), expected: false },
  { name: "/healthz", attributes: path("/healthz"), expected: false },
  { name: "/metrics", attributes: path("/metrics"), expected: false },
  { name: "/livezz", attributes: path("/livezz"), expected: true },
  { name: "/", attributes: path("/"), expected: true },
  {
    name: "an event's creation",
    attributes: resource({ resource: "events", verb: "create" }),
    expected: false,
  },
  {
    name: "an event's series",
    attributes: resource({ resource: "events", verb: "patch", group: "events.k8s.io" }),
    expected: false,
  },
  {
    name: "an event's deletion",
    attributes: resource({ resource: "events", verb: "delete" }),
    expected: true,
  },
  { name: "a look at events", attributes: resource({ resource: "events", verb: "list" }), expected: true },
  {
    name: "events of somebody else's",
    attributes: resource({ resource: "events", verb: "create", group: "acme.com" }),
    expected: true,
  },
  { name: "a look at a Secret", attributes, expected: true },
])("isAudited: $name is $expected", ({ attributes: given, expected }) => {
  expect(isAudited(given)).toBe(expected);
});

test.each([
  { name: "the peer", headers: {}, remote: "10.0.0.1", expected: ["10.0.0.1"] },
  { name: "an IPv4 peer on an IPv6 socket", headers: {}, remote: "::ffff:10.0.0.1", expected: ["10.0.0.1"] },
  { name: "an IPv6 peer", headers: {}, remote: "fe80::1", expected: ["fe80::1"] },
  {
    name: "proxies",
    headers: { "x-forwarded-for": "1.1.1.1, 2.2.2.2" },
    remote: "10.0.0.1",
    expected: ["1.1.1.1", "2.2.2.2", "10.0.0.1"],
  },
  {
    name: "a proxy that names itself",
    headers: { "x-forwarded-for": "1.1.1.1,10.0.0.1" },
    remote: "10.0.0.1",
    expected: ["1.1.1.1", "10.0.0.1"],
  },
  {
    name: "a real address",
    headers: { "x-real-ip": "3.3.3.3" },
    remote: "10.0.0.1",
    expected: ["3.3.3.3", "10.0.0.1"],
  },
  {
    name: "what is no address",
    headers: { "x-forwarded-for": 'evil"}, unknown', "x-real-ip": "y" },
    remote: "10.0.0.1",
    expected: ["10.0.0.1"],
  },
  { name: "nobody", headers: {}, remote: undefined, expected: [] },
])("originOf: the source is $name", ({ headers, remote, expected }) => {
  expect(originOf({ url: "/", headers, socket: { remoteAddress: remote } }).sourceIps).toEqual(expected);
});

test.each([
  { url: "/api?limit=5", expected: "/api?limit=5" },
  { url: "/api?access_token=hunter2&limit=5", expected: "/api?access_token=REDACTED&limit=5" },
  { url: "/api?limit=5&Password=a", expected: "/api?limit=5&Password=REDACTED" },
  { url: "/api?a?token=b?secret=c", expected: "/api?a?token=REDACTED" },
  { url: "/token=a?limit=5", expected: "/token=a?limit=5" },
  {
    url: "/api?fieldSelector=type%3Dkubernetes.io/service-account-token",
    expected: "/api?fieldSelector=type%3Dkubernetes.io/service-account-token",
  },
])("originOf: $url is written as $expected", ({ url, expected }) => {
  expect(originOf({ url, headers: {}, socket: {} }).uri).toBe(expected);
});

test("originOf: costs no more than the URL is long", () => {
  // Backtracking over this would take minutes, in which the test would time out.
  const url = `/?${"?".repeat(30_000)}${"token".repeat(6_000)}`;
  expect(originOf({ url, headers: {}, socket: {} }).uri).toMatch(/TRUNCATED$/);
});

test.each([
  { header: undefined, expected: "new" },
  { header: "", expected: "new" },
  { header: "mine", expected: "mine" },
  { header: "two words", expected: "new" },
  { header: "x".repeat(100), expected: "x".repeat(64) },
])("auditIdOf: $header", ({ header, expected }) => {
  expect(auditIdOf(header, () => "new")).toBe(expected);
});

test.each([
  { header: undefined, certificate: false, expected: "Authentication failed, no credentials provided" },
  { header: "Bearer x", certificate: false, expected: "Authentication failed, attempted: bearer" },
  { header: "Basic x", certificate: true, expected: "Authentication failed, attempted: basic, x509" },
  { header: "hunter2", certificate: true, expected: "Authentication failed, attempted: x509" },
])("failedAuthentication: $expected", ({ header, certificate, expected }) => {
  expect(failedAuthentication(header, certificate)).toBe(expected);
});
