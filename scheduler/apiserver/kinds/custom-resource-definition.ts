import type { ApiObject } from "../../../api/object-meta.ts";
import { crdWarnings } from "../crd/crd-warnings.ts";
import { asCrd, isEstablished } from "../crd/crd.ts";
import { validateCrd } from "../crd/validate-crd.ts";
import type { CheckRules } from "../crd/validate-version.ts";
import { isObject, type ResourceDefinition, type Schema } from "../resource.ts";
import { coreKind, functionColumn, pathColumn } from "./descriptor.ts";
import { jsonSchemaProps } from "./json-schema-props.ts";

const text: Schema = { type: "string" };
const flag: Schema = { type: "boolean" };
const texts: Schema = { type: "array", items: text, "x-kubernetes-list-type": "atomic" };

const names: Schema = {
  type: "object",
  properties: {
    categories: { ...texts, description: "Groups of kinds that it belongs to, such as all." },
    kind: { ...text, description: "The kind, in CamelCase and singular." },
    listKind: { ...text, description: "The kind of lists; by default the kind with List." },
    plural: { ...text, description: "The name in URLs: in lower case and plural." },
    shortNames: { ...texts, description: "Short names for command lines." },
    singular: { ...text, description: "The singular in lower case; by default the kind in lower case." },
  },
};

const version: Schema = {
  type: "object",
  required: ["name", "served", "storage"],
  properties: {
    name: { ...text, description: "The version, such as v1 or v1beta1." },
    served: { ...flag, description: "Whether clients can use it." },
    storage: { ...flag, description: "Whether objects are stored in it. True for exactly one." },
    deprecated: { ...flag, description: "Whether clients of this version are warned." },
    deprecationWarning: { ...text, description: "What they are warned with." },
    schema: {
      type: "object",
      description: "The schema by which objects are validated, pruned and defaulted.",
      properties: { openAPIV3Schema: jsonSchemaProps },
    },
    subresources: {
      type: "object",
      description: "The subresources of this version.",
      properties: {
        status: {
          type: "object",
          "x-kubernetes-preserve-unknown-fields": true,
          description: "Whether there is a status subresource.",
        },
        scale: {
          type: "object",
          required: ["specReplicasPath", "statusReplicasPath"],
          description: "The scale subresource, and where its values are.",
          properties: { specReplicasPath: text, statusReplicasPath: text, labelSelectorPath: text },
        },
      },
    },
    additionalPrinterColumns: {
      type: "array",
      "x-kubernetes-list-type": "atomic",
      description: "The columns of tables; by default the age.",
      items: {
        type: "object",
        required: ["name", "type", "jsonPath"],
        properties: {
          name: text,
          type: text,
          format: text,
          description: text,
          priority: { type: "integer", format: "int32" },
          jsonPath: text,
        },
      },
    },
    selectableFields: {
      type: "array",
      "x-kubernetes-list-type": "atomic",
      description: "Fields that field selectors may name; eight at most.",
      items: { type: "object", required: ["jsonPath"], properties: { jsonPath: text } },
    },
  },
};

const conversion: Schema = {
  type: "object",
  required: ["strategy"],
  description: "How objects get from one version to another.",
  properties: {
    strategy: { ...text, description: "None: only the apiVersion changes. Webhook is not served." },
    webhook: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
  },
};

const status: Schema = {
  type: "object",
  description: "What has become of the definition.",
  properties: {
    acceptedNames: { ...names, description: "The names that the kind is served under." },
    conditions: {
      type: "array",
      "x-kubernetes-list-type": "map",
      "x-kubernetes-list-map-keys": ["type"],
      items: {
        type: "object",
        // Both required in Kubernetes, which then takes what has neither.
        properties: {
          type: text,
          status: text,
          lastTransitionTime: { ...text, format: "date-time" },
          reason: text,
          message: text,
          observedGeneration: { type: "integer", format: "int64" },
        },
      },
    },
    observedGeneration: { type: "integer", format: "int64" },
    storedVersions: { ...texts, description: "All versions in which objects were ever stored." },
  },
};

