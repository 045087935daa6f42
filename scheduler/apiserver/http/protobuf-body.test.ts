import protobuf from "protobufjs";
import { describe, expect, test } from "vitest";
import { decodeProtobuf } from "./protobuf-body.ts";

/** What kubectl 1.35 sent, without the four magic bytes. */
const kubectlBodies = [
  {
    name: "create namespace demo",
    body: "Cg8KAnYxEglOYW1lc3BhY2USHAoUCgRkZW1vEgAaACIAKgAyADgAQgASABoCCgAaACIA",
    object: { apiVersion: "v1", kind: "Namespace", metadata: { name: "demo" }, spec: {}, status: {} },
  },
  {
    name: "create configmap c2 --from-file=bin",
    body: "Cg8KAnYxEglDb25maWdNYXASHwoSCgJjMhIAGgAiACoAMgA4AEIAGgkKA2JpbhICAP8aACIA",
    object: { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "c2" }, binaryData: { bin: "AP8=" } },
  },
  {
    name: "create secret generic s --from-literal=a=b",
    body: "CgwKAnYxEgZTZWNyZXQSHQoRCgFzEgAaACIAKgAyADgAQgASBgoBYRIBYhoAGgAiAA==",
    object: { apiVersion: "v1", kind: "Secret", metadata: { name: "s" }, data: { a: "Yg==" } },
  },
  {
    name: "create serviceaccount builder",
    body: "ChQKAnYxEg5TZXJ2aWNlQWNjb3VudBIZChcKB2J1aWxkZXISABoAIgAqADIAOABCABoAIgA=",
    object: { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "builder" } },
  },
  {
    name: "create token builder --audience=a --duration=10m",
    body: "CigKGGF1dGhlbnRpY2F0aW9uLms4cy5pby92MRIMVG9rZW5SZXF1ZXN0EiAKEAoAEgAaACIAKgAyADgAQgASBgoBYSDYBBoECgASABoAIgA=",
    object: {
      apiVersion: "authentication.k8s.io/v1",
      kind: "TokenRequest",
      metadata: {},
      spec: { audiences: ["a"], expirationSeconds: 600 },
      status: {},
    },
  },
  {
    name: "create token builder --bound-object-kind=Secret --bound-object-name=s --bound-object-uid=123",
    body: "CigKGGF1dGhlbnRpY2F0aW9uLms4cy5pby92MRIMVG9rZW5SZXF1ZXN0EjAKEAoAEgAaACIAKgAyADgAQgASFhoUCgZTZWNyZXQSAnYxGgFzIgMxMjMaBAoAEgAaACIA",
    object: {
      apiVersion: "authentication.k8s.io/v1",
      kind: "TokenRequest",
      metadata: {},
      spec: { boundObjectRef: { kind: "Secret", apiVersion: "v1", name: "s", uid: "123" } },
      status: {},
    },
  },
  {
    name: "create role reader --verb=get,list --resource=pods,deployments.apps --resource-name=x",
    body: "CiQKHHJiYWMuYXV0aG9yaXphdGlvbi5rOHMuaW8vdjESBFJvbGUSUwoWCgZyZWFkZXISABoAIgAqADIAOABCABIWCgNnZXQKBGxpc3QSABoEcG9kcyIBeBIhCgNnZXQKBGxpc3QSBGFwcHMaC2RlcGxveW1lbnRzIgF4GgAiAA==",
    object: {
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "Role",
      metadata: { name: "reader" },
      rules: [
        { verbs: ["get", "list"], apiGroups: [""], resources: ["pods"], resourceNames: ["x"] },
        { verbs: ["get", "list"], apiGroups: ["apps"], resources: ["deployments"], resourceNames: ["x"] },
      ],
    },
  },
  {
    name: "create clusterrole reader --verb=get --non-resource-url=/healthz,/logs/*",
    body: "CisKHHJiYWMuYXV0aG9yaXphdGlvbi5rOHMuaW8vdjESC0NsdXN0ZXJSb2xlEjIKFgoGcmVhZGVyEgAaACIAKgAyADgAQgASGAoDZ2V0KggvaGVhbHRoeioHL2xvZ3MvKhoAIgA=",
    object: {
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "ClusterRole",
      metadata: { name: "reader" },
      rules: [{ verbs: ["get"], nonResourceURLs: ["/healthz", "/logs/*"] }],
    },
  },
  {
    name: "create clusterrole agg --aggregation-rule=a=b,c=d",
    body: "CisKHHJiYWMuYXV0aG9yaXphdGlvbi5rOHMuaW8vdjESC0NsdXN0ZXJSb2xlEikKEwoDYWdnEgAaACIAKgAyADgAQgAaEgoQCgYKAWESAWIKBgoBYxIBZBoAIgA=",
    object: {
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "ClusterRole",
      metadata: { name: "agg" },
      aggregationRule: { clusterRoleSelectors: [{ matchLabels: { a: "b", c: "d" } }] },
    },
  },
  {
    name: "create rolebinding rb --role=reader --user=jane --group=dev --serviceaccount=default:builder",
    body: "CisKHHJiYWMuYXV0aG9yaXphdGlvbi5rOHMuaW8vdjESC1JvbGVCaW5kaW5nErsBChIKAnJiEgAaACIAKgAyADgAQgASKQoEVXNlchIZcmJhYy5hdXRob3JpemF0aW9uLms4cy5pbxoEamFuZSIAEikKBUdyb3VwEhlyYmFjLmF1dGhvcml6YXRpb24uazhzLmlvGgNkZXYiABIkCg5TZXJ2aWNlQWNjb3VudBIAGgdidWlsZGVyIgdkZWZhdWx0GikKGXJiYWMuYXV0aG9yaXphdGlvbi5rOHMuaW8SBFJvbGUaBnJlYWRlchoAIgA=",
    object: {
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "RoleBinding",
      metadata: { name: "rb" },
      subjects: [
        { kind: "User", apiGroup: "rbac.authorization.k8s.io", name: "jane" },
        { kind: "Group", apiGroup: "rbac.authorization.k8s.io", name: "dev" },
        { kind: "ServiceAccount", name: "builder", namespace: "default" },
      ],
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "reader" },
    },
  },
  {
    name: "create clusterrolebinding crb --clusterrole=cluster-admin --user=jane --group=ops",
    body: "CjIKHHJiYWMuYXV0aG9yaXphdGlvbi5rOHMuaW8vdjESEkNsdXN0ZXJSb2xlQmluZGluZxKkAQoTCgNjcmISABoAIgAqADIAOABCABIpCgRVc2VyEhlyYmFjLmF1dGhvcml6YXRpb24uazhzLmlvGgRqYW5lIgASKQoFR3JvdXASGXJiYWMuYXV0aG9yaXphdGlvbi5rOHMuaW8aA29wcyIAGjcKGXJiYWMuYXV0aG9yaXphdGlvbi5rOHMuaW8SC0NsdXN0ZXJSb2xlGg1jbHVzdGVyLWFkbWluGgAiAA==",
    object: {
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "ClusterRoleBinding",
      metadata: { name: "crb" },
      subjects: [
        { kind: "User", apiGroup: "rbac.authorization.k8s.io", name: "jane" },
        { kind: "Group", apiGroup: "rbac.authorization.k8s.io", name: "ops" },
      ],
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "cluster-admin" },
    },
  },
  {
    name: "create quota q --hard=cpu=1,memory=1Gi,pods=2,requests.storage=500m --scopes=BestEffort,NotTerminating",
    body: "ChMKAnYxEg1SZXNvdXJjZVF1b3RhEnkKEQoBcRIAGgAiACoAMgA4AEIAEmIKCgoDY3B1EgMKATEKDwoGbWVtb3J5EgUKAzFHaQoLCgRwb2RzEgMKATIKGgoQcmVxdWVzdHMuc3RvcmFnZRIGCgQ1MDBtEgpCZXN0RWZmb3J0Eg5Ob3RUZXJtaW5hdGluZxoAGgAiAA==",
    object: {
      apiVersion: "v1",
      kind: "ResourceQuota",
      metadata: { name: "q" },
      spec: {
        hard: { cpu: "1", memory: "1Gi", pods: "2", "requests.storage": "500m" },
        scopes: ["BestEffort", "NotTerminating"],
      },
      status: {},
    },
  },
  {
    name: "create priorityclass high --value=1000 --global-default --description=High --preemption-policy=Never",
    body: "CiUKFHNjaGVkdWxpbmcuazhzLmlvL3YxEg1Qcmlvcml0eUNsYXNzEigKFAoEaGlnaBIAGgAiACoAMgA4AEIAEOgHGAEiBEhpZ2gqBU5ldmVyGgAiAA==",
    object: {
      apiVersion: "scheduling.k8s.io/v1",
      kind: "PriorityClass",
      metadata: { name: "high" },
      value: 1000,
      globalDefault: true,
      description: "High",
      preemptionPolicy: "Never",
    },
  },
  {
    name: "create priorityclass neg --value=-5",
    body: "CiUKFHNjaGVkdWxpbmcuazhzLmlvL3YxEg1Qcmlvcml0eUNsYXNzEjoKEwoDbmVnEgAaACIAKgAyADgAQgAQ+///////////ARgAIgAqFFByZWVtcHRMb3dlclByaW9yaXR5GgAiAA==",
    object: {
      apiVersion: "scheduling.k8s.io/v1",
      kind: "PriorityClass",
      metadata: { name: "neg" },
      value: -5,
      preemptionPolicy: "PreemptLowerPriority",
    },
  },
  {
    name: "auth can-i get pods/log --subresource=status -n other",
    body: "CjIKF2F1dGhvcml6YXRpb24uazhzLmlvL3YxEhdTZWxmU3ViamVjdEFjY2Vzc1JldmlldxJDChAKABIAGgAiACoAMgA4AEIAEiUKIwoFb3RoZXISA2dldBoAIgAqBHBvZHMyBnN0YXR1czoDbG9nGggIABIAGgAgABoAIgA=",
    object: {
      apiVersion: "authorization.k8s.io/v1",
      kind: "SelfSubjectAccessReview",
      metadata: {},
      spec: {
        resourceAttributes: {
          namespace: "other",
          verb: "get",
          resource: "pods",
          subresource: "status",
          name: "log",
        },
      },
      status: { allowed: false },
    },
  },
  {
    name: "auth can-i get /healthz",
    body: "CjIKF2F1dGhvcml6YXRpb24uazhzLmlvL3YxEhdTZWxmU3ViamVjdEFjY2Vzc1JldmlldxIvChAKABIAGgAiACoAMgA4AEIAEhESDwoIL2hlYWx0aHoSA2dldBoICAASABoAIAAaACIA",
    object: {
      apiVersion: "authorization.k8s.io/v1",
      kind: "SelfSubjectAccessReview",
      metadata: {},
      spec: { nonResourceAttributes: { path: "/healthz", verb: "get" } },
      status: { allowed: false },
    },
  },
  {
    name: "auth can-i --list",
    body: "CjEKF2F1dGhvcml6YXRpb24uazhzLmlvL3YxEhZTZWxmU3ViamVjdFJ1bGVzUmV2aWV3EiMKEAoAEgAaACIAKgAyADgAQgASCQoHZGVmYXVsdBoEGAAiABoAIgA=",
    object: {
      apiVersion: "authorization.k8s.io/v1",
      kind: "SelfSubjectRulesReview",
      metadata: {},
      spec: { namespace: "default" },
    },
  },
  {
    name: "auth whoami",
    body: "Ci0KGGF1dGhlbnRpY2F0aW9uLms4cy5pby92MRIRU2VsZlN1YmplY3RSZXZpZXcSGgoQCgASABoAIgAqADIAOABCABIGCgQKABIAGgAiAA==",
    object: {
      apiVersion: "authentication.k8s.io/v1",
      kind: "SelfSubjectReview",
      metadata: {},
      status: { userInfo: {} },
    },
  },
  {
    name: "drain n1 --disable-eviction",
    body: "ChMKAnYxEg1EZWxldGVPcHRpb25zEgAaACIA",
    object: { apiVersion: "v1", kind: "DeleteOptions" },
  },
];

