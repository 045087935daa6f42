/**
 * The names that Kubernetes gives to the types inside of its own types, and how strategic merge patches treat their lists.
 * The schemas themselves stand where the kinds are: here is only what OpenAPI documents say beyond them. Custom kinds have
 * none of this: their schemas are published as they were given.
 */
export interface TypeField {
  /** The name of the field's type; of a list or a map, of what is in it. */
  readonly type?: string;
  /** Items with the same value of this field are merged by a strategic merge patch. */
  readonly mergeKey?: string;
  /** Items are merged as a set. */
  readonly isMerged?: true;
}

export type TypeFields = Readonly<Record<string, TypeField>>;

const core = "io.k8s.api.core.v1";
const meta = "io.k8s.apimachinery.pkg.apis.meta.v1";
const rbac = "io.k8s.api.rbac.v1";
const authentication = "io.k8s.api.authentication.v1";
const authorization = "io.k8s.api.authorization.v1";
const coordination = "io.k8s.api.coordination.v1";
const events = "io.k8s.api.events.v1";
const autoscaling = "io.k8s.api.autoscaling.v1";
const extensions = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1";

const type = (name: string, mergeKey?: string): TypeField =>
  mergeKey === undefined ? { type: name } : { type: name, mergeKey };

const microTime = type(`${meta}.MicroTime`);
const objectReference = type(`${core}.ObjectReference`);
const userInfo = type(`${authentication}.UserInfo`);
const resourceAttributes = type(`${authorization}.ResourceAttributes`);
const nonResourceAttributes = type(`${authorization}.NonResourceAttributes`);
const accessStatus = type(`${authorization}.SubjectAccessReviewStatus`);
const policyRule = type(`${rbac}.PolicyRule`);
const binding: TypeFields = { subjects: type(`${rbac}.Subject`), roleRef: type(`${rbac}.RoleRef`) };
const crdNames = type(`${extensions}.CustomResourceDefinitionNames`);
const json = type(`${extensions}.JSON`);

