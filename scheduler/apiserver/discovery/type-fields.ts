/**
 * The names that Kubernetes gives to the types inside of its own types: of a type that has fields, the types of the fields;
 * of lists and maps, those of what is in them. Custom kinds have none of this: their schemas are published in one piece.
 */
export type TypeFields = Readonly<Record<string, string>>;

const core = "io.k8s.api.core.v1";
const meta = "io.k8s.apimachinery.pkg.apis.meta.v1";
const rbac = "io.k8s.api.rbac.v1";
const authentication = "io.k8s.api.authentication.v1";
const authorization = "io.k8s.api.authorization.v1";
const coordination = "io.k8s.api.coordination.v1";
const events = "io.k8s.api.events.v1";
const autoscaling = "io.k8s.api.autoscaling.v1";
const extensions = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1";

const microTime = `${meta}.MicroTime`;
const objectReference = `${core}.ObjectReference`;
const userInfo = `${authentication}.UserInfo`;
const resourceAttributes = `${authorization}.ResourceAttributes`;
const nonResourceAttributes = `${authorization}.NonResourceAttributes`;
const accessStatus = `${authorization}.SubjectAccessReviewStatus`;
const policyRule = `${rbac}.PolicyRule`;
const binding: TypeFields = { subjects: `${rbac}.Subject`, roleRef: `${rbac}.RoleRef` };
const crdNames = `${extensions}.CustomResourceDefinitionNames`;
const json = `${extensions}.JSON`;

