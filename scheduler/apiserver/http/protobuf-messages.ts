/**
 * The protobuf messages of the kinds that are taken in this form, by the field numbers of Kubernetes' generated.proto
 * files. Each field says how it becomes the JSON that Kubernetes itself would write for the same object.
 */
export type ProtobufValue =
  | { readonly kind: "text" | "bytes" | "bool" | "integer" | "time" | "microTime" | "quantity" | "json" }
  /** A message with nothing but a list of texts. */
  | { readonly kind: "texts" }
  | { readonly kind: "message"; readonly fields: ProtobufFields }
  | { readonly kind: "map"; readonly value: ProtobufValue };

export interface ProtobufField {
  readonly name: string;
  readonly value: ProtobufValue;
  readonly repeated: boolean;
  /** Go writes every plain field, set or not: here "", 0 and false mean that it is not set. */
  readonly omitsEmpty: boolean;
}

export type ProtobufFields = Readonly<Record<number, ProtobufField>>;

const field = (name: string, value: ProtobufValue, omitsEmpty: boolean): ProtobufField => ({
  name,
  value,
  repeated: false,
  omitsEmpty,
});
const text = (name: string) => field(name, { kind: "text" }, true);
/** Empty, it stays: required in JSON, or a pointer, which is only there when it is set. */
const kept = (name: string, kind: "text" | "bool" | "integer" = "text") => field(name, { kind }, false);
const integer = (name: string) => field(name, { kind: "integer" }, true);
const bool = (name: string) => field(name, { kind: "bool" }, true);
const time = (name: string) => field(name, { kind: "time" }, true);
const microTime = (name: string) => field(name, { kind: "microTime" }, true);
const message = (name: string, fields: ProtobufFields) => field(name, { kind: "message", fields }, false);
const map = (name: string, value: ProtobufValue) => field(name, { kind: "map", value }, false);
const textMap = (name: string) => map(name, { kind: "text" });
const texts = (name: string): ProtobufField => ({ ...kept(name), repeated: true });
const list = (name: string, fields: ProtobufFields): ProtobufField => ({
  ...message(name, fields),
  repeated: true,
});

const ownerReference: ProtobufFields = {
  1: kept("kind"),
  3: kept("name"),
  4: kept("uid"),
  5: kept("apiVersion"),
  6: kept("controller", "bool"),
  7: kept("blockOwnerDeletion", "bool"),
};

const managedFieldsEntry: ProtobufFields = {
  1: text("manager"),
  2: text("operation"),
  3: text("apiVersion"),
  4: time("time"),
  6: text("fieldsType"),
  7: field("fieldsV1", { kind: "json" }, false),
  8: text("subresource"),
};

const metadata = message("metadata", {
  1: text("name"),
  2: text("generateName"),
  3: text("namespace"),
  4: text("selfLink"),
  5: text("uid"),
  6: text("resourceVersion"),
  7: integer("generation"),
  8: time("creationTimestamp"),
  9: time("deletionTimestamp"),
  10: kept("deletionGracePeriodSeconds", "integer"),
  11: textMap("labels"),
  12: textMap("annotations"),
  13: list("ownerReferences", ownerReference),
  14: texts("finalizers"),
  17: list("managedFields", managedFieldsEntry),
});

const requirement: ProtobufFields = { 1: kept("key"), 2: kept("operator"), 3: texts("values") };

const objectReference: ProtobufFields = {
  1: text("kind"),
  2: text("namespace"),
  3: text("name"),
  4: text("uid"),
  5: text("apiVersion"),
  6: text("resourceVersion"),
  7: text("fieldPath"),
};

const namespaceCondition: ProtobufFields = {
  1: kept("type"),
  2: kept("status"),
  4: time("lastTransitionTime"),
  5: text("reason"),
  6: text("message"),
};

const quantities = (name: string) => map(name, { kind: "quantity" });

