import type { ResourceDefinition } from "../resource.ts";
import { callsSubresource, evictionSubresource, isCallable, isEvictable } from "../discovery/subresources.ts";
import { authenticatedGroup, mastersGroup } from "../authentication/user.ts";
import { type PolicyRule, rbacGroup, ruleBody } from "./policy.ts";

/** A ClusterRole or ClusterRoleBinding as it is wanted: without what the server adds. */
export interface PolicyObject {
  readonly apiVersion: string;
  readonly kind: "ClusterRole" | "ClusterRoleBinding";
  readonly metadata: {
    readonly name: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly annotations: Readonly<Record<string, string>>;
  };
  readonly [field: string]: unknown;
}

export const autoUpdateAnnotation = "rbac.authorization.kubernetes.io/autoupdate";
const unauthenticatedGroup = "system:unauthenticated";
const monitoringGroup = "system:monitoring";
const serviceAccountsGroup = "system:serviceaccounts";

const read = ["get", "list", "watch"];
const write = ["create", "delete", "deletecollection", "patch", "update"];
const readWrite = [...write, ...read].sort();

/**
 * What every cluster has from its first start: Kubernetes' default roles, as far as they are about what Wherry serves, and
 * what they say of Wherry's own kinds.
 * https://kubernetes.io/docs/reference/access-authn-authz/rbac/#default-roles-and-role-bindings
 */
export function bootstrapPolicy(resources: readonly ResourceDefinition[]): readonly PolicyObject[] {
  const own = resources.filter(({ group, namespaced }) => namespaced && /(^|\.)wherry\.dev$/.test(group));
  return [
    clusterRole("cluster-admin", [resourceRule(["*"], ["*"], ["*"]), pathRule(["*"], ["*"])]),
    aggregated("admin", "admin", {}),
    aggregated("edit", "edit", aggregateTo("admin")),
    aggregated("view", "view", aggregateTo("edit")),
    clusterRole("system:aggregate-to-admin", adminRules, aggregateTo("admin")),
    clusterRole("system:aggregate-to-edit", editRules, aggregateTo("edit")),
    clusterRole("system:aggregate-to-view", viewRules, aggregateTo("view")),
    clusterRole(
      "wherry:aggregate-to-edit",
      [
        ...own.filter(({ storage }) => storage !== "measured").map(editRule),
        ...own.filter(isEvictable).map(evictRule),
        ...own.filter(isCallable).map(callRule),
      ],
      aggregateTo("edit"),
    ),
    clusterRole("wherry:aggregate-to-view", own.map(viewRule), aggregateTo("view")),
    ...systemRoles,
    clusterRoleBinding("cluster-admin", mastersGroup),
    clusterRoleBinding("system:basic-user", authenticatedGroup),
    clusterRoleBinding("system:discovery", authenticatedGroup),
    clusterRoleBinding("system:monitoring", monitoringGroup),
    clusterRoleBinding("system:public-info-viewer", authenticatedGroup, unauthenticatedGroup),
    clusterRoleBinding("system:service-account-issuer-discovery", serviceAccountsGroup),
  ];
}

/** Nothing here that would let one become another: no secrets, no roles. */
const viewRules = [
  resourceRule([""], ["configmaps", "serviceaccounts"], read),
  resourceRule(["apps"], ["controllerrevisions"], read),
  resourceRule([""], ["events", "namespaces/status", "resourcequotas", "resourcequotas/status"], read),
  resourceRule([""], ["namespaces"], read),
];

const editRules = [
  resourceRule([""], ["secrets"], read),
  resourceRule([""], ["serviceaccounts"], ["impersonate"]),
  resourceRule([""], ["configmaps", "events", "secrets", "serviceaccounts"], write),
  resourceRule([""], ["serviceaccounts/token"], ["create"]),
  resourceRule(["coordination.k8s.io"], ["leases"], readWrite),
];

const adminRules = [
  resourceRule(["authorization.k8s.io"], ["localsubjectaccessreviews"], ["create"]),
  resourceRule([rbacGroup], ["rolebindings", "roles"], readWrite),
];

const probes = ["/healthz", "/livez", "/readyz"];
const versions = ["/version", "/version/"];