const typeFields: ReadonlyMap<string, TypeFields> = new Map<string, TypeFields>([
  [
    `${meta}.ObjectMeta`,
    {
      ownerReferences: `${meta}.OwnerReference`,
      managedFields: `${meta}.ManagedFieldsEntry`,
    },
  ],
  [`${meta}.ManagedFieldsEntry`, { fieldsV1: `${meta}.FieldsV1` }],
  [`${meta}.Status`, { metadata: `${meta}.ListMeta`, details: `${meta}.StatusDetails` }],
  [`${meta}.StatusDetails`, { causes: `${meta}.StatusCause` }],
  [`${meta}.DeleteOptions`, { preconditions: `${meta}.Preconditions` }],
  [`${meta}.WatchEvent`, { object: "io.k8s.apimachinery.pkg.runtime.RawExtension" }],
  [`${meta}.APIResourceList`, { resources: `${meta}.APIResource` }],
  [`${meta}.LabelSelector`, { matchExpressions: `${meta}.LabelSelectorRequirement` }],
  [`${core}.Namespace`, { spec: `${core}.NamespaceSpec`, status: `${core}.NamespaceStatus` }],
  [`${core}.NamespaceStatus`, { conditions: `${core}.NamespaceCondition` }],
  [
    `${core}.Event`,
    {
      involvedObject: objectReference,
      related: objectReference,
      eventTime: microTime,
      series: `${core}.EventSeries`,
      source: `${core}.EventSource`,
    },
  ],
  [`${core}.EventSeries`, { lastObservedTime: microTime }],
  [
    `${core}.ServiceAccount`,
    {
      secrets: `${core}.ObjectReference`,
      imagePullSecrets: `${core}.LocalObjectReference`,
    },
  ],
  [`${core}.ResourceQuota`, { spec: `${core}.ResourceQuotaSpec`, status: `${core}.ResourceQuotaStatus` }],
  [`${core}.ResourceQuotaSpec`, { scopeSelector: `${core}.ScopeSelector` }],
  [`${core}.ScopeSelector`, { matchExpressions: `${core}.ScopedResourceSelectorRequirement` }],
  [
    `${events}.Event`,
    {
      regarding: objectReference,
      related: objectReference,
      eventTime: microTime,
      series: `${events}.EventSeries`,
      deprecatedSource: `${core}.EventSource`,
    },
  ],
  [`${events}.EventSeries`, { lastObservedTime: microTime }],
  [`${coordination}.Lease`, { spec: `${coordination}.LeaseSpec` }],
  [`${coordination}.LeaseSpec`, { acquireTime: microTime, renewTime: microTime }],
  [`${rbac}.Role`, { rules: policyRule }],
  [`${rbac}.ClusterRole`, { rules: policyRule, aggregationRule: `${rbac}.AggregationRule` }],
  [`${rbac}.AggregationRule`, { clusterRoleSelectors: `${meta}.LabelSelector` }],
  [`${rbac}.RoleBinding`, binding],
  [`${rbac}.ClusterRoleBinding`, binding],
  [`${authentication}.SelfSubjectReview`, { status: `${authentication}.SelfSubjectReviewStatus` }],
  [`${authentication}.SelfSubjectReviewStatus`, { userInfo }],
  [
    `${authentication}.TokenReview`,
    { spec: `${authentication}.TokenReviewSpec`, status: `${authentication}.TokenReviewStatus` },
  ],
  [`${authentication}.TokenReviewStatus`, { user: userInfo }],
  [
    `${authentication}.TokenRequest`,
    {
      metadata: `${meta}.ObjectMeta`,
      spec: `${authentication}.TokenRequestSpec`,
      status: `${authentication}.TokenRequestStatus`,
    },
  ],
  [
    "io.k8s.api.policy.v1.Eviction",
    { metadata: `${meta}.ObjectMeta`, deleteOptions: `${meta}.DeleteOptions` },
  ],
  [`${authentication}.TokenRequestSpec`, { boundObjectRef: `${authentication}.BoundObjectReference` }],
  [
    `${autoscaling}.Scale`,
    {
      metadata: `${meta}.ObjectMeta`,
      spec: `${autoscaling}.ScaleSpec`,
      status: `${autoscaling}.ScaleStatus`,
    },
  ],
  [
    `${authorization}.SelfSubjectAccessReview`,
    { spec: `${authorization}.SelfSubjectAccessReviewSpec`, status: accessStatus },
  ],
  [`${authorization}.SelfSubjectAccessReviewSpec`, { resourceAttributes, nonResourceAttributes }],
  ...["SubjectAccessReview", "LocalSubjectAccessReview"].map((kind): [string, TypeFields] => [
    `${authorization}.${kind}`,
    { spec: `${authorization}.SubjectAccessReviewSpec`, status: accessStatus },
  ]),
  [`${authorization}.SubjectAccessReviewSpec`, { resourceAttributes, nonResourceAttributes }],
  [
    `${authorization}.ResourceAttributes`,
    {
      fieldSelector: `${authorization}.FieldSelectorAttributes`,
      labelSelector: `${authorization}.LabelSelectorAttributes`,
    },
  ],
  [`${authorization}.FieldSelectorAttributes`, { requirements: `${meta}.FieldSelectorRequirement` }],
  [`${authorization}.LabelSelectorAttributes`, { requirements: `${meta}.LabelSelectorRequirement` }],
  [
    `${authorization}.SelfSubjectRulesReview`,
    {
      spec: `${authorization}.SelfSubjectRulesReviewSpec`,
      status: `${authorization}.SubjectRulesReviewStatus`,
    },
  ],
  [
    `${authorization}.SubjectRulesReviewStatus`,
    {
      resourceRules: `${authorization}.ResourceRule`,
      nonResourceRules: `${authorization}.NonResourceRule`,
    },
  ],
  [
    `${extensions}.CustomResourceDefinition`,
    {
      spec: `${extensions}.CustomResourceDefinitionSpec`,
      status: `${extensions}.CustomResourceDefinitionStatus`,
    },
  ],
  [
    `${extensions}.CustomResourceDefinitionSpec`,
    {
      conversion: `${extensions}.CustomResourceConversion`,
      names: crdNames,
      versions: `${extensions}.CustomResourceDefinitionVersion`,
    },
  ],
  [`${extensions}.CustomResourceConversion`, { webhook: `${extensions}.WebhookConversion` }],
  [
    `${extensions}.CustomResourceDefinitionStatus`,
    { acceptedNames: crdNames, conditions: `${extensions}.CustomResourceDefinitionCondition` },
  ],
  [
    `${extensions}.CustomResourceDefinitionVersion`,
    {
      schema: `${extensions}.CustomResourceValidation`,
      subresources: `${extensions}.CustomResourceSubresources`,
      additionalPrinterColumns: `${extensions}.CustomResourceColumnDefinition`,
      selectableFields: `${extensions}.SelectableField`,
    },
  ],
  [
    `${extensions}.CustomResourceSubresources`,
    {
      status: `${extensions}.CustomResourceSubresourceStatus`,
      scale: `${extensions}.CustomResourceSubresourceScale`,
    },
  ],
  [
    `${extensions}.JSONSchemaProps`,
    {
      default: json,
      items: `${extensions}.JSONSchemaPropsOrArray`,
      example: json,
      enum: json,
      externalDocs: `${extensions}.ExternalDocumentation`,
      "x-kubernetes-validations": `${extensions}.ValidationRule`,
    },
  ],
]);

const none: TypeFields = {};

export function fieldsOfType(name: string): TypeFields {
  return typeFields.get(name) ?? none;
}