const scopeRequirement: ProtobufFields = { 1: kept("scopeName"), 2: kept("operator"), 3: texts("values") };

const eventSource: ProtobufFields = { 1: text("component"), 2: text("host") };
const eventSeries: ProtobufFields = { 1: integer("count"), 2: microTime("lastObservedTime") };

const core: Readonly<Record<string, ProtobufFields>> = {
  Namespace: {
    1: metadata,
    2: message("spec", { 1: texts("finalizers") }),
    3: message("status", { 1: text("phase"), 2: list("conditions", namespaceCondition) }),
  },
  ConfigMap: {
    1: metadata,
    2: textMap("data"),
    3: map("binaryData", { kind: "bytes" }),
    4: kept("immutable", "bool"),
  },
  Secret: {
    1: metadata,
    2: map("data", { kind: "bytes" }),
    3: text("type"),
    4: textMap("stringData"),
    5: kept("immutable", "bool"),
  },
  ServiceAccount: {
    1: metadata,
    2: list("secrets", objectReference),
    3: list("imagePullSecrets", { 1: text("name") }),
    4: kept("automountServiceAccountToken", "bool"),
  },
  ResourceQuota: {
    1: metadata,
    2: message("spec", {
      1: quantities("hard"),
      2: texts("scopes"),
      3: message("scopeSelector", { 1: list("matchExpressions", scopeRequirement) }),
    }),
    3: message("status", { 1: quantities("hard"), 2: quantities("used") }),
  },
  Event: {
    1: metadata,
    2: message("involvedObject", objectReference),
    3: text("reason"),
    4: text("message"),
    5: message("source", eventSource),
    6: time("firstTimestamp"),
    7: time("lastTimestamp"),
    8: integer("count"),
    9: text("type"),
    10: microTime("eventTime"),
    11: message("series", eventSeries),
    12: text("action"),
    13: message("related", objectReference),
    14: kept("reportingComponent"),
    15: kept("reportingInstance"),
  },
};

const events: ProtobufFields = {
  1: metadata,
  2: microTime("eventTime"),
  3: message("series", eventSeries),
  4: text("reportingController"),
  5: text("reportingInstance"),
  6: text("action"),
  7: text("reason"),
  8: message("regarding", objectReference),
  9: message("related", objectReference),
  10: text("note"),
  11: text("type"),
  12: message("deprecatedSource", eventSource),
  13: time("deprecatedFirstTimestamp"),
  14: time("deprecatedLastTimestamp"),
  15: integer("deprecatedCount"),
};

const extra = map("extra", { kind: "texts" });
const userInfo: ProtobufFields = { 1: text("username"), 2: text("uid"), 3: texts("groups"), 4: extra };

const authentication: Readonly<Record<string, ProtobufFields>> = {
  SelfSubjectReview: { 1: metadata, 2: message("status", { 1: message("userInfo", userInfo) }) },
  TokenRequest: {
    1: metadata,
    2: message("spec", {
      1: texts("audiences"),
      3: message("boundObjectRef", {
        1: text("kind"),
        2: text("apiVersion"),
        3: text("name"),
        4: text("uid"),
      }),
      4: kept("expirationSeconds", "integer"),
    }),
    3: message("status", { 1: text("token"), 2: time("expirationTimestamp") }),
  },
  TokenReview: {
    1: metadata,
    2: message("spec", { 1: text("token"), 2: texts("audiences") }),
    3: message("status", {
      1: bool("authenticated"),
      2: message("user", userInfo),
      3: text("error"),
      4: texts("audiences"),
    }),
  },
};

const selectorAttributes = (name: string) =>
  message(name, { 1: text("rawSelector"), 2: list("requirements", requirement) });

const resourceAttributes = message("resourceAttributes", {
  1: text("namespace"),
  2: text("verb"),
  3: text("group"),
  4: text("version"),
  5: text("resource"),
  6: text("subresource"),
  7: text("name"),
  8: selectorAttributes("fieldSelector"),
  9: selectorAttributes("labelSelector"),
});
const nonResourceAttributes = message("nonResourceAttributes", { 1: text("path"), 2: text("verb") });

