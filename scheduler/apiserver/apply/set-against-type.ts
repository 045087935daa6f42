import {
  asMember,
  childrenOf,
  type FieldSet,
  hasChildren,
  isMember,
  leaf,
  nodeOf,
  setOf,
} from "./field-set.ts";
import { type FieldType, isDeduced, typeOfField } from "./field-type.ts";
import { fieldNameOf } from "./path-element.ts";

/** The set with every declared field that only holds fields of the set: .spec of .spec.replicas, too. */
export function withNamedFields(set: FieldSet, type: FieldType): FieldSet {
  return setOf(childrenOf(set).map(([element, node]) => [element, named(element, node, type)] as const));
}

function named(element: string, node: FieldSet, above: FieldType): FieldSet {
  if (!hasChildren(node)) return node;
  const name = fieldNameOf(element);
  const isNamed = name !== undefined && above.map?.fields.has(name) === true;
  const type = typeBelow(element, above);
  const children = childrenOf(node).map(
    ([below, child]) => [below, type ? named(below, child, type) : child] as const,
  );
  return nodeOf(isNamed || isMember(node), children) ?? leaf;
}

/**
 * Sets are older than schemas: what has become owned as a whole since is owned by whoever owned a part of it.
 * Gives back the set itself when it fits.
 */
export function fitToType(set: FieldSet, type: FieldType): FieldSet {
  let isSame = true;
  const children = childrenOf(set).map(([element, node]) => {
    const fitted = fitNode(element, node, type);
    if (fitted !== node) isSame = false;
    return [element, fitted] as const;
  });
  return isSame ? set : setOf(children);
}

function fitNode(element: string, node: FieldSet, above: FieldType): FieldSet {
  if (node === leaf || !hasChildren(node)) return node;
  const type = typeBelow(element, above);
  if (!type || (type.map && isDeduced(type.map))) return node;
  if (type.map ? type.map.atomic : !type.scalar && type.list?.kind === "atomic") return leaf;
  const fitted = fitToType(node, type);
  if (fitted === node) return node;
  return isMember(node) ? asMember(fitted) : fitted;
}

function typeBelow(element: string, above: FieldType): FieldType | undefined {
  const name = fieldNameOf(element);
  if (name !== undefined) return above.map && typeOfField(above.map, name);
  return element.startsWith("k:") ? above.list?.item : undefined;
}
