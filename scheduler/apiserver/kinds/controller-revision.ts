import { isDeepStrictEqual } from "node:util";
import type { ApiObject } from "../../../api/object-meta.ts";
import {
  type FieldError,
  forbiddenValue,
  invalidValue,
  requiredValue,
} from "../../../api/validation/field-error.ts";
import { isObject } from "../resource.ts";
import { ageColumn, coreKind, functionColumn, pathColumn } from "./descriptor.ts";

/** What a workload was at one time. The scheduler keeps the templates of deployments and daemon sets so, for undo. */
export const controllerRevisionDefinition = coreKind({
  group: "apps",
  kind: "ControllerRevision",
  plural: "controllerrevisions",
  schema: {
    type: "object",
    description: "ControllerRevision implements an immutable snapshot of state data.",
    required: ["revision"],
    properties: {
      data: {
        type: "object",
        "x-kubernetes-preserve-unknown-fields": true,
        description: "What the workload was. It cannot be changed.",
      },
      revision: { type: "integer", format: "int64", description: "Its number: the later, the higher." },
    },
  },
  columns: [
    functionColumn("Controller", "string", "Whose it is.", controllerOf),
    pathColumn("Revision", "string", ".revision", "Its number."),
    ageColumn,
  ],
  validate: (object, old) => (old ? validateUpdate(object, old) : validateNew(object)),
});

/** As kubectl shows it: `wasmdeployment.wherry.dev/web`. */
function controllerOf(object: ApiObject): string {
  const owner = object.metadata.ownerReferences?.find(({ controller }) => controller === true);
  if (!owner) return "<none>";
  const group = owner.apiVersion.split("/").slice(0, -1).join("");
  const kind = owner.kind.toLowerCase();
  return `${group === "" ? kind : `${kind}.${group}`}/${owner.name}`;
}

function validateNew(object: ApiObject): readonly FieldError[] {
  return [...(isObject(object["data"]) ? [] : [requiredValue("data")]), ...validateNumber(object)];
}

function validateUpdate(object: ApiObject, old: ApiObject): readonly FieldError[] {
  const isSame = isDeepStrictEqual(object["data"], old["data"]);
  return [...(isSame ? [] : [forbiddenValue("data", "field is immutable")]), ...validateNumber(object)];
}

function validateNumber({ revision }: ApiObject): readonly FieldError[] {
  return typeof revision === "number" && revision < 0
    ? [invalidValue("revision", revision, "must be greater than or equal to 0")]
    : [];
}
