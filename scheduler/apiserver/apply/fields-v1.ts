import { isObject } from "../resource.ts";
import { type Entry, type FieldSet, leaf, nodeOf, setOf, unionOfNodes } from "./field-set.ts";
import { canonicalElement, compareElements } from "./path-element.ts";

/** Objects are at most this deep, so no field is deeper. */
const depthMax = 100;

export type ParsedFields =
  | { readonly kind: "set"; readonly set: FieldSet }
  | { readonly kind: "invalid"; readonly why: string };

/** Reads FieldsV1 from whoever sent it. What has the form already comes back as it is. */
export function parseFieldsV1(value: unknown): ParsedFields {
  const problems: string[] = [];
  const set = parseNode(value, 0, problems);
  const [why] = problems;
  return why === undefined ? { kind: "set", set } : { kind: "invalid", why };
}

function parseNode(value: unknown, depth: number, problems: string[]): FieldSet {
  if (!isObject(value)) {
    problems.push("fieldsV1 must consist of objects");
    return leaf;
  }
  if (depth > depthMax) {
    problems.push(`fieldsV1 is deeper than ${depthMax} levels`);
    return leaf;
  }
  const children: Entry[] = [];
  let isSelf = false;
  let isCanonical = true;
  let last = ".";
  for (const [text, below] of Object.entries(value)) {
    if (text === ".") {
      isSelf = true;
      isCanonical &&= children.length === 0 && isObject(below) && Object.keys(below).length === 0;
      continue;
    }
    const parsed = canonicalElement(text);
    if (parsed.kind === "invalid") problems.push(parsed.why);
    if (problems.length > 0) return leaf;
    if (parsed.kind !== "element") {
      isCanonical = false;
      continue;
    }
    const child = parseNode(below, depth + 1, problems);
    isCanonical &&= parsed.element === text && child === below && compareElements(last, text) < 0;
    last = text;
    children.push([parsed.element, child]);
  }
  // Every part of it has been looked at, so it is a FieldSet.
  if (isCanonical && (!isSelf || (children.length > 0 && depth > 0))) return value as FieldSet;
  if (depth === 0) return setOf(merged(children));
  return nodeOf(isSelf || children.length === 0, merged(children)) ?? leaf;
}

/** Two texts can be the same element. */
function merged(children: readonly Entry[]): readonly Entry[] {
  const byElement = new Map<string, FieldSet>();
  for (const [element, node] of children) {
    const before = byElement.get(element);
    byElement.set(element, before === undefined ? node : unionOfNodes(before, node));
  }
  return [...byElement];
}
