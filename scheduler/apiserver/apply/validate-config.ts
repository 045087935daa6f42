import { isObject, type JsonObject } from "../resource.ts";
import { elementOfItem, type FieldType, type ListType, type MapType, type Scalar } from "./field-type.ts";
import { showGo } from "./show-go.ts";
import { showElement } from "./path-element.ts";
import { shapeOf } from "./shape.ts";

/** More would help nobody. */
const problemsMax = 20;

interface Problem {
  readonly path: string;
  readonly why: string;
}

/**
 * What keeps a configuration from being applied: fields that the schema does not have, values of another type, items
 * that nothing tells apart. In Kubernetes' words; undefined: nothing.
 */
export function validateConfig(config: JsonObject, type: FieldType): string | undefined {
  const problems: Problem[] = [];
  validate(config, type, "", problems);
  const texts = problems
    .slice(0, problemsMax)
    .map(({ path, why }) => (path === "" ? why : `${path}: ${why}`));
  if (texts.length <= 1) return texts[0];
  return ["errors:", ...texts.map((text) => `  ${text}`)].join("\n");
}

function validate(value: unknown, type: FieldType, path: string, problems: Problem[]): void {
  if (problems.length >= problemsMax || value === undefined) return;
  const shape = shapeOf(value, type);
  switch (shape.kind) {
    case "map":
      if (isObject(value)) validateMap(value, shape.type, path, problems);
      else if (value !== null) problems.push({ path, why: `expected map, got &{${showGo(value)}}` });
      return;
    case "list":
      if (Array.isArray(value)) validateList(value, shape.type, path, problems);
      else if (value !== null) problems.push({ path, why: `expected list, got &{${showGo(value)}}` });
      return;
    case "scalar": {
      const why = value === null ? undefined : whyNoScalar(value, shape.type);
      if (why !== undefined) problems.push({ path, why });
      return;
    }
    case "none":
      return;
  }
}

function validateMap(map: JsonObject, type: MapType, path: string, problems: Problem[]): void {
  for (const name of Object.keys(map)) {
    const field = type.fields.get(name) ?? type.others;
    const place = `${path}.${name}`;
    if (field) validate(map[name], field, place, problems);
    else problems.push({ path: place, why: "field not declared in schema" });
  }
}

function validateList(list: readonly unknown[], type: ListType, path: string, problems: Problem[]): void {
  const seen = new Set<string>();
  for (const [at, item] of list.entries()) {
    if (type.kind === "atomic") {
      validate(item, type.item, `${path}[${at}]`, problems);
      continue;
    }
    const found = elementOfItem(type, item);
    if (found.kind === "invalid") {
      problems.push({ path, why: `element ${at}: ${found.why}` });
      return;
    }
    const element = showElement(found.element);
    if (seen.has(element)) problems.push({ path, why: `duplicate entries for key ${element}` });
    seen.add(element);
    validate(item, type.item, path + element, problems);
  }
}

const jsTypes: Readonly<Record<Scalar, readonly string[]>> = {
  numeric: ["number"],
  string: ["string"],
  boolean: ["boolean"],
  untyped: ["number", "string", "boolean"],
};

function whyNoScalar(value: unknown, type: Scalar): string | undefined {
  if (jsTypes[type].includes(typeof value)) return undefined;
  const shown = showGo(value);
  const whys: Readonly<Record<Scalar, string>> = {
    numeric: `expected numeric (int or float), got ${goType(value)}`,
    string: `expected string, got &value.valueUnstructured{Value:${shown}}`,
    boolean: `expected boolean, got &{${shown}}`,
    untyped: `expected any scalar, got &{${shown}}`,
  };
  return whys[type];
}

function goType(value: unknown): string {
  if (Array.isArray(value)) return "[]interface {}";
  if (isObject(value)) return "map[string]interface {}";
  return typeof value === "boolean" ? "bool" : typeof value;
}
