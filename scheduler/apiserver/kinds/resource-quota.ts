import { parseQuantity } from "../../../api/quantity.ts";
import type { ApiObject } from "../../../api/object-meta.ts";
import { isObject, type JsonObject, type Schema } from "../resource.ts";
import { canonicalQuantity } from "./canonical-quantity.ts";
import { ageColumn, coreKind, functionColumn } from "./descriptor.ts";
import { validateResourceQuota } from "./validate-resource-quota.ts";

const quantity: Schema = {
  "x-kubernetes-int-or-string": true,
  "x-wherry-definition": "io.k8s.apimachinery.pkg.api.resource.Quantity",
  description: "A number with an optional unit: 250m, 2, 64Mi, 1Gi.",
};

const quantities = (description: string): Schema => ({
  type: "object",
  additionalProperties: quantity,
  description,
});

const schema: Schema = {
  type: "object",
  description: "ResourceQuota sets aggregate quota restrictions enforced per namespace.",
  properties: {
    spec: {
      type: "object",
      default: {},
      description: "The limits.",
      properties: {
        hard: quantities(
          "The limit of each resource: cpu, memory, counts of kinds (count/wasmjobs.wherry.dev) …",
        ),
        scopes: {
          type: "array",
          items: { type: "string" },
          "x-kubernetes-list-type": "atomic",
          description: "What is counted; without scopes, everything is. They cannot be changed.",
        },
        scopeSelector: {
          type: "object",
          "x-kubernetes-map-type": "atomic",
          description: "What is counted, by expressions over scopes.",
          properties: {
            matchExpressions: {
              type: "array",
              "x-kubernetes-list-type": "atomic",
              items: {
                type: "object",
                required: ["scopeName", "operator"],
                properties: {
                  scopeName: { type: "string", description: "The scope." },
                  operator: { type: "string", description: "In, NotIn, Exists or DoesNotExist." },
                  values: {
                    type: "array",
                    items: { type: "string" },
                    "x-kubernetes-list-type": "atomic",
                    description: "The values of In and NotIn.",
                  },
                },
              },
            },
          },
        },
      },
    },
    status: {
      type: "object",
      default: {},
      description: "The limits that hold, and what of them is used.",
      properties: {
        hard: quantities("The limits that are enforced."),
        used: quantities("What is used now, in the whole namespace."),
      },
    },
  },
};

export const resourceQuotaDefinition = coreKind({
  kind: "ResourceQuota",
  plural: "resourcequotas",
  shortNames: ["quota"],
  status: true,
  schema,
  columns: [
    functionColumn(
      "Request",
      "string",
      "Request represents a minimum amount of cpu/memory that a container may consume.",
      (object) => usageText(object, (name) => !name.startsWith("limits.")),
    ),
    functionColumn(
      "Limit",
      "string",
      "Limits control the maximum amount of cpu/memory that a container may use independent of contention on the node.",
      (object) => usageText(object, (name) => name.startsWith("limits.")),
    ),
    ageColumn,
  ],
  normalize: (object) => ({
    ...object,
    ...(isObject(object["spec"]) ? { spec: canonicalFields(object["spec"]) } : {}),
    ...(isObject(object["status"]) ? { status: canonicalFields(object["status"]) } : {}),
  }),
  validate: validateResourceQuota,
});

function canonicalFields(part: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(part).map(([field, value]) =>
      (field === "hard" || field === "used") && isObject(value)
        ? [
            field,
            Object.fromEntries(Object.entries(value).map(([name, one]) => [name, canonicalQuantity(one)])),
          ]
        : [field, value],
    ),
  );
}

/** `cpu: 1/2, pods: 0/10`, from the status. */
function usageText(object: ApiObject, isShown: (name: string) => boolean): string {
  const { hard, used } = isObject(object["status"]) ? object["status"] : {};
  if (!isObject(hard)) return "";
  return Object.entries(hard)
    .filter(([name]) => isShown(name))
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(
      ([name, limit]) =>
        `${name}: ${amountText(isObject(used) ? used[name] : undefined)}/${amountText(limit)}`,
    )
    .join(", ");
}

function amountText(quantity: unknown): string {
  const isGiven = typeof quantity === "string" || typeof quantity === "number";
  return isGiven && parseQuantity(quantity).kind === "ok" ? String(quantity) : "0";
}
