import {
  type FieldError,
  forbiddenValue,
  invalidValue,
  requiredValue,
  unsupportedValue,
} from "../../../api/validation/field-error.ts";
import { isObject, type Schema } from "../resource.ts";

const listTypes = ["atomic", "set", "map"];

/** x-kubernetes-list-type and x-kubernetes-list-map-keys of one schema. */
export function validateListType(schema: Schema, path: string): readonly FieldError[] {
  const listType = schema["x-kubernetes-list-type"];
  const keys = schema["x-kubernetes-list-map-keys"] ?? [];
  const errors: FieldError[] = [];
  const typePath = `${path}.x-kubernetes-list-type`;
  if (listType !== undefined && schema.type !== "array") {
    const why = "must be array if x-kubernetes-list-type is specified";
    errors.push(
      schema.type ? invalidValue(`${path}.type`, schema.type, why) : requiredValue(`${path}.type`, why),
    );
  } else if (listType === "set") errors.push(...checkSetItems(schema, path));
  if (listType !== undefined && !listTypes.includes(listType))
    errors.push(unsupportedValue(typePath, listType, listTypes));
  if (keys.length > 0 && listType !== "map") {
    const why = "must be map if x-kubernetes-list-map-keys is non-empty";
    errors.push(
      listType === undefined ? requiredValue(typePath, why) : invalidValue(typePath, listType, why),
    );
  }
  if (listType === "map") errors.push(...checkMapItems(schema, keys, path));
  return [...errors, ...checkIdentity(schema, path)];
}

/** An item of a set is compared as a whole, so it must be owned as a whole. */
function checkSetItems({ items }: Schema, path: string): readonly FieldError[] {
  if (!items) return [];
  const why = "must be atomic as item of a list with x-kubernetes-list-type=set";
  const listType = items["x-kubernetes-list-type"];
  if (items.type === "array" && listType !== undefined && listType !== "atomic")
    return [invalidValue(`${path}.items.x-kubernetes-list-type`, listType, why)];
  if (items.type === "object" && items["x-kubernetes-map-type"] !== "atomic")
    return [invalidValue(`${path}.items.x-kubernetes-map-type`, listType ?? null, why)];
  return [];
}

function checkMapItems({ items }: Schema, keys: readonly string[], path: string): readonly FieldError[] {
  const errors: FieldError[] = [];
  const keysPath = `${path}.x-kubernetes-list-map-keys`;
  if (keys.length === 0)
    errors.push(requiredValue(keysPath, "must not be empty if x-kubernetes-list-type is map"));
  if (!isObject(items)) {
    const why = "must have a schema if x-kubernetes-list-type is map";
    errors.push(requiredValue(`${path}.items`, why));
    return errors;
  }
  if (items.type !== "object") {
    const why = "must be object if parent array's x-kubernetes-list-type is map";
    return [...errors, invalidValue(`${path}.items.type`, items.type ?? "", why)];
  }
  const seen = new Set<string>();
  for (const key of keys) {
    const own = ownOf(items, key);
    if (!own) errors.push(invalidValue(keysPath, keys, "entries must all be names of item properties"));
    else if (own.type === "array" || own.type === "object")
      errors.push(
        invalidValue(
          `${path}.items.properties[${key}].type`,
          items.type,
          "must be a scalar type if parent array's x-kubernetes-list-type is map",
        ),
      );
    if (seen.has(key)) errors.push(invalidValue(keysPath, keys, "must not contain duplicate entries"));
    seen.add(key);
  }
  return errors;
}

/** What tells the items of a set or map apart must always be there. */
function checkIdentity(schema: Schema, path: string): readonly FieldError[] {
  const { items } = schema;
  const listType = schema["x-kubernetes-list-type"];
  if (!isObject(items) || (listType !== "set" && listType !== "map")) return [];
  const errors: FieldError[] = [];
  if (items.nullable === true)
    errors.push(
      forbiddenValue(
        `${path}.items.nullable`,
        `cannot be nullable when x-kubernetes-list-type is ${listType}`,
      ),
    );
  if (listType === "set") return errors;
  for (const key of schema["x-kubernetes-list-map-keys"] ?? []) {
    const own = ownOf(items, key);
    if (!own) continue;
    if (!items.required?.includes(key) && own.default === undefined)
      errors.push(
        requiredValue(
          `${path}.items.properties[${key}].default`,
          "this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property",
        ),
      );
    if (own.nullable === true)
      errors.push(
        forbiddenValue(
          `${path}.items.properties[${key}].nullable`,
          "this property is in x-kubernetes-list-map-keys, so it cannot be nullable",
        ),
      );
  }
  return errors;
}

function ownOf({ properties }: Schema, name: string): Schema | undefined {
  return properties && Object.hasOwn(properties, name) ? properties[name] : undefined;
}