const schema: Schema = {
  type: "object",
  description:
    "CustomResourceDefinition represents a resource that should be exposed on the API server. Its name MUST be in the format <.spec.name>.<.spec.group>.",
  required: ["spec"],
  properties: {
    spec: {
      type: "object",
      required: ["group", "names", "scope", "versions"],
      description: "How the kind is called, where it lives and how its objects look.",
      properties: {
        conversion,
        group: { ...text, description: "The API group of the kind." },
        names,
        preserveUnknownFields: { ...flag, description: "Must be false; the schema says what is kept." },
        scope: { ...text, description: "Cluster or Namespaced." },
        versions: { type: "array", items: version, "x-kubernetes-list-type": "atomic" },
      },
    },
    status,
  },
};

/** `checkRules`: compiles the CEL rules of a schema and says what is wrong with them. */
export function customResourceDefinitionKind(checkRules: CheckRules): ResourceDefinition {
  return coreKind({
    group: "apiextensions.k8s.io",
    kind: "CustomResourceDefinition",
    plural: "customresourcedefinitions",
    shortNames: ["crd", "crds"],
    categories: ["api-extensions"],
    namespaced: false,
    status: true,
    generation: true,
    schema,
    warnings: (object, old) => crdWarnings(asCrd(object), old && asCrd(old)),
    columns: [
      pathColumn("Scope", "string", ".spec.scope", "Cluster/Namespaced", 1),
      functionColumn("Versions", "string", "Served versions", servedVersions, 1),
      {
        ...functionColumn(
          "Created At",
          "date",
          "When it was created.",
          ({ metadata }) => metadata.creationTimestamp,
        ),
      },
      pathColumn("Group", "string", ".spec.group", "API group", 1),
      pathColumn("Kind", "string", ".spec.names.kind", "CustomResource kind", 1),
      functionColumn(
        "ShortNames",
        "string",
        "Short names",
        (object) => asCrd(object).spec.names.shortNames?.join(",") ?? "",
        1,
      ),
      functionColumn(
        "Established",
        "boolean",
        "Established status",
        (object) => isEstablished(asCrd(object)),
        1,
      ),
    ],
    normalize: withDefaults,
    validate: (object, old) => validateCrd(asCrd(object), old && asCrd(old), checkRules),
  });
}

function servedVersions(object: ApiObject): string {
  return asCrd(object)
    .spec.versions.filter(({ served }) => served)
    .map(({ name, storage }) => (storage ? `${name}(storage)` : name))
    .toSorted()
    .join(",");
}

/** Kubernetes' defaults. Anything of an unexpected shape is left for the schema to refuse. */
function withDefaults(object: ApiObject): ApiObject {
  const { spec } = object;
  if (!isObject(spec)) return object;
  const given = isObject(spec["names"]) ? spec["names"] : undefined;
  const kind = typeof given?.["kind"] === "string" ? given["kind"] : "";
  const completed = {
    ...spec,
    ...(given && {
      names: {
        ...given,
        singular: given["singular"] || kind.toLowerCase(),
        ...(kind === "" ? {} : { listKind: given["listKind"] || `${kind}List` }),
      },
    }),
    conversion: spec["conversion"] ?? { strategy: "None" },
  };
  return { ...object, spec: completed, status: withStoredVersion(object["status"], spec["versions"]) };
}

/** The version in which objects are stored now joins those in which they were stored before. */
function withStoredVersion(status: unknown, versions: unknown): unknown {
  if (status !== undefined && !isObject(status)) return status;
  const list: readonly unknown[] = Array.isArray(versions) ? versions : [];
  const storage = list.find((one) => isObject(one) && one["storage"] === true);
  const name = isObject(storage) ? storage["name"] : undefined;
  const stored: readonly unknown[] = Array.isArray(status?.["storedVersions"])
    ? status["storedVersions"]
    : [];
  const storedVersions = typeof name !== "string" || stored.includes(name) ? stored : [...stored, name];
  return { conditions: [], acceptedNames: { kind: "", plural: "" }, ...status, storedVersions };
}
