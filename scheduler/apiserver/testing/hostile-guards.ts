/** One object of each kind, for hostile requests to be about. */
import { crd } from "./crds.ts";
import type { Guard } from "./hostile-requests.ts";
import { deployment } from "./manifests.ts";
import type { JsonObject } from "../resource.ts";

const rbac = "/apis/rbac.authorization.k8s.io/v1";
const rule = { apiGroups: [""], resources: ["configmaps"], verbs: ["get"], resourceNames: ["a"] };
const subjects = [{ kind: "User", name: "eve", apiGroup: "rbac.authorization.k8s.io" }];

/** Full of everything that metadata may have. */
const metadata = {
  labels: { app: "kept", "a.b/c": "d" },
  annotations: { note: "kept" },
  finalizers: ["example.com/kept"],
  ownerReferences: [{ apiVersion: "v1", kind: "Nothing", name: "n", uid: "u", blockOwnerDeletion: true }],
};

function guard(
  collection: string,
  apiVersion: string,
  kind: string,
  fields: JsonObject,
  subresources: readonly string[] = [],
  name = "kept",
): Guard {
  return {
    collection,
    name,
    object: { apiVersion, kind, metadata: { name, ...metadata }, ...fields },
    subresources: [...subresources, "status", "scale", "log", "x"],
  };
}

const core = "/api/v1/namespaces/default";
const wherry = "/apis/wherry.dev/v1alpha1";
const ours = "wherry.dev/v1alpha1";
const { spec: crdSpec } = crd({
  versions: [
    {
      name: "v1",
      served: true,
      storage: true,
      subresources: { status: {}, scale: { specReplicasPath: ".spec.n", statusReplicasPath: ".status.n" } },
      additionalPrinterColumns: [{ name: "Color", type: "string", jsonPath: ".spec.color" }],
      selectableFields: [{ jsonPath: ".spec.color" }],
      schema: {
        openAPIV3Schema: {
          type: "object",
          properties: {
            spec: {
              type: "object",
              required: ["color"],
              properties: {
                color: { type: "string", pattern: "^(a+)+$", enum: ["a", "aa"], default: "a" },
                n: { type: "integer", minimum: 0, "x-kubernetes-validations": [{ rule: "self < 10" }] },
                list: {
                  type: "array",
                  "x-kubernetes-list-type": "map",
                  "x-kubernetes-list-map-keys": ["k"],
                  items: { type: "object", required: ["k"], properties: { k: { type: "string" } } },
                },
                any: { "x-kubernetes-preserve-unknown-fields": true },
                either: {
                  "x-kubernetes-int-or-string": true,
                  anyOf: [{ type: "integer" }, { type: "string" }],
                },
                whole: {
                  type: "object",
                  "x-kubernetes-embedded-resource": true,
                  "x-kubernetes-preserve-unknown-fields": true,
                },
              },
            },
            status: { type: "object", properties: { n: { type: "integer" } } },
          },
        },
      },
    },
  ],
});

/** The definition, and then one of its kind. */
const boatDefinition: Guard = {
  ...guard(
    "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
    "apiextensions.k8s.io/v1",
    "CustomResourceDefinition",
    {
      spec: crdSpec,
    },
  ),
  name: "boats.example.com",
};

const boats = guard("/apis/example.com/v1/namespaces/default/boats", "example.com/v1", "Boat", {
  spec: {
    color: "aa",
    n: 1,
    list: [{ k: "x" }],
    any: { thing: [1] },
    either: 5,
    whole: { apiVersion: "v1", kind: "X", metadata: { name: "y" } },
  },
});