const typeFields: ReadonlyMap<string, TypeFields> = new Map<string, TypeFields>([
  [
    `${meta}.ObjectMeta`,
    {
      finalizers: { isMerged: true },
      ownerReferences: type(`${meta}.OwnerReference`, "uid"),
      managedFields: type(`${meta}.ManagedFieldsEntry`),
    },
  ],
  [`${meta}.ManagedFieldsEntry`, { fieldsV1: type(`${meta}.FieldsV1`) }],
  [
    `${meta}.Status`,
    { metadata: type(`${meta}.ListMeta`), details: type(`${meta}.StatusDetails`) },
  ],
  [`${meta}.StatusDetails`, { causes: type(`${meta}.StatusCause`) }],
  [`${meta}.DeleteOptions`, { preconditions: type(`${meta}.Preconditions`) }],
  [`${meta}.WatchEvent`, { object: type("io.k8s.apimachinery.pkg.runtime.RawExtension") }],
  [`${meta}.APIResourceList`, { resources: type(`${meta}.APIResource`) }],
  [`${meta}.LabelSelector`, { matchExpressions: type(`${meta}.LabelSelectorRequirement`) }],
  [`${core}.Namespace`, { spec: type(`${core}.NamespaceSpec`), status: type(`${core}.NamespaceStatus`) }],
  [`${core}.NamespaceStatus`, { conditions: type(`${core}.NamespaceCondition`, "type") }],
  [
    `${core}.Event`,
    {
      involvedObject: objectReference,
      related: objectReference,
      eventTime: microTime,
      series: type(`${core}.EventSeries`),
      source: type(`${core}.EventSource`),
    },
  ],
  [`${core}.EventSeries`, { lastObservedTime: microTime }],
  [
    `${core}.ServiceAccount`,
    {
      secrets: type(`${core}.ObjectReference`, "name"),
      imagePullSecrets: type(`${core}.LocalObjectReference`, "name"),
    },
  ],
  [
    `${core}.ResourceQuota`,
    { spec: type(`${core}.ResourceQuotaSpec`), status: type(`${core}.ResourceQuotaStatus`) },
  ],
  [`${core}.ResourceQuotaSpec`, { scopeSelector: type(`${core}.ScopeSelector`) }],
  [`${core}.ScopeSelector`, { matchExpressions: type(`${core}.ScopedResourceSelectorRequirement`) }],
  [
    `${events}.Event`,
    {
      regarding: objectReference,
      related: objectReference,
      eventTime: microTime,
      series: type(`${events}.EventSeries`),
      deprecatedSource: type(`${core}.EventSource`),
    },
  ],
  [`${events}.EventSeries`, { lastObservedTime: microTime }],
  [`${coordination}.Lease`, { spec: type(`${coordination}.LeaseSpec`) }],
  [`${coordination}.LeaseSpec`, { acquireTime: microTime, renewTime: microTime }],
  [`${rbac}.Role`, { rules: policyRule }],
  [`${rbac}.ClusterRole`, { rules: policyRule, aggregationRule: type(`${rbac}.AggregationRule`) }],
  [`${rbac}.AggregationRule`, { clusterRoleSelectors: type(`${meta}.LabelSelector`) }],
  [`${rbac}.RoleBinding`, binding],
  [`${rbac}.ClusterRoleBinding`, binding],
  [`${authentication}.SelfSubjectReview`, { status: type(`${authentication}.SelfSubjectReviewStatus`) }],
  [`${authentication}.SelfSubjectReviewStatus`, { userInfo }],
  [
    `${authentication}.TokenReview`,
    { spec: type(`${authentication}.TokenReviewSpec`), status: type(`${authentication}.TokenReviewStatus`) },
  ],
  [`${authentication}.TokenReviewStatus`, { user: userInfo }],
  [
    `${authentication}.TokenRequest`,
    {
      metadata: type(`${meta}.ObjectMeta`),
      spec: type(`${authentication}.TokenRequestSpec`),
      status: type(`${authentication}.TokenRequestStatus`),
    },
  ],
  [`${authentication}.TokenRequestSpec`, { boundObjectRef: type(`${authentication}.BoundObjectReference`) }],
  [
    `${autoscaling}.Scale`,
    {
      metadata: type(`${meta}.ObjectMeta`),
      spec: type(`${autoscaling}.ScaleSpec`),
      status: type(`${autoscaling}.ScaleStatus`),
    },
  ],
  [
    `${authorization}.SelfSubjectAccessReview`,
    { spec: type(`${authorization}.SelfSubjectAccessReviewSpec`), status: accessStatus },
  ],
  [`${authorization}.SelfSubjectAccessReviewSpec`, { resourceAttributes, nonResourceAttributes }],
  ...["SubjectAccessReview", "LocalSubjectAccessReview"].map((kind): [string, TypeFields] => [
    `${authorization}.${kind}`,
    { spec: type(`${authorization}.SubjectAccessReviewSpec`), status: accessStatus },
  ]),
  [`${authorization}.SubjectAccessReviewSpec`, { resourceAttributes, nonResourceAttributes }],
  [
    `${authorization}.ResourceAttributes`,
    {
      fieldSelector: type(`${authorization}.FieldSelectorAttributes`),
      labelSelector: type(`${authorization}.LabelSelectorAttributes`),
    },
  ],
  [`${authorization}.FieldSelectorAttributes`, { requirements: type(`${meta}.FieldSelectorRequirement`) }],
  [`${authorization}.LabelSelectorAttributes`, { requirements: type(`${meta}.LabelSelectorRequirement`) }],
  [
    `${authorization}.SelfSubjectRulesReview`,
    {
      spec: type(`${authorization}.SelfSubjectRulesReviewSpec`),
      status: type(`${authorization}.SubjectRulesReviewStatus`),
    },
  ],
  [
    `${authorization}.SubjectRulesReviewStatus`,
    {
      resourceRules: type(`${authorization}.ResourceRule`),
      nonResourceRules: type(`${authorization}.NonResourceRule`),
    },
  ],
  [
    `${extensions}.CustomResourceDefinition`,
    {
      spec: type(`${extensions}.CustomResourceDefinitionSpec`),
      status: type(`${extensions}.CustomResourceDefinitionStatus`),
    },
  ],
  [
    `${extensions}.CustomResourceDefinitionSpec`,
    {
      conversion: type(`${extensions}.CustomResourceConversion`),
      names: crdNames,
      versions: type(`${extensions}.CustomResourceDefinitionVersion`),
    },
  ],
  [`${extensions}.CustomResourceConversion`, { webhook: type(`${extensions}.WebhookConversion`) }],
  [
    `${extensions}.CustomResourceDefinitionStatus`,
    { acceptedNames: crdNames, conditions: type(`${extensions}.CustomResourceDefinitionCondition`) },
  ],
  [
    `${extensions}.CustomResourceDefinitionVersion`,
    {
      schema: type(`${extensions}.CustomResourceValidation`),
      subresources: type(`${extensions}.CustomResourceSubresources`),
      additionalPrinterColumns: type(`${extensions}.CustomResourceColumnDefinition`),
      selectableFields: type(`${extensions}.SelectableField`),
    },
  ],
  [
    `${extensions}.CustomResourceSubresources`,
    {
      status: type(`${extensions}.CustomResourceSubresourceStatus`),
      scale: type(`${extensions}.CustomResourceSubresourceScale`),
    },
  ],
  [
    `${extensions}.JSONSchemaProps`,
    {
      default: json,
      example: json,
      enum: json,
      externalDocs: type(`${extensions}.ExternalDocumentation`),
      "x-kubernetes-validations": type(`${extensions}.ValidationRule`, "rule"),
    },
  ],
]);

const none: TypeFields = {};

export function fieldsOfType(name: string): TypeFields {
  return typeFields.get(name) ?? none;
}