const accessStatus = message("status", {
  1: kept("allowed", "bool"),
  2: text("reason"),
  3: text("evaluationError"),
  4: bool("denied"),
});

const accessReview: ProtobufFields = {
  1: metadata,
  2: message("spec", {
    1: resourceAttributes,
    2: nonResourceAttributes,
    3: text("user"),
    4: texts("groups"),
    5: extra,
    6: text("uid"),
  }),
  3: accessStatus,
};

const authorization: Readonly<Record<string, ProtobufFields>> = {
  SubjectAccessReview: accessReview,
  LocalSubjectAccessReview: accessReview,
  SelfSubjectAccessReview: {
    1: metadata,
    2: message("spec", { 1: resourceAttributes, 2: nonResourceAttributes }),
    3: accessStatus,
  },
  // Its status is the server's alone to say.
  SelfSubjectRulesReview: { 1: metadata, 2: message("spec", { 1: text("namespace") }) },
};

const rules = list("rules", {
  1: texts("verbs"),
  2: texts("apiGroups"),
  3: texts("resources"),
  4: texts("resourceNames"),
  5: texts("nonResourceURLs"),
});
const labelSelector: ProtobufFields = { 1: textMap("matchLabels"), 2: list("matchExpressions", requirement) };

const binding: ProtobufFields = {
  1: metadata,
  2: list("subjects", { 1: kept("kind"), 2: text("apiGroup"), 3: kept("name"), 4: text("namespace") }),
  3: message("roleRef", { 1: kept("apiGroup"), 2: kept("kind"), 3: kept("name") }),
};

const rbac: Readonly<Record<string, ProtobufFields>> = {
  Role: { 1: metadata, 2: rules },
  ClusterRole: {
    1: metadata,
    2: rules,
    3: message("aggregationRule", { 1: list("clusterRoleSelectors", labelSelector) }),
  },
  RoleBinding: binding,
  ClusterRoleBinding: binding,
};

const priorityClass: ProtobufFields = {
  1: metadata,
  2: kept("value", "integer"),
  3: bool("globalDefault"),
  4: text("description"),
  5: kept("preemptionPolicy"),
};

const lease: ProtobufFields = {
  1: metadata,
  2: message("spec", {
    1: kept("holderIdentity"),
    2: kept("leaseDurationSeconds", "integer"),
    3: microTime("acquireTime"),
    4: microTime("renewTime"),
    5: kept("leaseTransitions", "integer"),
    6: kept("strategy"),
    7: kept("preferredHolder"),
  }),
};

/** client-go says the API version of its request in it, whichever that is. */
export const deleteOptionsFields: ProtobufFields = {
  1: kept("gracePeriodSeconds", "integer"),
  2: message("preconditions", { 1: kept("uid"), 2: kept("resourceVersion") }),
  3: kept("orphanDependents", "bool"),
  4: kept("propagationPolicy"),
  5: texts("dryRun"),
  6: kept("ignoreStoreReadErrorWithClusterBreakingPotential", "bool"),
};

/** By apiVersion, then by kind. */
export const protobufKinds: ReadonlyMap<string, ReadonlyMap<string, ProtobufFields>> = new Map([
  ["v1", new Map(Object.entries(core))],
  ["events.k8s.io/v1", new Map([["Event", events]])],
  ["authentication.k8s.io/v1", new Map(Object.entries(authentication))],
  ["authorization.k8s.io/v1", new Map(Object.entries(authorization))],
  ["rbac.authorization.k8s.io/v1", new Map(Object.entries(rbac))],
  ["scheduling.k8s.io/v1", new Map([["PriorityClass", priorityClass]])],
  ["coordination.k8s.io/v1", new Map([["Lease", lease]])],
]);