/** In the order in which they can be made. */
export const guards: readonly Guard[] = [
  {
    ...boatDefinition,
    object: { ...boatDefinition.object, metadata: { ...metadata, name: "boats.example.com" } },
  },
  guard("/api/v1/namespaces", "v1", "Namespace", {}, ["finalize"], "kept"),
  guard(`${core}/configmaps`, "v1", "ConfigMap", { data: { a: "1" }, binaryData: { b: "AAAA" } }),
  guard(`${core}/secrets`, "v1", "Secret", { data: { a: "MQ==" }, stringData: { c: "d" }, type: "Opaque" }),
  guard(`${core}/serviceaccounts`, "v1", "ServiceAccount", { secrets: [{ name: "kept" }] }, ["token"]),
  guard(`${core}/events`, "v1", "Event", {
    involvedObject: { kind: "X", name: "x", namespace: "default" },
    reason: "R",
    message: "m",
    type: "Normal",
    count: 1,
    lastTimestamp: "2026-01-01T00:00:00Z",
    eventTime: null,
    source: { component: "c" },
  }),
  guard(`${core}/resourcequotas`, "v1", "ResourceQuota", {
    spec: { hard: { "count/configmaps": "100000" } },
  }),
  guard("/apis/coordination.k8s.io/v1/namespaces/default/leases", "coordination.k8s.io/v1", "Lease", {
    spec: { holderIdentity: "h", leaseDurationSeconds: 5, renewTime: "2026-01-01T00:00:00.000000Z" },
  }),
  guard("/apis/scheduling.k8s.io/v1/priorityclasses", "scheduling.k8s.io/v1", "PriorityClass", { value: 5 }),
  guard(`${rbac}/namespaces/default/roles`, "rbac.authorization.k8s.io/v1", "Role", { rules: [rule] }),
  guard(`${rbac}/clusterroles`, "rbac.authorization.k8s.io/v1", "ClusterRole", {
    rules: [rule, { nonResourceURLs: ["/x"], verbs: ["get"] }],
  }),
  guard(`${rbac}/namespaces/default/rolebindings`, "rbac.authorization.k8s.io/v1", "RoleBinding", {
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "kept" },
    subjects,
  }),
  guard(`${rbac}/clusterrolebindings`, "rbac.authorization.k8s.io/v1", "ClusterRoleBinding", {
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "kept" },
    subjects,
  }),
  guard(`${wherry}/namespaces/default/wasmdeployments`, ours, "WasmDeployment", {
    spec: deployment("kept")["spec"],
  }),
  guard(`${wherry}/namespaces/default/wasmdaemonsets`, ours, "WasmDaemonSet", {
    spec: {
      updateStrategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: "10%", maxUnavailable: 0 } },
      template: { spec: { module: { image: "file:///srv/hello.wasm" } } },
    },
  }),
  guard(`${wherry}/namespaces/default/wasmjobs`, ours, "WasmJob", {
    spec: { completions: 1, template: { spec: { module: { image: "file:///srv/hello.wasm" } } } },
  }),
  guard(`${wherry}/namespaces/default/wasmcronjobs`, ours, "WasmCronJob", {
    spec: {
      schedule: "0 0 29 2 *",
      timeZone: "Europe/Berlin",
      jobTemplate: {
        metadata: { labels: { a: "b" } },
        spec: { completions: 1, template: { spec: { module: { image: "file:///srv/hello.wasm" } } } },
      },
    },
  }),
  guard(`${wherry}/namespaces/default/wasmautoscalers`, ours, "WasmAutoscaler", {
    spec: {
      scaleTargetRef: { apiVersion: ours, kind: "WasmDeployment", name: "kept" },
      minReplicas: 0,
      maxReplicas: 10,
      idleSeconds: 60,
      metrics: [
        {
          type: "Resource",
          resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 80 } },
        },
        {
          type: "Prometheus",
          prometheus: {
            serverURL: "https://prometheus.example.com/x",
            query: "sum(rate(a[5m]))",
            target: { type: "AverageValue", averageValue: "250m" },
            activationThreshold: 1,
            tls: { caRef: { name: "kept", key: "a" }, serverName: "p.example.com" },
            basicAuth: { username: "u", passwordRef: { name: "kept", key: "c" } },
            headers: [{ name: "X-Scope-OrgID", value: "a" }],
          },
        },
        {
          type: "Redis",
          redis: {
            address: "[::1]:6379",
            stream: { key: "s", group: "g" },
            target: { type: "Value", value: 5 },
          },
        },
        {
          type: "Schedule",
          schedule: { start: "0 8 * * 1-5", end: "0 18 * * *", timeZone: "Europe/Berlin", replicas: 3 },
        },
      ],
      fallback: [
        {
          type: "Requests",
          requests: { metric: "inFlight", target: { type: "AverageValue", averageValue: 10 } },
        },
      ],
      behavior: {
        scaleUp: { stabilizationWindowSeconds: 5, tolerance: "0.05", selectPolicy: "Min" },
        scaleDown: { policies: [{ type: "Percent", value: 10, periodSeconds: 60 }] },
      },
    },
  }),
  guard(`${wherry}/namespaces/default/wasmroutes`, ours, "WasmRoute", {
    spec: {
      hostnames: ["a.example.com", "*.example.com"],
      tls: { secretName: "kept", redirect: true },
      rules: [
        {
          matches: [
            { path: { type: "Exact", value: "/a" }, method: "GET", headers: [{ name: "x", value: "y" }] },
          ],
          filters: [
            { type: "RequestHeaderModifier", requestHeaderModifier: { set: [{ name: "x", value: "y" }] } },
            { type: "URLRewrite", urlRewrite: { path: { type: "ReplaceFullPath", replaceFullPath: "/b" } } },
          ],
          backendRefs: [{ name: "kept", revision: 1, weight: 3 }],
          timeouts: { request: "10s", backendRequest: "1s" },
          retry: { attempts: 1, codes: [503] },
        },
      ],
    },
  }),
  guard(`${wherry}/wasmnodes`, ours, "WasmNode", {
    spec: { taints: [{ key: "k", value: "v", effect: "NoSchedule" }], unschedulable: true },
  }),
  boats,
];