const systemRoles = [
  clusterRole("system:auth-delegator", [
    resourceRule(["authentication.k8s.io"], ["tokenreviews"], ["create"]),
    resourceRule(["authorization.k8s.io"], ["subjectaccessreviews"], ["create"]),
  ]),
  clusterRole("system:basic-user", [
    resourceRule(
      ["authorization.k8s.io"],
      ["selfsubjectaccessreviews", "selfsubjectrulesreviews"],
      ["create"],
    ),
    resourceRule(["authentication.k8s.io"], ["selfsubjectreviews"], ["create"]),
  ]),
  clusterRole("system:discovery", [
    pathRule(
      ["/api", "/api/*", "/apis", "/apis/*", ...probes, "/openapi", "/openapi/*", ...versions].sort(),
      ["get"],
    ),
  ]),
  clusterRole("system:monitoring", [
    pathRule(
      [
        "/metrics",
        "/metrics/slis",
        ...probes,
        ...probes.map((path) => `${path}/*`),
        // Ours: what there is to scrape.
        "/sd/prometheus",
      ].sort(),
      ["get"],
    ),
  ]),
  clusterRole("system:public-info-viewer", [pathRule([...probes, ...versions], ["get"])]),
  clusterRole("system:service-account-issuer-discovery", [
    pathRule(
      [
        "/.well-known/openid-configuration",
        "/.well-known/openid-configuration/",
        "/openid/v1/jwks",
        "/openid/v1/jwks/",
      ],
      ["get"],
    ),
  ]),
];

function viewRule({ group, plural, status, scale, storage, explanation }: ResourceDefinition): PolicyRule {
  if (storage === "measured") return resourceRule([group], [plural], ["get", "list"]);
  const subresources = [
    ...(explanation ? ["explain"] : []),
    ...(storage === "live" ? ["log"] : []),
    ...(scale ? ["scale"] : []),
    ...(status ? ["status"] : []),
  ];
  return resourceRule([group], [plural, ...subresources.map((one) => `${plural}/${one}`)], read);
}

/** The status is for controllers to write. Live kinds can only be deleted. */
function editRule({ group, plural, scale, storage }: ResourceDefinition): PolicyRule {
  if (storage === "live") return resourceRule([group], [plural], ["delete", "deletecollection"]);
  return resourceRule([group], [plural, ...(scale ? [`${plural}/scale`] : [])], write);
}

function evictRule({ group, plural }: ResourceDefinition): PolicyRule {
  return resourceRule([group], [`${plural}/${evictionSubresource}`], ["create"]);
}

function callRule({ group, plural }: ResourceDefinition): PolicyRule {
  return resourceRule([group], [`${plural}/${callsSubresource}`], ["create"]);
}

function resourceRule(
  apiGroups: readonly string[],
  resources: readonly string[],
  verbs: readonly string[],
): PolicyRule {
  return { verbs, apiGroups, resources, resourceNames: [], nonResourceURLs: [] };
}

function pathRule(nonResourceURLs: readonly string[], verbs: readonly string[]): PolicyRule {
  return { verbs, apiGroups: [], resources: [], resourceNames: [], nonResourceURLs };
}

function aggregateTo(role: string): Readonly<Record<string, string>> {
  return { [`${rbacGroup}/aggregate-to-${role}`]: "true" };
}

function clusterRole(
  name: string,
  rules: readonly PolicyRule[],
  labels: Readonly<Record<string, string>> = {},
): PolicyObject {
  return { ...base("ClusterRole", name, labels), rules: rules.map(ruleBody) };
}

/** Its rules are the aggregation's to fill. */
function aggregated(name: string, to: string, labels: Readonly<Record<string, string>>): PolicyObject {
  return {
    ...base("ClusterRole", name, labels),
    aggregationRule: { clusterRoleSelectors: [{ matchLabels: aggregateTo(to) }] },
  };
}

/** Binds the role of the same name. */
function clusterRoleBinding(name: string, ...groups: readonly string[]): PolicyObject {
  return {
    ...base("ClusterRoleBinding", name, {}),
    subjects: groups.map((group) => ({ kind: "Group", apiGroup: rbacGroup, name: group })),
    roleRef: { apiGroup: rbacGroup, kind: "ClusterRole", name },
  };
}

function base(
  kind: PolicyObject["kind"],
  name: string,
  labels: Readonly<Record<string, string>>,
): PolicyObject {
  return {
    apiVersion: `${rbacGroup}/v1`,
    kind,
    metadata: {
      name,
      labels: { "kubernetes.io/bootstrapping": "rbac-defaults", ...labels },
      annotations: { [autoUpdateAnnotation]: "true" },
    },
  };
}
