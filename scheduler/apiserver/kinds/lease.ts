import type { ApiObject } from "../../../api/object-meta.ts";
import {
  type FieldError,
  forbiddenValue,
  invalidValue,
  unsupportedValue,
} from "../../../api/validation/field-error.ts";
import { checkQualifiedName } from "../../../api/validation/names.ts";
import { isObject, type Schema } from "../resource.ts";
import { ageColumn, coreKind, pathColumn } from "./descriptor.ts";

const schema: Schema = {
  type: "object",
  description: "Lease says who holds something, and until when: leaders are elected with it.",
  properties: {
    spec: {
      type: "object",
      default: {},
      description: "Who holds it, and since when.",
      properties: {
        holderIdentity: { type: "string", description: "The holder; empty when nobody holds it." },
        leaseDurationSeconds: {
          type: "integer",
          format: "int32",
          description: "How long after renewTime others must wait.",
        },
        acquireTime: {
          type: "string",
          format: "date-time",
          description: "When it was acquired, in microseconds.",
        },
        renewTime: {
          type: "string",
          format: "date-time",
          description: "When the holder last renewed it, in microseconds.",
        },
        leaseTransitions: {
          type: "integer",
          format: "int32",
          description: "How often it went from one holder to another.",
        },
        strategy: { type: "string", description: "How a leader is chosen in coordinated elections." },
        preferredHolder: {
          type: "string",
          description: "Who should hold it next, in coordinated elections.",
        },
      },
    },
  },
};

export const leaseDefinition = coreKind({
  group: "coordination.k8s.io",
  kind: "Lease",
  plural: "leases",
  schema,
  columns: [pathColumn("Holder", "string", ".spec.holderIdentity", "Who holds it."), ageColumn],
  validate: validateLease,
});

function validateLease(object: ApiObject): readonly FieldError[] {
  const spec = isObject(object["spec"]) ? object["spec"] : {};
  const { leaseDurationSeconds, leaseTransitions, strategy, preferredHolder } = spec;
  const errors: FieldError[] = [];
  if (typeof leaseDurationSeconds === "number" && leaseDurationSeconds <= 0)
    errors.push(invalidValue("spec.leaseDurationSeconds", leaseDurationSeconds, "must be greater than 0"));
  if (typeof leaseTransitions === "number" && leaseTransitions < 0)
    errors.push(
      invalidValue("spec.leaseTransitions", leaseTransitions, "must be greater than or equal to 0"),
    );
  if (typeof strategy === "string") errors.push(...validateStrategy(strategy));
  if (preferredHolder !== undefined && preferredHolder !== "" && !strategy)
    errors.push(forbiddenValue("spec.preferredHolder", "may only be specified if `strategy` is defined"));
  return errors;
}

function validateStrategy(strategy: string): readonly FieldError[] {
  const field = "spec.strategy.strategy";
  if (!strategy.includes("/"))
    return strategy === "OldestEmulationVersion"
      ? []
      : [unsupportedValue(field, strategy, ["OldestEmulationVersion"])];
  const problem = checkQualifiedName(strategy);
  return problem === undefined ? [] : [invalidValue(field, strategy, problem)];
}
