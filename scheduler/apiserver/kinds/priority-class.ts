import type { ApiObject } from "../../../api/object-meta.ts";
import {
  type FieldError,
  forbiddenValue,
  invalidValue,
  requiredValue,
  unsupportedValue,
} from "../../../api/validation/field-error.ts";
import type { JsonObject, Schema } from "../resource.ts";
import { ageColumn, coreKind, functionColumn, pathColumn } from "./descriptor.ts";

const userValueMax = 1_000_000_000;
const systemPrefix = "system-";

/** The classes that Kubernetes itself defines: no other name may begin with system-. */
const systemValues: ReadonlyMap<string, number> = new Map([
  ["system-node-critical", 2_000_001_000],
  ["system-cluster-critical", 2_000_000_000],
]);

/** As every cluster of Kubernetes has them. */
export const systemPriorityClasses: readonly JsonObject[] = [
  systemClass("system-node-critical", "whose absence would break the node that they run on"),
  systemClass("system-cluster-critical", "that the whole cluster needs"),
];

function systemClass(name: string, what: string): JsonObject {
  return {
    apiVersion: "scheduling.k8s.io/v1",
    kind: "PriorityClass",
    metadata: { name },
    value: systemValues.get(name),
    description: `For instances ${what}.`,
  };
}

const schema: Schema = {
  type: "object",
  description: "PriorityClass defines mapping from a priority class name to the priority integer value.",
  required: ["value"],
  properties: {
    value: {
      type: "integer",
      format: "int32",
      default: 0,
      description: "The priority of what has this class. Higher goes first. It cannot be changed.",
    },
    globalDefault: {
      type: "boolean",
      description: "Whether it is the class of what names none. Only one class may be it.",
    },
    description: { type: "string", description: "When this class should be used, for people." },
    preemptionPolicy: {
      type: "string",
      default: "PreemptLowerPriority",
      description:
        "PreemptLowerPriority: others may be stopped to make room. Never: they may not. It cannot be changed.",
    },
  },
};

/** That there is one global default only is for admission to say, which sees the other classes. */
export const priorityClassDefinition = coreKind({
  group: "scheduling.k8s.io",
  kind: "PriorityClass",
  plural: "priorityclasses",
  shortNames: ["pc"],
  namespaced: false,
  generation: true,
  schema,
  columns: [
    pathColumn("Value", "integer", ".value", "The priority."),
    functionColumn(
      "Global-Default",
      "boolean",
      "Whether it is the class of what names none.",
      (object) => object["globalDefault"] === true,
    ),
    ageColumn,
    pathColumn("PreemptionPolicy", "string", ".preemptionPolicy", "Whether others are stopped for it."),
  ],
  validate: (object, old) => (old ? validateUpdate(object, old) : validateNew(object)),
});

function validateNew(object: ApiObject): readonly FieldError[] {
  const { preemptionPolicy: policy } = object;
  const policies = ["Never", "PreemptLowerPriority"];
  return [
    ...validateValue(object),
    ...(policy === "" ? [requiredValue("preemptionPolicy")] : []),
    ...(typeof policy === "string" && policy !== "" && !policies.includes(policy)
      ? [unsupportedValue("preemptionPolicy", policy, policies)]
      : []),
  ];
}

function validateValue({ metadata: { name }, value, globalDefault }: ApiObject): readonly FieldError[] {
  if (!name.startsWith(systemPrefix))
    return typeof value === "number" && value > userValueMax
      ? [forbiddenValue("value", `maximum allowed value of a user defined priority is ${userValueMax}`)]
      : [];
  const problem = systemProblem(name, value, globalDefault);
  if (problem === undefined) return [];
  return [
    forbiddenValue(
      "metadata.name",
      `priority class names with '${systemPrefix}' prefix are reserved for system use only. error: ${problem}`,
    ),
  ];
}

function systemProblem(name: string, value: unknown, globalDefault: unknown): string | undefined {
  const expected = systemValues.get(name);
  if (expected === undefined) return `${name} is not a known system priority class`;
  if (value !== expected) return `value of ${name} PriorityClass must be ${expected}`;
  return globalDefault === true ? `globalDefault of ${name} PriorityClass must be false` : undefined;
}

function validateUpdate(object: ApiObject, old: ApiObject): readonly FieldError[] {
  const { value, preemptionPolicy: policy } = object;
  return [
    ...(value === old["value"] ? [] : [forbiddenValue("value", "may not be changed in an update.")]),
    ...(policy === old["preemptionPolicy"]
      ? []
      : [invalidValue("preemptionPolicy", policy, "field is immutable")]),
  ];
}