function question(path: string, group: string, kind: string, fields: JsonObject): Guard {
  return {
    collection: path,
    name: "kept",
    object: { apiVersion: `${group}/v1`, kind, ...fields },
    subresources: [],
    method: "POST",
  };
}

const authorization = "authorization.k8s.io";
const authentication = "authentication.k8s.io";
const access = {
  resourceAttributes: { verb: "get", resource: "configmaps", namespace: "default" },
  user: "eve",
  groups: ["g"],
  extra: { a: ["b"] },
};

/** What is answered and not kept. */
export const questions: readonly Guard[] = [
  question(`/apis/${authorization}/v1/selfsubjectaccessreviews`, authorization, "SelfSubjectAccessReview", {
    spec: { nonResourceAttributes: { path: "/x", verb: "get" } },
  }),
  question(`/apis/${authorization}/v1/subjectaccessreviews`, authorization, "SubjectAccessReview", {
    spec: access,
  }),
  question(
    `/apis/${authorization}/v1/namespaces/default/localsubjectaccessreviews`,
    authorization,
    "LocalSubjectAccessReview",
    { metadata: { namespace: "default" }, spec: access },
  ),
  question(`/apis/${authorization}/v1/selfsubjectrulesreviews`, authorization, "SelfSubjectRulesReview", {
    spec: { namespace: "default" },
  }),
  question(`/apis/${authentication}/v1/tokenreviews`, authentication, "TokenReview", {
    spec: { token: "x", audiences: ["y"] },
  }),
  question(`/apis/${authentication}/v1/selfsubjectreviews`, authentication, "SelfSubjectReview", {}),
  question("/api/v1/namespaces/default/serviceaccounts/kept/token", authentication, "TokenRequest", {
    spec: {
      audiences: ["a"],
      expirationSeconds: 3_600,
      boundObjectRef: { kind: "Secret", apiVersion: "v1", name: "kept" },
    },
  }),
];

/** Everything that is no resource. */
export const paths: readonly Guard[] = [
  "/version",
  "/readyz",
  "/metrics",
  "/openapi/v3",
  "/api",
  "/apis",
  "/",
].map((collection) => ({ collection, name: "v1", object: {}, subresources: [], method: "GET" }));