const magic = Buffer.from("k8s\0", "latin1");

describe("decodeProtobuf", () => {
  test.each(kubectlBodies)("is what kubectl means: $name", ({ body, object }) => {
    expect(decodeProtobuf(Buffer.concat([magic, Buffer.from(body, "base64")]))).toEqual(object);
  });

  test.each([
    {
      name: "times: whole seconds, and absent when zero",
      apiVersion: "v1",
      kind: "ConfigMap",
      raw: message([1, message([1, "c"], [8, message([1, 1_700_000_000], [2, 5])], [9, message()])]),
      object: { metadata: { name: "c", creationTimestamp: "2023-11-14T22:13:20Z" } },
    },
    {
      name: "micro times: six digits",
      apiVersion: "coordination.k8s.io/v1",
      kind: "Lease",
      raw: message([
        2,
        message([1, "me"], [2, 15], [4, message([1, 1_700_000_000], [2, 1_234_567])], [5, 0]),
      ]),
      object: {
        spec: {
          holderIdentity: "me",
          leaseDurationSeconds: 15,
          renewTime: "2023-11-14T22:13:20.001234Z",
          leaseTransitions: 0,
        },
      },
    },
    {
      name: "managed fields: JSON in bytes",
      apiVersion: "v1",
      kind: "ConfigMap",
      raw: message([1, message([17, message([1, "m"], [2, "Apply"], [7, message([1, '{"f:data":{}}'])])])]),
      object: {
        metadata: { managedFields: [{ manager: "m", operation: "Apply", fieldsV1: { "f:data": {} } }] },
      },
    },
    {
      name: "extra: lists of texts",
      apiVersion: "authorization.k8s.io/v1",
      kind: "SubjectAccessReview",
      raw: message([
        2,
        message(
          [3, "jane"],
          [5, message([1, "scopes"], [2, message([1, "a"], [1, "b"])])],
          [5, message([1, "none"])],
        ),
      ]),
      object: { spec: { user: "jane", extra: { scopes: ["a", "b"], none: [] } } },
    },
    {
      name: "pointers stay when they are false or zero",
      apiVersion: "v1",
      kind: "ServiceAccount",
      raw: message([4, 0]),
      object: { automountServiceAccountToken: false },
    },
    {
      name: "fields that are not known are passed over",
      apiVersion: "v1",
      kind: "ConfigMap",
      raw: message([99, "new"], [98, 7]),
      object: {},
    },
    {
      name: "options of a delete, in any API version",
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "DeleteOptions",
      raw: message([1, 0], [2, message([1, "u"])], [4, "Foreground"], [5, "All"]),
      object: {
        gracePeriodSeconds: 0,
        preconditions: { uid: "u" },
        propagationPolicy: "Foreground",
        dryRun: ["All"],
      },
    },
  ])("reads $name", ({ apiVersion, kind, raw, object }) => {
    expect(decodeProtobuf(envelope(apiVersion, kind, raw))).toEqual({ apiVersion, kind, ...object });
  });

  test.each([
    { name: "no magic bytes", body: Buffer.from("{}"), code: "BadRequest" },
    { name: "nothing", body: Buffer.alloc(0), code: "BadRequest" },
    { name: "no type", body: magic, code: "UnsupportedMediaType" },
    {
      name: "a kind that is not taken",
      body: envelope("apps/v1", "Deployment"),
      code: "UnsupportedMediaType",
    },
    { name: "a kind of another group", body: envelope("v1", "Role"), code: "UnsupportedMediaType" },
    { name: "a prototype's name", body: envelope("v1", "constructor"), code: "UnsupportedMediaType" },
    {
      name: "bytes cut off",
      body: envelope("v1", "ConfigMap", message([1, "abc"]).subarray(0, 3)),
      code: "BadRequest",
    },
    {
      name: "a number for a message",
      body: envelope("v1", "ConfigMap", message([1, 5])),
      code: "BadRequest",
    },
    {
      name: "a group",
      body: envelope("v1", "ConfigMap", Buffer.from([0x0b, 0x0b, 0x0c, 0x0c])),
      code: "BadRequest",
    },
    {
      name: "text that is no UTF-8",
      body: envelope("v1", "ConfigMap", message([1, message([1, Buffer.from([0xff])])])),
      code: "BadRequest",
    },
    {
      name: "a key that is __proto__",
      body: envelope("v1", "ConfigMap", message([2, message([1, "__proto__"], [2, "x"])])),
      code: "BadRequest",
    },
    {
      name: "managed fields that are no JSON",
      body: envelope("v1", "ConfigMap", message([1, message([17, message([7, message([1, "{"])])])])),
      code: "BadRequest",
    },
    {
      name: "a time beyond all years",
      body: envelope("v1", "ConfigMap", message([1, message([8, message([1, 1e15])])])),
      code: "BadRequest",
    },
  ])("refuses $name", ({ body, code }) => {
    expect(() => decodeProtobuf(body)).toThrow(expect.objectContaining({ code }));
  });
});

type Part = readonly [number: number, value: string | number | Buffer];

function message(...parts: readonly Part[]): Buffer {
  const writer = protobuf.Writer.create();
  for (const [number, value] of parts)
    if (typeof value === "number") writer.uint32(number << 3).int64(value);
    else writer.uint32((number << 3) | 2).bytes(typeof value === "string" ? Buffer.from(value) : value);
  return Buffer.from(writer.finish());
}

function envelope(apiVersion: string, kind: string, raw: Buffer = Buffer.alloc(0)): Buffer {
  return Buffer.concat([magic, message([1, message([1, apiVersion], [2, kind])], [2, raw])]);
}
